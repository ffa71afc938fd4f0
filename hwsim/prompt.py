"""Lockstep with a board that has somebody at its console.

The prompt is MicroPython's own, in C, and says nothing on the wire: the bench looks whether the process waits
for what is typed. Then the board's time stands, as far as the program is concerned, until something comes.
"""

import select

from hwsim import wire
from hwsim.lockstep import COMPUTING, WAITING, Lockstep
from hwsim.prompt_process import PromptProcess

READING = "reading"
_INTERRUPT = 5  # guest/_fault.py
_LOOKS = 200  # at once, before the looks at it become rarer
_PAUSE_MS = 2
_LONG = _LOOKS + 25  # and before it is taken to compute for long
_STUBBORN_S = 0.2  # of the processor: computes without a message, and Ctrl-C was typed


class PromptLockstep(Lockstep):
    """`console`: see console.py. Its `world()` is called while the program computes, and its `handles` are
    files that wake the bench then."""

    def __init__(self, kernel, owner, console, lane):
        self._console = console
        self._interrupt = False
        self._since = None  # how long it had computed when Ctrl-C found it computing
        self.prompted = False  # no programs of the flash's any more: the prompt, in its own time
        super().__init__(kernel, owner, lane)

    def start(self, heap, kept, files, rom=None):
        self._interrupt = False
        self.prompted = False
        self._process = PromptProcess(heap, kept, files, self._console.said, rom)
        self._computes()

    @property
    def reading(self):
        """Does it wait for what is typed?"""
        return self.state == READING

    @property
    def hears(self):
        """Does it take what comes over the line? A chip that starts does not."""
        return self._process is not None and not self._process.starting

    @property
    def interruptible(self):
        """Would Ctrl-C stop what it does now?"""
        return self.hears and self._process.interruptible

    def typed(self, data):
        """Its prompt, or its program, reads these bytes, for it waits for some."""
        process = self._process
        if b"\x03" in data and process.interruptible:
            data = data[data.rindex(b"\x03") + 1 :]
            self.interrupt()
            if self._process is not process:
                return
        if data:
            try:
                process.type(data)
            except OSError as error:
                self._ended(error)
                return
            if self.state == READING:
                self._computes()

    def interrupt(self):
        """Ctrl-C has come."""
        if self.state == READING:  # a program that reads standard input itself
            self._process.interrupt()
            self._computes()
            return
        self._interrupt = True
        if self.state == WAITING:
            self._resume_at(self.kernel.now_us)

    # Lockstep's

    def _computes(self):
        self._since = None
        super()._computes()

    def _resume_at(self, when_us):
        # What a program prints takes its time; it waits for the line.
        super()._resume_at(max(when_us, self._console.said_by_us))

    def _resume(self):
        if not self._interrupt:
            super()._resume()
            return
        self._interrupt = self._urgent = False
        self._timer = None
        self._held = 0
        body = self._gather() if self._pending else b""
        self._wake(body + wire.record(wire.FAULT, _INTERRUPT, b""))

    def _horizon_us(self):
        # At the prompt the bench has to hear of every wait: nothing else tells it how late it is there.
        return (self._woken_us, 0) if self.prompted else super()._horizon_us()

    def _await_message(self):
        process = self._process
        looks = 0
        while self.state == COMPUTING and self._process is process:
            try:
                message = process.wire.poll()
            except wire.Gone as error:
                self._ended(error)
                return
            process.listen()
            if message is not None:
                self._console.flush()
                self._handle(message)
                looks = 0
                continue
            if process.reads():
                process.listen()
                self.state = READING
                self._interrupt = False
                self._console.waited_for()
                return
            looks += 1
            self._pause(process, 0 if looks < _LOOKS else _PAUSE_MS)
            if looks >= _LOOKS:
                self._console.world()
            if looks >= _LONG:
                self._console.overdue()
                self._insist(process)

    def _pause(self, process, limit_ms):
        poll = select.poll()
        for handle in (*process.handles, *self._console.handles):
            poll.register(handle, select.POLLIN)
        poll.poll(limit_ms)

    def _insist(self, process):
        # By its own time, and not by the wall: on a busy computer a program that only waits for its turn
        # would be struck in the middle of its file system.
        if self._process is not process or not self._interrupt:
            return
        if self._since is None:
            self._since = process.computed_s()
        elif process.computed_s() - self._since > _STUBBORN_S:
            self._interrupt = False
            if process.interruptible:
                process.interrupt()

    def _ended(self, error):
        """A prompt that is left (Ctrl-D, sys.exit) is a soft reset, and the process ends by itself."""
        code = self._process.ended()
        self._process.listen()
        if self._console.prompting and code is not None and code >= 0:
            self._console.left()
            self._owner.reset("soft")
        else:
            self._died(error)
