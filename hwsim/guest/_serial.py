"""UART and I2C of the simulated chip.

Bytes arrive as an interrupt would hand them over: the bench paces them at the baud rate and gathers them as
the receive FIFO does; of a device that speaks by the clock it hands them over in advance, and the UART counts
what has arrived by now. Bytes go out at the baud rate too: `write` takes what fits `txbuf` and says how much
that was, as on RP2; with a `timeout` it waits for room.
"""

import io
import struct

import _bench
import _interrupt
from _ahead import Ahead
from micropython import RingIO, const

_BITS = const(10)  # start, eight, stop
_POLL = const(3)
_POLL_IN = const(1)
_POLL_OUT = const(4)


_ahead = Ahead()


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
        if _bench.ahead is not None and _bench.ahead.id == id:
            _bench.ahead = self
            self._is_ahead = True
        self._setup()  # what the device has to say to that may come at once

    def init(self, baudrate=None, bits=8, parity=None, stop=1, **options):
        self._set(baudrate or self._baud, options)
        self._setup()

    def _set(self, baudrate, options):
        self._baud = baudrate
        self._rxbuf = options.get("rxbuf", 256)
        self._rx = RingIO(self._rxbuf)
        self._txbuf = options.get("txbuf", 256)
        self._timeout_us = options.get("timeout", 0) * 1000
        self._timeout_char_us = max(options.get("timeout_char", 0) * 1000, self._time_us(2))
        self._tx_free_us = _bench.now_us

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
        if self._handler and not _interrupt.run(self._handler, self):
            self._handler = None

    def ahead(self, data):
        """What the device will say."""
        _ahead.take(data)
        _bench.look_out()

    def forget(self, at_us, asks):
        """The device may be asked what it will say; or else, what it had not begun by then it doesn't say."""
        if _bench.ahead is not self:
            if _bench.ahead is not None and _bench.ahead.id != self.id:
                raise RuntimeError("two UARTs with bytes in advance")
            _bench.ahead = self
            self._is_ahead = True
        _ahead.arrived(self, False)
        _ahead.forget(at_us, asks)
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
