"""The line between a device and a terminal's UART: baud rate, receive FIFO, faults."""

import math
import struct

from hwsim.kernel import NO_LANE

_BITS = 10  # start, eight, stop
FIFO = 120  # ESP32's driver is interrupted at 120 bytes in the FIFO ...
IDLE_CHARACTERS = 10  # ... or when the line was quiet for ten characters
_HEAD = struct.Struct("<QQIB")  # until when that is all, the first's time, baud, how many bursts
_BURST = struct.Struct("<IH")  # microseconds after the first, bytes
_TOLD = 7500  # bytes of bursts in an answer: a message of the wire has room for them (wire.ROOM)


def _gap(rng, share):
    """Bytes before the next that such a share of them meets."""
    return 0 if share >= 1 else int(math.log(1.0 - rng.random()) / math.log1p(-share))


class LineFaults:
    """Probabilities, for each byte on the line, either way; may be changed at any moment."""

    def __init__(self, changed, lose=0.0, garble=0.0):
        self._changed = None
        self.lose = lose
        self.garble = garble
        self._changed = changed

    def __setattr__(self, name, value):
        object.__setattr__(self, name, value)
        if self._changed is not None:
            self._changed()


class UartPort:
    """One UART of a terminal, as the device at its other end sees it.

    `send_to_guest(data)` puts bytes on the line: they take their time, gather in the FIFO and reach the
    program in portions. What the program writes reaches `device.bytes_from_guest(data)` after its last bit.
    `baud` is the rate that the program has set, None before it has. A device that runs at another rate sets
    `device_baud`: both then read noise.

    A device that speaks by the clock need not do so while the line is `steady`. It may `offer` a teller: the
    program asks that when it reads past what it has, and gets the next bursts before their time; the kernel
    has no event of it. `teller.bursts(now_us, room)` gives (until when that is all, [(begin, bytes)]), in so
    many bytes at most. The device's `redo()` is called when the line is no longer what it was; another offer,
    or none, makes void what has not begun.
    """

    def __init__(self, kernel, name, number, deliver, offer=None, lane=NO_LANE):
        self.kernel = kernel
        self.name = name
        self.number = number
        self.lane = lane
        self.device = None
        self.baud = None
        self.faults = LineFaults(self._changed)
        self._device_baud = None
        self.to_guest = self.from_guest = 0  # bytes, for the curious
        self._deliver = deliver
        self._offer = offer
        self._teller = None
        self._told = []  # (begin, end) of the bursts that the program was told of last
        self._rng = kernel.rng("uart/" + name)
        self._line = bytearray()
        self._line_from_us = 0  # when the first byte of `_line` began
        self._timer = None
        self._out_free_us = 0
        self._life = 0

    @property
    def device_baud(self):
        return self._device_baud

    @device_baud.setter
    def device_baud(self, baud):
        if baud != self._device_baud:
            self._device_baud = baud
            self._changed()

    def setup(self, baud):
        if baud != self.baud:
            self.baud = baud
            self._changed()

    def _changed(self):
        redo = getattr(self.device, "redo", None)
        if redo is not None:
            redo()

    @property
    def steady(self):
        """Every byte gets through as it is, and somebody is there to count them."""
        faults = self.faults
        right = self.baud is not None and self.device_baud in (None, self.baud)
        return right and not (faults.lose or faults.garble or self._line or self._offer is None)

    def offer(self, teller=None):
        """The program may ask `teller` what the device will say; without one it hears when it does."""
        if self._offer is not None and self.baud is not None:
            self._told = [(begin, end) for begin, end in self._told if begin <= self.kernel.now_us]
            self._teller = teller
            self._offer(self, teller is not None)

    def told(self, now_us):
        """What the program is told when it asks; guest/_ahead.py reads it."""
        until_us, bursts = self._teller.bursts(now_us, _TOLD)
        first_us = bursts[0][0] if bursts else now_us
        free_us = max((end for _, end in self._told), default=0)
        self._told.clear()
        heads = []
        for when_us, data in bursts:
            when_us = max(when_us, free_us)
            free_us = when_us + self._time_us(len(data))
            self._told.append((when_us, free_us))
            self.to_guest += len(data)
            heads.append(_BURST.pack(when_us - first_us, len(data)))
        head = _HEAD.pack(until_us, first_us, self.baud, len(bursts))
        return b"".join((head, *heads, *(data for _, data in bursts)))

    def power_off(self):
        """The chip is off: what is on the line is lost."""
        self.baud = None
        self._line.clear()
        self._told.clear()
        self._out_free_us = 0
        self._life += 1

    def _time_us(self, count):
        return count * _BITS * 1_000_000 // (self.device_baud or self.baud or 9600)

    def _spoilt(self, data):
        if self.baud and self.device_baud and self.baud != self.device_baud:
            return bytes(self._rng.choice((0x00, 0x80, 0xE0, 0xF8, 0xFE, 0xFF)) for _ in data)
        lose, garble = self.faults.lose, self.faults.garble
        if not (lose or garble):
            return data
        # From one spoilt byte to the next at once: a draw for each byte would cost more than all the rest.
        out, rng = bytearray(data), self._rng
        either = lose + garble - lose * garble
        at = _gap(rng, either)
        gone = []
        while at < len(out):
            if rng.random() * either < lose:
                gone.append(at)
            else:
                out[at] ^= 1 << rng.randrange(8)
            at += 1 + _gap(rng, either)
        for at in reversed(gone):
            del out[at]
        return bytes(out)

    def send_to_guest(self, data):
        if not data or self.baud is None:  # nobody listens
            return
        if not self._line:
            self._line_from_us = max(self.kernel.now_us, self._line_from_us)
        self._line += data
        self._schedule()

    def _schedule(self):
        if self._timer is not None:
            self._timer.cancel()
        held = len(self._line)
        if held >= FIFO:
            when_us = self._line_from_us + self._time_us(FIFO)
        else:
            when_us = self._line_from_us + self._time_us(held + IDLE_CHARACTERS)
        self._timer = self.kernel.at_lane(self.lane, when_us, self._arrive, min(held, FIFO), self._life)

    def _arrive(self, count, life):
        self._timer = None
        if life != self._life:
            return
        data = bytes(self._line[:count])
        del self._line[:count]
        self._line_from_us += self._time_us(count)
        self.to_guest += count
        data = self._spoilt(data)
        if self._line:
            self._schedule()
        if data:
            self._deliver(self, data)

    def bytes_written(self, data, when_us):
        """The program wrote `data` at `when_us`."""
        self.from_guest += len(data)
        self._out_free_us = max(self._out_free_us, when_us) + len(data) * _BITS * 1_000_000 // self.baud
        self.kernel.at_lane(self.lane, self._out_free_us, self._leave, data, self._life)

    def _leave(self, data, life):
        if life == self._life and self.device is not None:
            data = self._spoilt(data)
            if data:
                self.device.bytes_from_guest(data)
