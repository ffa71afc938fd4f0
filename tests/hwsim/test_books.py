"""What the bench reads of the gateway's log and store."""

import json

import pytest

from hwsim.books import Books
from hwsim.kernel import Kernel
from hwsim.server import Lines

KID = bytes(7) + b"\x01"


def line(seq):
    fields = {"event": "frame.stored", "time": "", "mono_ms": 0, "kid": KID.hex(), "boot": 3, "seq": seq}
    return json.dumps(fields) + "\n"


@pytest.fixture
def books(tmp_path):
    made = Books(Kernel(), tmp_path / "journal.sqlite")
    made.loop = "now"
    return made


def test_lines_that_come_together_are_each_heard(books):
    Lines(books, "now").write(line(1) + line(2))
    Lines(books, "now").write(line(5))
    Lines(books, "of the gateway before").write(line(9))
    assert books.named(KID) == {(KID, 3, 1), (KID, 3, 2), (KID, 3, 5)}


def test_a_line_that_cannot_be_read_is_not_passed_over(books):
    with pytest.raises(RuntimeError, match="no JSON"):
        Lines(books, "now").write("Traceback\n")
