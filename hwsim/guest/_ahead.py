"""What a device that speaks by the clock says, known before its time: so no wait ends for it.

The bench says that it may be asked (`forget`), and nothing more: whoever reads past what is held asks, and
gets the bursts of the next seconds at once. Nobody asks for what nobody reads. There is one such device: no
board has two. Its room is made before the program's heap is.
"""

import struct

import _bench
import _memory
from micropython import RingIO, const

_BITS = const(10)  # start, eight, stop
_FIFO = const(120)  # as in hwsim/uart.py
_IDLE = const(10)
_BURSTS = const(20)
_ROOM = const(8192)
_CHUNK = const(1200)
_HEAD = "<QQIB"  # covered until, times count from, baud, bursts; hwsim/uart.py says the same
_HEAD_SIZE = const(21)
_BURST = "<IH"  # microseconds, bytes
_BURST_SIZE = const(6)


class Ahead:
    def __init__(self):
        self._bytes = RingIO(_memory.buffer(_ROOM))
        self._begin = [0] * _BURSTS
        self._size = [0] * _BURSTS
        self._at = self._count = 0  # the burst that is coming in, and how many are known
        self._part = 0  # its bytes that have arrived
        self._baud = 0
        self._fifo_us = 0
        self._chunk = _memory.buffer(_CHUNK)
        self._view = memoryview(self._chunk)
        self._covered_us = _bench.FOREVER  # nothing is said before that but what is held
        self.due_us = _bench.FOREVER  # when the next portion will be there, or has to be asked for

    def take(self, data):
        """The answer to a question."""
        self._covered_us, from_us, self._baud, count = struct.unpack_from(_HEAD, data)
        self._fifo_us = _FIFO * _BITS * 1_000_000 // self._baud
        at = _HEAD_SIZE
        for n in range(count):
            after_us, self._size[n] = struct.unpack_from(_BURST, data, at)
            self._begin[n] = from_us + after_us
            at += _BURST_SIZE
        if self._bytes.write(data[at:]) != len(data) - at:
            raise RuntimeError("more bytes in advance than there is room for")
        self._at, self._count = 0, count
        self._next()

    def forget(self, at_us, asks):
        """The device has changed its mind about all that it had not begun to say by then."""
        count = self._at
        while count < self._count and self._begin[count] <= at_us:
            count += 1
        held = sum(self._size[self._at : count]) - self._part
        data = self._bytes.read(held) if held > 0 else b""
        while self._bytes.any():
            self._bytes.readinto(self._chunk)
        self._bytes.write(data)
        self._count = count
        if count == self._at:
            self._part = 0
        self._covered_us = at_us if asks else _bench.FOREVER
        self._next()

    def _end_us(self):
        """When the burst's last byte was noticed."""
        whole, rest = divmod(self._size[self._at], _FIFO)
        last_us = (rest + _IDLE) * _BITS * 1_000_000 // self._baud
        return self._begin[self._at] + whole * self._fifo_us + last_us

    def _next(self):
        at = self._at
        if at == self._count:
            self.due_us = self._covered_us
            return
        done = self._part // _FIFO
        if done < self._size[at] // _FIFO:
            self.due_us = self._begin[at] + (done + 1) * self._fifo_us
        else:
            self.due_us = self._end_us()

    def arrived(self, uart, asks=True):
        """Hand over what is there by now: as the program is interrupted for it, portion by portion."""
        while self.due_us <= _bench.now_us:
            if self._at == self._count:
                if not asks or _bench.in_interrupt:
                    return
                self.due_us = _bench.FOREVER
                _bench.request(_bench.STREAM, uart.id, b"")
                continue
            left = self._size[self._at] - self._part
            n = left
            if n > _FIFO and (uart.listens or self._end_us() > _bench.now_us):
                n = _FIFO
            self._bytes.readinto(self._chunk, n)
            uart.arrived(self._view[:n])
            if n == left:
                self._part = 0
                self._at += 1
            else:
                self._part += n
            self._next()
