"""The line between a device and a terminal's UART: baud rate, receive FIFO, faults."""

from hwsim.kernel import NO_LANE

_BITS = 10  # start, eight, stop
FIFO = 120  # ESP32's driver is interrupted at 120 bytes in the FIFO ...
IDLE_CHARACTERS = 10  # ... or when the line was quiet for ten characters


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

    A device that speaks by the clock may hand over bursts before their time while the line is `steady`
    (`send_ahead`); no event of the kernel is needed for them then. Its `redo()` is called when the line is no
    longer what it was: what was handed over and has not begun is void, or nobody has heard it.
    """

    def __init__(self, kernel, name, number, deliver, deliver_ahead=None, lane=NO_LANE):
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
        self._deliver_ahead = deliver_ahead
        self._ahead = []  # (begin, end) of what was sent ahead, as far as it is not over
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
        return right and not (faults.lose or faults.garble or self._line or self._deliver_ahead is None)

    def send_ahead(self, when_us, data):
        """Put `data` on the line then, or as soon as what was sent before has left it."""
        self.to_guest += len(data)
        if self._ahead:
            when_us = max(when_us, self._ahead[-1][1])
            if self._ahead[0][1] <= self.kernel.now_us:
                self._ahead = [(begin, end) for begin, end in self._ahead if end > self.kernel.now_us]
        self._ahead.append((when_us, when_us + self._time_us(len(data))))
        self._deliver_ahead(self, when_us, self.baud, data)

    def forget_ahead(self):
        """Of what was sent ahead, nothing is said that has not begun by now."""
        if self._deliver_ahead is not None and self.baud is not None:
            self._ahead = [(begin, end) for begin, end in self._ahead if begin <= self.kernel.now_us]
            self._deliver_ahead(self, 0, 0, None)

    def power_off(self):
        """The chip is off: what is on the line is lost."""
        self.baud = None
        self._line.clear()
        self._ahead.clear()
        self._out_free_us = 0
        self._life += 1

    def _time_us(self, count):
        return count * _BITS * 1_000_000 // (self.device_baud or self.baud or 9600)

    def _spoilt(self, data):
        if self.baud and self.device_baud and self.baud != self.device_baud:
            return bytes(self._rng.choice((0x00, 0x80, 0xE0, 0xF8, 0xFE, 0xFF)) for _ in data)
        if not (self.faults.lose or self.faults.garble):
            return data
        out = bytearray()
        for byte in data:
            if self._rng.random() < self.faults.lose:
                continue
            if self._rng.random() < self.faults.garble:
                byte ^= 1 << self._rng.randrange(8)
            out.append(byte)
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
