"""Runs one program in step with the bench: resumed with the time and what came in, it runs to its next wait.

Unpaced, the bench stands still meanwhile, and the program may run on by itself to the horizon: up to there
nothing can happen to it. While it computes it may run past the arrival of bytes too, which a program does not
see before it looks. Paced, the bench goes on: the program then takes the time that it takes.
"""

from hwsim import wire
from hwsim.kernel import PROGRAM
from hwsim.process import GuestProcess

_SLICE_US = 1000  # paced: what is shorter is worth no message
_FARTHEST_US = 1_000_000_000  # records carry 32 bits of microseconds
STOPPED, COMPUTING, WAITING, ASKING, DEAD = "stopped", "computing", "waiting", "asking", "dead"
_BYTES = (wire.UART, wire.AHEAD, wire.FORGET)
_SILENT_S = 60  # of the wall: a program that computes longer than this without a wait is taken to hang


def _none():
    return 0


class Lockstep:
    """`owner` has `options() -> bytes`, `apply(what, index, data)`, `watched(index, when_us, data)` (the
    watchdog's: told at once, though the program has run ahead), `asked(message)`, `line(text)` and
    `died(reason)`. `lane` is the first of its terminal's; `least_us()` is the shortest time that anything
    from headquarters takes to get there."""

    def __init__(self, kernel, owner, lane):
        self.kernel = kernel
        self.state = STOPPED
        self.listens = False  # bytes interrupt it
        self._devices_lane, self.lane = lane, lane + PROGRAM
        self.least_us = _none
        self._owner = owner
        self._messages = 0
        self._process = None
        self._watched = False  # paced: the kernel calls when the program has sent something
        self._clear()

    def _clear(self):
        self._pending = []
        self._urgent = False
        self._held = 0  # UARTs (bit n) with bytes in `_pending`
        self._readers = 0
        self._woken_us = 0
        self._busy_until_us = 0  # the program hears of nothing before
        # Before the first it hears of nothing, before the second nothing interrupts it: so it was told.
        self._promised_us = self._still_us = 0
        self._timer = None

    @property
    def messages(self):
        """Messages from programs so far: each is one wait, but for those that only carry records."""
        return self._messages + (self._process.wire.messages if self._process else 0)

    @property
    def pid(self):
        return self._process.pid if self._process else None

    @property
    def running(self):
        return self.state in (COMPUTING, WAITING, ASKING)

    def start(self, heap, kept, files, rom=None):
        self._process = GuestProcess(heap, kept, files, self._owner.line, rom)
        self._watched = False
        self._computes()

    def stop(self):
        """As when power goes. The exit code, or None when nothing ran."""
        if self._timer is not None:
            self._timer.cancel()
        self._clear()
        self.state = STOPPED
        process, self._process = self._process, None
        if process is None:
            return None
        self.kernel.unwatch(process.wire.fileno())
        self._messages += process.wire.messages
        return process.end()

    # To the program

    def queue(self, what, index, data, urgent=False):
        """A record for the program: at once if `urgent` or if it waits for that UART, else when it wakes."""
        if not self.running:
            return
        now_us = self.kernel.now_us
        bytes_come = what in _BYTES
        # What it has computed while bytes arrived was none of their business.
        if now_us < self._busy_until_us and now_us < (self._promised_us if bytes_come else self._still_us):
            raise RuntimeError(f"the program has run on to {self._busy_until_us} us, and this is {now_us}")
        self._pending.append((what, index, data, now_us))
        if bytes_come:
            self._held |= 1 << index
            urgent = urgent or (self.state == WAITING and self._readers & 1 << index)
        if urgent:
            self._urgent = True
            if self.state == WAITING:
                self._resume_at(self.kernel.now_us)

    def _resume_at(self, when_us):
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.kernel.at_lane(self.lane, max(when_us, self._busy_until_us), self._resume)

    def _resume(self):
        self._timer = None
        self._urgent = False
        self._held = 0
        body = b""
        if self._pending:
            body = self._gather()
        self._wake(body)

    def _gather(self):
        now_us = self.kernel.now_us
        parts, room = [], 0
        for what, index, data, at_us in self._pending:
            room += wire.RECORD_SIZE + len(data)
            if room > wire.ROOM:
                self._urgent = True  # the rest follows at the next wait
                break
            parts.append(wire.record_head(what, index, len(data), min(now_us - at_us, 0xFFFFFFFF)))
            parts.append(data)
        del self._pending[: len(parts) // 2]
        return b"".join(parts)

    def answer(self, data=b"", what=wire.QUESTION, index=0):
        """The answer to what the program asked."""
        self._wake(wire.record(what, index, data) if data else b"")

    def deaf(self):
        """Until now the chip could not serve the interrupts of its pins: it hears of all their edges at once,
        later than they were."""
        now_us = self.kernel.now_us
        self._pending = [
            (what, index, data, now_us if what == wire.PIN else at_us)
            for what, index, data, at_us in self._pending
        ]

    def _wake(self, body):
        self._woken_us = self.kernel.now_us
        horizon_us, still_us = self._horizon_us()
        try:
            self._process.wire.wake(self._woken_us, body, horizon_us, still_us)
        except wire.Gone as error:
            self._died(error)
            return
        self._computes()

    def _horizon_us(self):
        """What the program is told: as Kernel.horizon_us."""
        now_us = self._woken_us
        if self.kernel.paced:
            return now_us + _SLICE_US, 0
        if self._pending:
            return now_us, 0
        horizon_us, still_us = self.kernel.horizon_us(self._devices_lane, self.least_us())
        far_us = now_us + _FARTHEST_US
        horizon_us = min(horizon_us, far_us)
        still_us = 0 if self.listens else min(still_us, far_us)
        self._promised_us, self._still_us = horizon_us, still_us or horizon_us
        return horizon_us, still_us

    # From the program

    def _computes(self):
        self.state = COMPUTING
        if not self.kernel.paced:
            self._await_message()
        elif not self._watched:
            self._watched = True
            self.kernel.watch(self._process.wire.fileno(), self._readable)

    def _await_message(self):
        process = self._process
        while self.state == COMPUTING and self._process is process:
            try:
                message = process.wire.receive(_SILENT_S)
            except (wire.Gone, wire.Silent) as error:
                self._died(error)
                return
            self._handle(message)

    def _readable(self):
        process = self._process
        while process is not None and self._process is process:
            try:
                message = process.wire.poll()
            except wire.Gone as error:
                self._died(error)
                return
            if message is None:
                return
            self._handle(message)

    def _died(self, error):
        code = self.stop()
        self.state = DEAD
        self._owner.died(f"{error}, exit code {code}")

    def _handle(self, message):
        process, now_us = self._process, self.kernel.now_us
        if message.records:
            self._promised_us = 0  # what it has said may be answered while it computes
        for what, index, late_us, data in message.records:
            when_us = self._woken_us + late_us
            if what == wire.QUESTION:
                continue
            if what == wire.WATCHDOG:
                self._owner.watched(index, when_us, data)
            elif when_us > now_us:
                self.kernel.at_lane(self.lane, when_us, self._apply_later, process, what, index, data)
            else:
                self._owner.apply(what, index, data)
            if self._process is not process:
                return
        if message.kind == wire.BOOT:
            self.answer(self._owner.options())
            return
        process.opened()
        if message.kind == wire.MORE:
            return
        self._busy_until_us = max(now_us, self._woken_us + message.busy_us)
        if message.kind == wire.WAIT:
            self._waits(message)
        else:
            self.state = ASKING
            if self._busy_until_us > now_us:
                self._timer = self.kernel.at_lane(self.lane, self._busy_until_us, self._asks, message)
            else:
                self._owner.asked(message)

    def _asks(self, message):
        self._timer = None
        self._owner.asked(message)

    def _apply_later(self, process, what, index, data):
        if self._process is process:
            self._owner.apply(what, index, data)

    def _waits(self, message):
        self.state = WAITING
        self._readers = message.readers
        if self._urgent or self._held & message.readers:
            self._resume_at(self.kernel.now_us)
        elif message.until_us < wire.FOREVER_US:
            self._resume_at(message.until_us)
