"""The cable is pulled in the middle of a small piece of work: the helpers that longer work is tried with."""

import pytest

from hwsim.pulls import BYTE, OPERATION, Moment, NotStruck, Pulls
from tests.hwsim import slotted
from tests.hwsim.prompt_client import Client, Gone

WRITE = """\
import os
with open('/new', 'wb') as file:
    for n in range(12):
        file.write(bytes([n]) * 100)
os.rename('/new', '/whole')
"""
LOOK = "import os\nprint(os.stat('/whole')[6] if 'whole' in os.listdir('/') else 0)"


def work(stand):
    stand.prompts()
    with Client(stand.port) as client:
        client.raw()
        _, error = client.paste(WRITE)
        if error:
            raise OSError(error)


def size(stand):
    assert stand.prompts()
    with Client(stand.port) as client:
        client.raw()
        return int(client.run(LOOK)[0])


@pytest.fixture(scope="module")
def pulls(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pulls")
    flash = folder / "flash"
    slotted.put_files(flash, {"/other": "x"})
    return Pulls(flash, folder, work, errors=(Gone, FileNotFoundError))


def test_it_counts_what_can_be_struck(pulls):
    whole = pulls.whole()
    assert 10 < whole[OPERATION] < 60 and len(WRITE) < whole[BYTE] < 3 * len(WRITE)
    assert len(pulls.every()) == whole[OPERATION] and len(pulls.every(BYTE, 50)) == -(-whole[BYTE] // 50)
    moments = pulls.some(9, seed=4)
    assert moments == pulls.some(9, seed=4) != pulls.some(9, seed=5)
    assert len(set(moments)) == 9 and {moment.kind for moment in moments} == {OPERATION, BYTE}


def test_every_third_operation_and_some_bytes(pulls):
    """A file renamed at the end is there whole or not at all; the same work ends well."""
    seen = set()
    for moment in [*pulls.every(OPERATION, 3), *pulls.every(BYTE, 150)]:
        with pulls.struck(moment) as stand:
            found = size(stand)
            assert found in (0, 1200), moment
            seen.add(found)
            work(stand)
            assert size(stand) == 1200, moment
    assert 0 in seen


def test_a_moment_that_does_not_come(pulls):
    with pytest.raises(NotStruck, match="operation 5000 did not come"), pulls.struck(Moment(OPERATION, 5000)):
        pass
