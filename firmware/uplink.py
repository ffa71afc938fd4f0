"""The terminal's side of the link to headquarters: frames out, commands in. One task owns it all.

Everything happens in `step`, from values and time alone; `run` only waits for the next step.
"""

from firmware.bulk import BulkFrames
from firmware.commands import REFUSED, Commands
from firmware.link import Link
from firmware.outbox import UrgentFrames
from firmware.signal import Signal
from firmware.urgent import UrgentLane
from protocol import cbor
from protocol.compat import const
from protocol.errors import ProtocolError

_LONGEST_WAIT_MS = const(24000)
_BUSY_MS = const(50)  # the modem's queue is full: it takes the next datagram in about this time
# Flash that refused numbers is tried again; where a block of its root is worn, each try erases.
_FLASH_AGAIN_MS = const(60000)
_URGENT_AGAIN_MS = const(10000)
_INPUT = const(8)
_SLOWEST_MS = const(5000)  # a gateway time older than this says little about now


def _sooner(wait_ms, left):
    return wait_ms if left is None or wait_ms < left else left


class Uplink:
    """`journal`, `session`, `modem`: see there; `uptime_ms()` never wraps; `random16()` gives 0..65535.

    Callbacks, all optional: `on_sent(boot, seq)` the first datagram of an urgent frame was handed to the
    modem; `on_stored(boot, seq)` the gateway has it, authentically; `on_command(command)` returns 0 later, 1
    shown, 2 not supported, 3 refused, -1 not at this moment; `on_gateway_time(utc_ms, rtt_ms)`;
    `on_change()` as the two change.
    """

    def __init__(self, journal, session, modem, uptime_ms, random16, keepalive_s=40, log=None):
        self._session = session
        self._modem = modem
        self._uptime_ms = uptime_ms
        self._log = log
        self.link = Link(session, modem, uptime_ms, random16)
        self._lane = UrgentLane(self.link, uptime_ms, random16)
        self.urgent = UrgentFrames(journal, self._lane, self, uptime_ms, log)
        self._bulk = BulkFrames(journal, self.link, self, uptime_ms, random16, log)
        self._commands = Commands(self.link, self._lane, self, uptime_ms, random16, keepalive_s * 1000, log)
        self.link.on_heard = self._bulk.heard
        self.renewer = None  # keeps the link's keys young: see there
        self.hasty = None  # () -> True while an alarm may be about to come: nothing is prepared then
        self._works_ms = keepalive_s * 2500
        self._refused_ms = -_FLASH_AGAIN_MS
        self._input = []
        self._event = Signal()
        self._was_up = False
        self._shown = (False, False)
        self.on_sent = None
        self.on_stored = None
        self.on_command = None
        self.on_gateway_time = None
        self.on_change = None
        self.overrun = 0  # datagrams that came faster than they could be read

    # --- what others see and say

    @property
    def linked(self):
        """The bearer is up and the gateway has proved itself lately."""
        heard_ms = self.link.answer_ms
        return self._modem.up and heard_ms is not None and self._uptime_ms() - heard_ms < self._works_ms

    @property
    def suspended(self):
        """The gateway says so, authentically, and has taken nothing since. Frames are kept."""
        return self._lane.suspended

    @property
    def refused(self):
        """Frames the gateway called malformed. They are set aside, still in the journal."""
        return self.urgent.refused + self._bulk.refused

    @property
    def unsaved(self):
        """Urgent frames lost because flash refused them and memory had no room."""
        return self.urgent.unsaved

    def frame(self, urgent, frame, boot, seq, stored, kind=None):
        """A new frame, in the journal when `stored`: urgent ones go out from memory, now."""
        if urgent:
            self.urgent.frame(frame, boot, seq, stored, kind)
        else:
            self._bulk.more = True
        self._event.set()

    def wake(self):
        """Look at the journal again."""
        self._bulk.more = self.urgent.more = True
        self._event.set()

    def rekeyed(self):
        """A new context is in force: what waits for an answer goes out under it, and so the gateway hears."""
        self._lane.anew()
        self._commands.link_new()
        self._bulk.link_new()
        self._event.set()

    def pace(self, keepalive_s):
        """Keep the link open so often from now on."""
        if self._works_ms != keepalive_s * 2500:
            self._works_ms = keepalive_s * 2500
            self._commands.pace(keepalive_s * 1000)
            self._event.set()

    def bearer_changed(self):
        """The bearer's `on_state`."""
        if not self._modem.up:
            self._was_up = False
        self._event.set()

    def datagram(self, data):
        """The bearer's `on_datagram`: kept for the uplink's own task, the modem's has a UART to empty."""
        if len(self._input) >= _INPUT:
            self.overrun += 1
            return
        self._input.append(data)
        self._event.set()

    # --- the task

    async def run(self, watch=None):
        """For ever; `watch.alive()` is called each 24 s at least."""
        self._modem.on_datagram = self.datagram
        if self._modem.on_state is None:
            self._modem.on_state = self.bearer_changed
        while True:
            if watch is not None:
                watch.alive()
            await self._event.wait_ms(self.step())

    def step(self):
        """Do all that is due; the time until the next step, ms."""
        while self._input:
            self.link.receive(self._input.pop(0))
        wait_ms = self._commands.work()
        if wait_ms is None:
            wait_ms = _LONGEST_WAIT_MS
        if self._modem.up:
            if not self._was_up:
                self._was_up = True
                self._commands.link_new()
                self._bulk.link_new()
            wait_ms = self._work(wait_ms)
        shown = (self.linked, self.suspended)
        if shown != self._shown:
            self._shown = shown
            self._call(self.on_change)
        return wait_ms

    def _work(self, wait_ms):
        wait_ms = _sooner(wait_ms, self.urgent.step())
        wait_ms = _sooner(wait_ms, self._commands.step(self._modem.panic_active))
        wait_ms = _sooner(wait_ms, self._lane.step())
        # What is urgent is handed over before flash is read for the rest.
        refused = self.link.pump()
        wait_ms = _sooner(wait_ms, self._bulk.step())
        self._prepare()
        refused = self.link.pump() or refused
        wait_ms = _sooner(wait_ms, _BUSY_MS if refused else self.link.wait_ms())
        if self.renewer is not None:
            wait_ms = _sooner(wait_ms, self.renewer.step(self._modem.panic_active))
        return max(0, wait_ms)

    def _prepare(self):
        """Reserve Partial IVs while nothing urgent waits, so that a panic finds some; or that needs one."""
        now = self._uptime_ms()
        session = self._session
        jobs = self._lane.jobs
        if (jobs and session.left()) or (self.hasty is not None and self.hasty()):
            return
        if session.failing and now - self._refused_ms < (_URGENT_AGAIN_MS if jobs else _FLASH_AGAIN_MS):
            return
        if not session.prepare() and session.failing:
            self._refused_ms = now

    # --- what the parts tell

    def frame_sent(self, boot, seq):
        self._call(self.on_sent, boot, seq)

    def frame_stored(self, boot, seq):
        self._call(self.on_stored, boot, seq)

    def suspended_by_gateway(self, suspended):
        self._lane.suspended = suspended

    def gateway_said(self, attempt, message):
        """An authentic 2.04 to frames. Its payload is a courtesy: without one it is still a 2.04."""
        self._lane.suspended = False
        rtt_ms = self._uptime_ms() - attempt.first_ms
        if rtt_ms > _SLOWEST_MS:
            return
        try:
            said = cbor.decode(message.payload)
        except ProtocolError:
            return
        utc_ms = said.get(0) if isinstance(said, dict) else None
        if type(utc_ms) is int:
            self._call(self.on_gateway_time, utc_ms, rtt_ms)

    def command(self, command):
        """The answer to a command."""
        answer = self._call(self.on_command, command)
        return REFUSED if answer is None else answer

    def _call(self, callback, *arguments):
        # What goes wrong in a listener must not stop the link: least of all while a panic is on its way.
        try:
            return None if callback is None else callback(*arguments)
        except Exception as error:
            if self._log is not None:
                self._log(1, "uplink: listener: %r" % error)
            return None
