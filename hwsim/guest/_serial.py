"""UART and I2C of the simulated chip.

Bytes arrive as an interrupt would hand them over: the bench paces them at the baud rate and gathers them as
the receive FIFO does; of a device that speaks by the clock it hands them over in advance, and the UART counts
what has arrived by now. Bytes go out at the baud rate too: `write` takes what fits `txbuf` and says how much
that was, as on RP2; with a `timeout` it waits for room.
"""

import io
import struct

import _bench
from micropython import RingIO, const

_BITS = const(10)  # start, eight, stop
_POLL = const(3)
_POLL_IN = const(1)
_POLL_OUT = const(4)
_FIFO = const(120)  # as in hwsim/uart.py
_IDLE = const(10)
_BURSTS = const(16)
_AHEAD = const(6144)
_CHUNK = const(1200)


class _Ahead:
    """Bursts whose bytes are still to arrive. There is one: no board has two devices that speak by the clock.
    Its room is made before the program's heap is."""

    def __init__(self):
        self._bytes = RingIO(_bench.buffer(_AHEAD))
        self._begin = [0] * _BURSTS
        self._size = [0] * _BURSTS
        self._head = self._count = 0
        self._held = 0  # bytes in all
        self._part = 0  # bytes of the first burst that have arrived
        self._fifo_us = 0
        self._baud = 0
        self._chunk = _bench.buffer(_CHUNK)
        self._view = memoryview(self._chunk)
        self.due_us = _bench.FOREVER  # when the next portion will be there

    def has_room(self, size):
        return self._count < _BURSTS and self._held + size < _AHEAD

    def add(self, begin_us, baud, data):
        self._bytes.write(data)
        self._held += len(data)
        at = (self._head + self._count) % _BURSTS
        self._begin[at] = begin_us
        self._size[at] = len(data)
        self._count += 1
        self._baud = baud
        self._fifo_us = _FIFO * _BITS * 1_000_000 // baud
        if self._count == 1:
            self._next()

    def forget(self, at_us):
        """The device has changed its mind about all that it had not begun to say by then."""
        kept = held = 0
        for n in range(self._count):
            at = (self._head + n) % _BURSTS
            if self._begin[at] <= at_us:
                kept += 1
                held += self._size[at]
        held -= self._part if kept else 0
        self._part = self._part if kept else 0
        self._count = kept
        data = self._bytes.read(held) if held else b""
        while self._bytes.any():
            self._bytes.readinto(self._chunk)
        self._bytes.write(data)
        self._held = held
        self._next()

    def _end_us(self):
        """When the first burst's last byte was noticed."""
        whole = self._size[self._head] // _FIFO
        rest = self._size[self._head] - whole * _FIFO
        return (
            self._begin[self._head] + whole * self._fifo_us + (rest + _IDLE) * _BITS * 1_000_000 // self._baud
        )

    def _next(self):
        if not self._count:
            self.due_us = _bench.FOREVER
            return
        done = self._part // _FIFO
        if done < self._size[self._head] // _FIFO:
            self.due_us = self._begin[self._head] + (done + 1) * self._fifo_us
        else:
            self.due_us = self._end_us()

    def arrived(self, uart):
        """Hand over what is there by now: as the program is interrupted for it, portion by portion."""
        while self.due_us <= _bench.now_us:
            n = self._size[self._head] - self._part
            most = _CHUNK if uart._handler is None and self._end_us() <= _bench.now_us else _FIFO
            n = min(n, most)
            self._bytes.readinto(self._chunk, n)
            uart.arrived(self._view[:n])
            self._held -= n
            self._part += n
            if self._part == self._size[self._head]:
                self._part = 0
                self._head = (self._head + 1) % _BURSTS
                self._count -= 1
            self._next()


_ahead = _Ahead()


