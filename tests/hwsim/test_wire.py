"""The bench's end of the wire, where the wall's clock comes in: how long a program may be silent."""

import select
import socket
import struct

import pytest

from hwsim.wire import BOOT, Silent, Wire

LIMIT_S = 60
MESSAGE = struct.pack("<IBBIQ", 0, BOOT, 0, 0, 0)


class Looks:
    """In place of the wire's poll object. Each look waits in vain for as long as it may, but number `at`:
    then a message is there."""

    def __init__(self, ours, theirs, at=None):
        self.looks = self.waited_ms = 0
        self._ours, self._theirs, self._at = ours, theirs, at

    def poll(self, limit_ms):
        self.looks += 1
        if self.looks == self._at:
            self._theirs.sendall(MESSAGE)
            return [(self._ours.fileno(), select.POLLIN)]
        self.waited_ms += limit_ms
        return []


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_a_program_that_says_nothing_for_so_long_is_silent(ends):
    wire = Wire(ends[0])
    wire._poll = looks = Looks(*ends)
    with pytest.raises(Silent):
        wire.receive(LIMIT_S)
    assert looks.waited_ms == LIMIT_S * 1000


def test_all_of_the_bench_may_be_stopped_for_minutes(ends):
    """Whoever is stopped in the middle of a look finds its time over when he goes on, however short it was.
    The program was stopped too: it is heard a moment later."""
    wire = Wire(ends[0])
    wire._poll = Looks(*ends, at=2)
    assert wire.receive(LIMIT_S).kind == BOOT
