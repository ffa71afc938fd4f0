"""The serial line between a board's prompt and whoever sits at the computer's end of its USB bridge."""

import re

BAUD = 115200
_BITS = 10
_FIFO = 120  # the chip hands over so many bytes at once
_IDLE_US = 100  # or what there is, when the line is quiet for that long
_RING = (
    260  # bytes that MicroPython keeps for the prompt (ports/esp32/mphalport.c); what comes on top is lost
)
_BRIDGE_US = 1000  # a USB bridge is asked once a millisecond
_READ_US = 3  # of the chip, for each character that its prompt reads and compiles
_START = b"MicroPython "
_BANNER = re.compile(rb"MicroPython \S+ on \S+; [^\r\n]* version\r\n")
_RAW, _FRIENDLY = b"raw REPL; CTRL-B to exit", b'Type "help()" for more information.'
_REBOOT = b"MPY: soft reboot\r\n"


class Console:
    """`to_computer(data)` gets what the board says, after its last bit. `connected()`: is a cable there?

    `made` says what MicroPython tells about itself: version, platform, machine, mpy (None: as it is).
    """

    def __init__(self, kernel, baud, to_computer, made, world=None):
        self.kernel = kernel
        self.baud = baud
        self.made = made
        self.terminal = None
        self.handles = ()  # files that wake the bench while the program computes
        self.world = world or (lambda: None)
        self.said_by_us = 0  # the line is busy with what was said until then
        self.bytes = 0  # that went over the line, either way
        self.lost = 0  # that came while the board's buffer was full
        self.on_byte = None  # (number, call): when so many bytes have gone over it
        self._to_computer = to_computer
        self._life = 0
        self._timers = []
        self._line_free_us = 0
        self._read_by_us = 0
        self._coming = self._going = 0
        self._held = bytearray()  # in the board's buffer
        self._raw = False
        self.prompting = False  # the boot code is over, and MicroPython's prompt has its turn
        self._hide = False  # the friendly banner, on the way to the raw prompt after a soft reset
        self._last = b""
        self._tail = b""

    def options(self):
        return {**self.made, "raw": self._raw}

    def power_off(self):
        """The board is off: what is on the line is lost, and so is the mode of its prompt."""
        self._life += 1
        self._held.clear()
        self._coming = self._going = 0
        self._raw = self._hide = self.prompting = False
        self._last = self._tail = b""
        self.said_by_us = self._line_free_us = 0

    # From the computer

    @property
    def room(self):
        """Bytes that the line takes now, so that the computer's driver keeps the others."""
        return max(0, 4 * _FIFO - self._coming)

    @property
    def quiet(self):
        """Nothing is on the line, either way."""
        return not (self._coming or self._held or self._going)

    def type(self, data):
        """The computer has written `data`."""
        for at in range(0, len(data), _FIFO):
            part = bytes(data[at : at + _FIFO])
            begin_us = max(self._line_free_us, self.kernel.now_us + _BRIDGE_US)
            self._line_free_us = begin_us + self._time_us(len(part))
            self._coming += len(part)
            self._later(self._line_free_us + _IDLE_US, self._arrive, part)

    def _arrive(self, data, life):
        if life != self._life:
            return
        self._coming -= len(data)
        if not self._count(len(data)) or not self.terminal.powered:
            return
        program = self.terminal.program
        if not program.hears:
            return
        if b"\x03" in data and not program.reading and program.interruptible:
            data = data.replace(b"\x03", b"")  # its interrupt looks at each character
            program.interrupt()
        room = _RING - len(self._held)
        self.lost += max(0, len(data) - room)
        self._held += data[:room]
        self._hand_over()

    def _hand_over(self):
        if not self._held or not self.terminal.program.reading:
            return
        now_us = self.kernel.now_us
        self._read_by_us = max(now_us, self._read_by_us) + _READ_US * len(self._held)
        self.kernel.at_lane(self.terminal.lane, self._read_by_us, self._read, self._life)

    def _read(self, life):
        if life == self._life and self._held and self.terminal.program.reading:
            # Ctrl-C behind a line is one for what that line begins.
            end = self._held.find(b"\x03", 1)
            data = bytes(self._held if end < 0 else self._held[:end])
            del self._held[: len(data)]
            self.terminal.program.typed(self._as_read(data))
            if self._held:
                self._later(self.kernel.now_us + self._time_us(len(self._held)), self._interrupt, b"")

    def _interrupt(self, _data, life):
        if life == self._life and self._held:
            program = self.terminal.program
            if program.reading:
                self._hand_over()
            elif program.interruptible:
                self._held = self._held.replace(b"\x03", b"")
                program.interrupt()

    def _as_read(self, data):
        """A board's prompt takes no notice of a line feed; the computer's takes it for Enter."""
        program = self.terminal.program
        if program.prompted and not self._raw:
            data = data.replace(b"\r\n", b"\r")
        return data

    # From the board

    def waited_for(self):
        """The prompt, or a program, reads."""
        program = self.terminal.program
        if not program.prompted and self._raw and self._hide:
            # Before the friendly prompt is shown: the raw one was on when the board was reset.
            program.prompted = True
            self._tail = b""
            self._hide = False
            program.typed(b"\x01")
            return
        self.flush()
        self._hand_over()

    def told(self, index, data):
        """On the wire: bytes as they are (0), or that the prompt comes next (1)."""
        if index:
            self.flush()
            self.prompting = True
            self._hide = self._raw
            self.terminal.program.prompted = not self._hide
        else:
            self.flush()
            self._put(bytes(data))

    def left(self):
        """The prompt was left: a soft reset."""
        self.prompting = False
        self.flush()
        self._put(_REBOOT)

    def said(self, data):
        """The program, or the prompt, has printed `data`."""
        if self._hide:
            return
        data = self._tail + data
        self._tail = b""
        if self.terminal.program.prompted:
            begin = data.rfind(b"\n") + 1
            start = data[begin : begin + len(_START)]
            if start and _START.startswith(start):
                data, self._tail = data[:begin], data[begin:]  # its banner comes in pieces
        self._say(data)

    def flush(self):
        """Whatever it is the beginning of, it is said now."""
        data, self._tail = self._tail, b""
        self._say(data)

    def _say(self, data):
        if not data:
            return
        raw, friendly = data.rfind(_RAW), data.rfind(_FRIENDLY)
        if raw != friendly:
            self._raw = raw > friendly
        banner = f"MicroPython v{self.made['version']} on 2026-07-05; {self.made['machine']}\r\n"
        data = _BANNER.sub(banner.encode(), data)
        before, self._last = self._last, data[-1:]
        if data[:1] == b"\n" and before == b"\r":
            data = data[:1] + re.sub(rb"(?<!\r)\n", b"\r\n", data[1:])
        else:
            data = re.sub(rb"(?<!\r)\n", b"\r\n", data)
        self._put(data)

    def _put(self, data):
        for at in range(0, len(data), _FIFO):
            part = data[at : at + _FIFO]
            begin_us = max(self.kernel.now_us, self.said_by_us)
            self.said_by_us = begin_us + self._time_us(len(part))
            self._going += 1
            self._later(self.said_by_us + _BRIDGE_US, self._leave, part)

    def _leave(self, data, life):
        if life != self._life:
            return
        self._going -= 1
        if self._count(len(data)):
            self._to_computer(data)

    def _later(self, when_us, call, data):
        if len(self._timers) > _FIFO:
            self._timers = [timer for timer in self._timers if timer.active]
        self._timers.append(self.kernel.at_lane(self.terminal.lane, when_us, call, data, self._life))

    def overdue(self):
        """The program computes and computes, and the clock stands: what is on the line goes on all the
        same."""
        timers, self._timers = self._timers, []
        for timer in timers:
            timer.fire()

    def _time_us(self, count):
        return count * _BITS * 1_000_000 // self.baud

    def _count(self, number):
        """False: that was where something happens to the cable."""
        self.bytes += number
        if self.on_byte is None or self.bytes < self.on_byte[0]:
            return True
        (_, call), self.on_byte = self.on_byte, None
        call()
        return False