class UART(io.IOBase):
    INV_TX, INV_RX = 1, 2
    RTS, CTS = 1, 2
    IRQ_RX, IRQ_RXIDLE, IRQ_BREAK = 1, 2, 4

    def __init__(self, id, baudrate=9600, bits=8, parity=None, stop=1, **options):
        self.id = id
        self.wire_mask = 1 << id
        self.overflowed = 0
        self._is_ahead = False
        self._taken = bytearray()  # solo mode: what went out
        self._handler = None
        self._set(baudrate, options)
        _bench.uarts[id] = self  # the newest object owns the hardware

    def init(self, baudrate=None, bits=8, parity=None, stop=1, **options):
        self._set(baudrate or self._baud, options)

    def _set(self, baudrate, options):
        self._baud = baudrate
        self._rxbuf = options.get("rxbuf", 256)
        self._rx = RingIO(self._rxbuf)
        self._txbuf = options.get("txbuf", 256)
        self._timeout_us = options.get("timeout", 0) * 1000
        self._timeout_char_us = max(options.get("timeout_char", 0) * 1000, self._time_us(2))
        self._tx_free_us = _bench.now_us
        self._setup()

    def _setup(self):
        listens = 1 if self._handler else 0
        _bench.record(_bench.UART_SETUP, self.id, struct.pack("<IHB", self._baud, self._rxbuf, listens))

    def deinit(self):
        self._rx = RingIO(self._rxbuf)

    def _time_us(self, n):
        return n * _BITS * 1_000_000 // self._baud

    # Receiving

    def arrived(self, data):
        """Bytes from the wire; what the buffer cannot hold is lost, as on a chip."""
        lost = len(data) - self._rx.write(data)
        if lost:
            self.overflowed += lost
            if not self._is_ahead:  # of what comes by the clock a program may well leave some
                _bench.note("uart %d overflow %d" % (self.id, lost))
        if self._handler and not _bench.interrupt(self._handler, self):
            self._handler = None

    def ahead(self, begin_us, baud, data):
        """What the device will say from `begin_us` on."""
        if _bench.ahead is not None and _bench.ahead is not self:
            raise RuntimeError("two UARTs with bytes in advance")
        _bench.ahead = self
        self._is_ahead = True
        # What nobody looks at yet may as well arrive when somebody does.
        if self._handler or not _ahead.has_room(len(data)):
            _ahead.arrived(self)
            if not _ahead.has_room(len(data)):
                raise RuntimeError("more bursts in advance than there is room for")
        _ahead.add(begin_us, baud, data)
        _bench.look_out()

    def forget(self, at_us):
        if self._is_ahead:
            _ahead.arrived(self)
            _ahead.forget(at_us)
            _bench.look_out()

    def catch_up(self):
        _ahead.arrived(self)

    def next_us(self):
        return _ahead.due_us

    @property
    def listens(self):
        return self._handler is not None

    def any(self):
        if _bench.now_us >= _bench.came_us:
            _bench.look()
        if self._is_ahead and _ahead.due_us <= _bench.now_us:
            _ahead.arrived(self)
        return self._rx.any()

    def _await(self):
        """Wait up to `timeout` for a byte; False when none came."""
        if self.any():
            return True
        end = _bench.now() + self._timeout_us
        while not self.any() and _bench.now_us < end:
            _bench.wait(end, self.wire_mask)
        return self.any() > 0

    def readinto(self, buffer, nbytes=None):
        if not self._await():
            return None
        return self._rx.readinto(buffer) if nbytes is None else self._rx.readinto(buffer, nbytes)

    def read(self, nbytes=-1):
        if not self._await():
            return None
        return self._rx.read() if nbytes is None or nbytes < 0 else self._rx.read(nbytes)

    def readline(self):
        return self._rx.readline() if self._await() else None

    # Sending

    def _room(self):
        behind_us = max(0, self._tx_free_us - _bench.now_us)
        return max(0, self._txbuf - (behind_us * self._baud + _BITS * 1_000_000 - 1) // (_BITS * 1_000_000))

    def tx_ready_us(self):
        """When there will be room again for one byte."""
        return self._tx_free_us - self._time_us(self._txbuf - 1)

    def write(self, data):
        data = memoryview(data)
        sent = 0
        end = _bench.now() + self._timeout_us
        while sent < len(data):
            n = min(self._room(), len(data) - sent)
            if n:
                chunk = bytes(data[sent : sent + n])
                self._tx_free_us = max(self._tx_free_us, _bench.now_us) + self._time_us(n)
                _bench.say(_bench.UART, self.id, chunk, self._tx_free_us)
                if _bench.solo():
                    self._taken.extend(chunk)
                sent += n
            elif _bench.now_us < end:
                _bench.wait(min(end, self.tx_ready_us()))
            else:
                break
        return sent or None

    def txdone(self):
        return _bench.now_us >= self._tx_free_us

    def flush(self):
        while not self.txdone():
            _bench.wait(self._tx_free_us)

    def sendbreak(self):
        _bench.note("uart %d break" % self.id)

    def ioctl(self, request, argument):
        if request != _POLL:
            return 0
        ready = _POLL_IN if argument & _POLL_IN and self.any() else 0
        if argument & _POLL_OUT and self._room():
            ready |= _POLL_OUT
        return ready

    def irq(self, handler=None, trigger=IRQ_RXIDLE, hard=False):
        self._handler = handler
        self._setup()
        _bench.look_out()
        return self

    # Solo mode: the test is the device at the other end

    def inject(self, data):
        """The device sends `data`; it is there at once."""
        self.arrived(memoryview(data))

    def taken(self):
        """All that the program has written since the last call."""
        data, self._taken = bytes(self._taken), bytearray()
        return data


class I2C:
    """Transfers are one question to the bench; no device at the address: OSError(19), as on a chip."""

    def __init__(self, id=0, scl=None, sda=None, freq=400_000, timeout=50_000):
        self.id = id
        self._devices = {}

    def attach(self, address, device):
        """Solo mode: `device.transfer(written, count) -> bytes` answers at `address`."""
        self._devices[address] = device

    def _transfer(self, address, written, count):
        if _bench.solo():
            if address not in self._devices:
                raise OSError(19)
            return self._devices[address].transfer(bytes(written), count)
        answer = _bench.request(_bench.BUS, self.id, struct.pack("<BB", address, count) + bytes(written))
        if not answer or answer[0]:
            raise OSError(19)
        return answer[1:]

    def scan(self):
        if _bench.solo():
            return sorted(self._devices)
        return [a for a in range(0x08, 0x78) if self._present(a)]

    def _present(self, address):
        try:
            self._transfer(address, b"", 0)
        except OSError:
            return False
        return True

    def writeto(self, address, data, stop=True):
        self._transfer(address, data, 0)
        return len(data)

    def readfrom(self, address, count, stop=True):
        return self._transfer(address, b"", count)

    def readfrom_into(self, address, buffer, stop=True):
        buffer[:] = self._transfer(address, b"", len(buffer))

    def writeto_mem(self, address, memory, data, addrsize=8):
        self._transfer(address, memory.to_bytes(addrsize // 8, "big") + bytes(data), 0)

    def readfrom_mem(self, address, memory, count, addrsize=8):
        return self._transfer(address, memory.to_bytes(addrsize // 8, "big"), count)
