"""Many datagrams with one question to the kernel (Linux: sendmmsg, recvmmsg): what the generator uses of a
processor, the gateway beside it lacks. Elsewhere, one by one.

The lists that the kernel reads are made ahead, so that sending costs Python nothing for each datagram.
"""

import ctypes
import itertools
import socket
import struct
import sys
from array import array

# More than any answer has; of what is longer, a notification, only the beginning is looked at.
ROOM = 256
MOST = 128
_WORDS = (
    8  # 64 bits each: name, its size, pieces, their number, control, its size, flags, size of the datagram
)
_CALLS = ctypes.PyDLL(None, use_errno=True)


def supported():
    """This system has both, in the form that is known here."""
    known = sys.platform == "linux" and sys.byteorder == "little" and struct.calcsize("P") == 8
    return known and hasattr(_CALLS, "sendmmsg") and hasattr(_CALLS, "recvmmsg")


def _address(data):
    return ctypes.addressof((ctypes.c_char * len(data)).from_buffer(data)) if data else 0


def _column(text, indices, step):
    """Where entry i of `text`, each `step` long, lies in memory; 0 when there are none."""
    base = _address(text)
    return array("Q", [base + step * i for i in indices] if base else [0] * len(indices))


class Outbox:
    """Sends `data[i]`, a list of datagrams, through `socks[lines[i]]`. `routes[i]` says where and as whom: a
    number of (name, control), the C structures or nothing for a socket that is connected."""

    def __init__(self, data, socks, lines, routes, ways):
        self._socks = socks
        self._lines = lines
        self._data = data
        self._many = supported()
        if not self._many:
            return
        self._numbers = [sock.fileno() for sock in socks]
        self._blob = bytearray().join(data)
        self._names = bytearray().join(name for name, _ in ways)
        self._controls = bytearray().join(control for _, control in ways)
        count, name_size, control_size = len(data), *map(len, ways[0])
        begins = itertools.accumulate(map(len, data[:-1]), initial=0)
        base = _address(self._blob)
        self._pieces = array("Q", bytes(16 * count))
        self._pieces[0::2] = array("Q", [base + begin for begin in begins])
        self._pieces[1::2] = array("Q", map(len, data))
        heads = array("Q", bytes(8 * _WORDS * count))
        heads[0::8] = _column(self._names, routes, name_size)
        heads[1::8] = array("Q", [name_size]) * count
        first = self._pieces.buffer_info()[0]
        heads[2::8] = array("Q", range(first, first + 16 * count, 16))
        heads[3::8] = array("Q", [1]) * count
        heads[4::8] = _column(self._controls, routes, control_size)
        heads[5::8] = array("Q", [control_size]) * count
        self._heads = heads
        self._begin = heads.buffer_info()[0]

    def span(self, begin, end):
        """Datagrams begin..end-1; how many the kernel did not take: as lost on the air."""
        if not self._many:
            return sum(self._one(index) for index in range(begin, end))
        lines, failed = self._lines, 0
        while begin < end:
            line, until = lines[begin], begin + 1
            while until < end and lines[until] == line:
                until += 1
            failed += self._send(line, self._begin + 64 * begin, until - begin)
            begin = until
        return failed

    def some(self, indices):
        """The same for any of them."""
        if not self._many:
            return sum(map(self._one, indices))
        heads, lines, failed = self._heads, self._lines, 0
        rows = {}
        for index in indices:
            rows.setdefault(lines[index], array("Q")).extend(heads[_WORDS * index : _WORDS * index + _WORDS])
        for line, row in rows.items():
            failed += self._send(line, row.buffer_info()[0], len(row) // _WORDS)
        return failed

    def _send(self, line, at, count):
        number, failed = self._numbers[line], 0
        while count:
            done = _CALLS.sendmmsg(number, ctypes.c_void_p(at), count, 0)
            if done < 0:  # the first of them was not taken; else what is left is tried again
                done = 1
                failed += 1
            at += 64 * done
            count -= done
        return failed

    def _one(self, index):
        try:
            self._socks[self._lines[index]].send(self._data[index])
        except (BlockingIOError, ConnectionRefusedError):
            return 1
        return 0


class Inbox:
    """`receive(sock)`: how many datagrams came, MOST at a time. Then `raw(count)` has ROOM bytes for each,
    and `sizes(count)` how long they were."""

    def __init__(self):
        self._data = bytearray(MOST * ROOM)
        self._view = memoryview(self._data)
        self._many = supported()
        self._sizes = [0] * MOST
        base = _address(self._data)
        pieces = itertools.chain.from_iterable((base + ROOM * at, ROOM) for at in range(MOST))
        self._pieces = array("Q", pieces)
        first = self._pieces.buffer_info()[0]
        heads = ((0, 0, first + 16 * at, 1, 0, 0, 0, 0) for at in range(MOST))
        self._heads = array("Q", itertools.chain.from_iterable(heads))
        self._begin = ctypes.c_void_p(self._heads.buffer_info()[0])

    def receive(self, sock):
        if self._many:
            # With MSG_TRUNC the size is the true one.
            flags = socket.MSG_DONTWAIT | socket.MSG_TRUNC
            return max(0, _CALLS.recvmmsg(sock.fileno(), self._begin, MOST, flags, None))
        for count in range(MOST):
            try:
                self._sizes[count] = sock.recv_into(self._view[ROOM * count : ROOM * count + ROOM])
            except (BlockingIOError, ConnectionRefusedError):
                return count
        return MOST

    def raw(self, count):
        return bytes(self._view[: ROOM * count])

    def sizes(self, count):
        return self._heads[7 : _WORDS * count : _WORDS] if self._many else array("Q", self._sizes[:count])
