"""`bench(program, ...)` makes a SmallBench that is closed when the test ends; `stand` is a board behind a
port, `client` somebody at its prompt."""

import pytest

from hwsim.board_stand import BoardStand
from tests.hwsim.driver_bench import Drive, make_image
from tests.hwsim.prompt_client import Client
from tests.hwsim.small_bench import SmallBench


@pytest.fixture
def bench(tmp_path):
    made = []

    def make(program, **options):
        made.append(SmallBench(tmp_path, program, **options))
        return made[-1]

    yield make
    for each in made:
        each.terminal.close()


@pytest.fixture(scope="session")
def driver_image(tmp_path_factory):
    """protocol/ and firmware/ as they stand: the program of a test picks its modules by name."""
    return make_image(tmp_path_factory.mktemp("image"))


@pytest.fixture
def drive(driver_image, tmp_path):
    """Makes a Drive (driver_bench.py), which ends with the test."""
    drives = []

    def make(*arguments, **settings):
        drives.append(Drive(driver_image, tmp_path, *arguments, **settings))
        return drives[-1]

    yield make
    for one in drives:
        one.close()


@pytest.fixture
def stand():
    with BoardStand() as made:
        yield made


@pytest.fixture
def client(stand):
    with Client(stand.port) as made:
        made.until(b">>> ")
        yield made
