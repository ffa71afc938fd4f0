"""`bench(program, ...)` makes a SmallBench that is closed when the test ends."""

import pytest

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
