"""Many datagrams with one question to the kernel (Linux: recvmmsg, sendmmsg), where Python itself asks for
each one.

It is not the question that costs. Python lets the interpreter go for each `recvfrom` and `sendto`; while a
commit or a check of signatures is under way on a thread, that takes it, and the loop has to wait for it: some
hundred times in one turn of an overload. Here it is kept, for the calls return at once.
"""

import ctypes
import errno
import os
import socket
import struct
import sys
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

# More than any datagram that is read has; what a longer one has beyond it is nobody's concern.
_ROOM = 4096
_NAME = 32  # a sockaddr_in6 has 28
MOST = 128
_NAME_SIZES = {socket.AF_INET: 16, socket.AF_INET6: 28}
_NOTHING = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR)


class _Piece(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("size", ctypes.c_size_t))


class _Message(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_size", ctypes.c_uint32),
        ("pieces", ctypes.c_void_p),
        ("piece_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_size", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Received(ctypes.Structure):
    _fields_ = (("message", _Message), ("size", ctypes.c_uint32))


# The size of the name and of the datagram, as they lie in memory.
_SIZES = struct.Struct("=8xI44xI4x")


def supported() -> bool:
    """This system has it, in the form that is known here."""
    fits = ctypes.sizeof(_Received) == _SIZES.size and _Received.size.offset == 56
    if sys.platform != "linux" or sys.byteorder != "little" or not fits:
        return False
    return _call("recvmmsg") is not None and _call("sendmmsg") is not None


@lru_cache(2)
def _call(name: str) -> Any:
    # PyDLL: the interpreter is kept.
    return getattr(ctypes.PyDLL(None, use_errno=True), name, None)


class _Room:
    """Places in memory for so many datagrams and their addresses, as the kernel wants them."""

    def __init__(self, sock: socket.socket, name_size: int) -> None:
        self._number = sock.fileno()
        self._data = ctypes.create_string_buffer(MOST * _ROOM)
        self._names = ctypes.create_string_buffer(MOST * _NAME)
        self._pieces = (_Piece * MOST)()
        self._heads = (_Received * MOST)()
        data, names = ctypes.addressof(self._data), ctypes.addressof(self._names)
        for at in range(MOST):
            piece, head = self._pieces[at], self._heads[at].message
            piece.base, piece.size = data + at * _ROOM, _ROOM
            head.name, head.name_size = names + at * _NAME, name_size
            head.pieces, head.piece_count = ctypes.addressof(piece), 1
        self._data_view = memoryview(self._data).cast("B")
        self._names_view = memoryview(self._names).cast("B")


class Many(_Room):
    """Reads an open, non-blocking UDP socket."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock, _NAME)
        self._receive = _call("recvmmsg")
        self._sizes_view = memoryview(self._heads).cast("B")

    def receive(self) -> list[tuple[bytes, Any]]:
        """(datagram, source) of what is there, MOST of it; nothing when there is none. What is too long keeps
        its length, with zeros for the rest. Raises OSError."""
        count = self._receive(self._number, self._heads, MOST, socket.MSG_DONTWAIT | socket.MSG_TRUNC, None)
        if count <= 0:
            wrong = ctypes.get_errno()
            if count == 0 or wrong in _NOTHING:
                return []
            raise OSError(wrong, os.strerror(wrong))
        data, names = self._data_view, self._names_view
        out = []
        at = name = 0
        for name_size, size in _SIZES.iter_unpack(self._sizes_view[: count * _SIZES.size]):
            datagram = (
                bytes(data[at : at + size])
                if size <= _ROOM
                else bytes(data[at : at + _ROOM]).ljust(size, b"\0")
            )
            out.append((datagram, _address(bytes(names[name : name + name_size]))))
            at += _ROOM
            name += _NAME
        return out


class Sender(_Room):
    """Writes to an open, non-blocking UDP socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._family = sock.family
        super().__init__(sock, _NAME_SIZES[sock.family])
        self._send = _call("sendmmsg")
        # An index into an array of ctypes makes an object each time.
        self._sizes = list(self._pieces)

    @staticmethod
    def fits(datagram: bytes) -> bool:
        """It is short enough."""
        return len(datagram) <= _ROOM

    def send(self, datagrams: Sequence[tuple[bytes, Any]]) -> tuple[int, OSError | None]:
        """(how many the network took, what is wrong with the next one) of MOST (datagram, address) at most;
        BlockingIOError: it takes nothing more just now."""
        data, names, sizes, family = self._data_view, self._names_view, self._sizes, self._family
        at = name = 0
        for (datagram, source), piece in zip(datagrams, sizes, strict=False):
            try:
                where = _name(family, source)
            except OSError as error:
                if not at:
                    return 0, error
                break  # said when it is the first
            size = piece.size = len(datagram)
            data[at : at + size] = datagram
            names[name : name + len(where)] = where
            at += _ROOM
            name += _NAME
        count = self._send(self._number, self._heads, at // _ROOM, socket.MSG_DONTWAIT)
        if count > 0:
            return count, None
        wrong = ctypes.get_errno()
        return 0, BlockingIOError() if wrong in _NOTHING else OSError(wrong, os.strerror(wrong))


@lru_cache(65536)
def _name(family: int, source: Any) -> bytes:
    """The reverse of `_address`. Raises OSError."""
    port: int = source[1]
    begin = family.to_bytes(2, "little") + port.to_bytes(2, "big")
    if family == socket.AF_INET:
        return begin + socket.inet_pton(family, source[0]) + bytes(8)
    flow: int = source[2]
    scope: int = source[3]
    host = socket.inet_pton(family, source[0])
    return begin + flow.to_bytes(4, "big") + host + scope.to_bytes(4, "little")


@lru_cache(65536)
def _address(name: bytes) -> Any:
    """As `recvfrom` gives it."""
    port = int.from_bytes(name[2:4], "big")
    if int.from_bytes(name[:2], "little") == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, name[4:8]), port
    flow, scope = int.from_bytes(name[4:8], "big"), int.from_bytes(name[24:28], "little")
    return socket.inet_ntop(socket.AF_INET6, name[8:24]), port, flow, scope
