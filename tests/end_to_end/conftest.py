import pytest

from hwsim import technician
from hwsim.rig import Kit
from tests.end_to_end.watch import SETTINGS, Watch
from tests.gateway.conftest import bench, broker, consumers, relayed

__all__ = ["bench", "broker", "consumers", "relayed"]


@pytest.fixture(scope="session")
def kits(tmp_path_factory):
    """kits(units): terminals with keys and settings, made once."""
    made = {}

    def kit(units):
        if units not in made:
            image = next(iter(made.values())).image if made else None
            made[units] = Kit(tmp_path_factory.mktemp(f"kit{units}"), units, SETTINGS, image)
        return made[units]

    return kit


@pytest.fixture(scope="session")
def reader(tmp_path_factory):
    """Opens a terminal's journal after the run."""
    return technician.build_reader(tmp_path_factory.mktemp("reader"))


@pytest.fixture
def watch(kits, tmp_path):
    """watch(units, **options of House): closed when the test is over."""
    begun = []

    def begin(units=1, **options):
        begun.append(Watch(kits(units), tmp_path, **options))
        return begun[-1]

    yield begin
    for one in begun:
        one.__exit__()
