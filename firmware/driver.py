"""A modem from power to an open UDP socket, and back up again from every way to lose it, whoever made it.

One stage per state, each returns the next; what goes wrong leads back only as far as it must:

    OFF -AT-> SET_UP -echo off-> SIM -READY-> ATTACH -registered-> NET -context-> SOCKET -opened-> UP

What a maker's modems have of their own is the `maker`: `simcom`, `quectel`.
"""

import asyncio

from firmware.at_port import SET_MS, TIMEOUT, Port, Restarted, Silent
from firmware.chores import Chores
from firmware.deafness import Deafness
from firmware.ladder import Ladder
from firmware.modem import ATTACH, GONE, NET, OFF, SENT, SET_UP, SIM, SOCKET, UP, Bearer
from firmware.registration import Registration
from firmware.sim_stage import SimStage
from firmware.simpin import MemoryStore, PinGuard
from firmware.version import NOT_BEFORE_MS
from protocol.compat import const
from protocol.errors import Malformed

_FIRST_PAUSE_MS = const(1000)
_LONGEST_PAUSE_MS = const(60000)
_PANIC_PAUSE_MS = const(1000)
_RADIO_EVERY = const(3)  # failures to open in a row before the radio goes off and on
_RESTART_EVERY = const(9)  # and before the modem starts again

_STEADY_MS = const(60000)
_ERRORS = const(2)  # in a row, before the socket is opened again

_HELD_BACK_MS = const(50)
_BOOT_URCS_MS = const(25000)  # boot URCs that come this soon after the first answer belong to that start
_DOUBT_MS = const(10000)


class Modem(Bearer):
    """The driver. `run` is its task.

    `make(port, config, modem)` gives what is the maker's own. `config`: apn, user, password, pin, host, port,
    local_port; optional: modem (its model), baud, manual_receive, commands (given at each start of
    it). `pins`: see `ladder`. `clock.uptime_ms()` never wraps. `log(level, text)`. `store`: see `simpin`.
    """

    def __init__(self, make, uart, pins, config, clock, log=None, store=None):
        Bearer.__init__(self, clock.uptime_ms, log)
        port = self._port = Port(uart, clock.uptime_ms, self._wake, self._on_line, self.deliver)
        port.hurry = self._hurry
        maker = self._maker = make(port, config, self)
        self._commands = config.get("commands", ())
        times = maker.times(config.get("modem", "").lower())
        self._ladder = Ladder(port, uart, pins, self, clock.uptime_ms, times, config.get("baud", 115200))
        guard = PinGuard(store or MemoryStore())
        self._sim = SimStage(port, self, clock.uptime_ms, config["pin"], guard, maker)
        self._registration = Registration(port, self, clock.uptime_ms, config, maker)
        self._chores = Chores(port, self, self._registration, maker)
        self._trouble = 0  # failures in a row between ATTACH and UP
        self._found_at = 0
        self._lost = None  # the state to go back to, told by a URC
        self._errors = 0
        self._deafness = Deafness()
        self.bad_lines = 0
        self._stages = {
            OFF: self._find,
            SET_UP: self._set_up,
            SIM: self._ready,
            ATTACH: self._attach,
            NET: self._net,
            SOCKET: self._open,
            UP: self._serve,
        }

    async def run(self, alive=None):
        """The task; ends only by cancellation or an error of our own. `alive()` is called every 15 s."""
        self._port.alive = alive
        listener = asyncio.create_task(self._port.listen())
        state = OFF
        try:
            while True:
                self.set_state(state)
                self._lost = None
                try:
                    state = await self._stages[state]()
                except Restarted:
                    self.say(1, "has started again by itself")
                    self.restarts += 1
                    self._found_at = self._uptime_ms()
                    state = SET_UP
                except Silent:
                    self.say(1, "does not answer")
                    state = OFF
                    listener.cancel()  # it may be the one who listens that hangs
                    listener = asyncio.create_task(self._port.listen())
        finally:
            self.set_state(OFF)
            listener.cancel()

    def _hurry(self):
        return bool(self._first or self._urgent)

    # --- hearing

    def _on_line(self, line):
        # By hand, not by a table: of a table of methods each row would take its room for ever.
        try:
            if line.startswith((b"+CEREG:", b"+CGREG:", b"+CREG:")):
                self._registration.heard(line)
            elif line.startswith((b"+CSQ:", b"+CESQ:")):
                self._registration.heard_signal(line)
            elif line.startswith(b"+CGDCONT:"):
                self._registration.heard_context(line)
            elif line.startswith(b"+CPIN:"):
                self._sim.heard(line)
                self._heard_boot(line)
            elif line.startswith(self._maker.BOOT):
                self._heard_boot(line)
            elif not self._maker.heard(line):
                return
        except Malformed:
            self.bad_lines += 1
        self.wake()

    def _heard_boot(self, line):
        # They come in any order, the last ones 20 s after the first: one may be late, or the only sign of a
        # restart. Beside a working socket the socket is asked for; else time and the echo tell.
        if self.state == UP:
            self._chores.doubt = True
        elif self.state > SET_UP and line.startswith(self._maker.BOOT[:2]):
            if self._uptime_ms() - self._found_at > _BOOT_URCS_MS:
                self._port.restarted = True
            else:
                self._port.hasten(_DOUBT_MS)

    def lose(self, state):
        """No more than `state` is left of the way up."""
        if self._lost is None or state < self._lost:
            self._lost = state

    def time_changed(self):
        """The network has told the time, and the modem can be asked for it."""
        self._chores.hasten_clock()

    def utc_told(self, utc_ms):
        """By the network, as the modem has it; None: not known."""
        # A modem that the network told nothing says 1970 or 1980.
        if utc_ms is not None and utc_ms >= NOT_BEFORE_MS:
            self.time_told(utc_ms)

    # --- the stages

    async def _find(self):
        self._port.expect_restart()
        self._registration.forget()
        if not await self._ladder.find():
            raise Silent
        self._found_at = self._uptime_ms()
        return SET_UP

    async def _set_up(self):
        self._port.expect_restart()
        self._registration.forget()
        # The radio on: a boot URC may have cut short its way through flight mode. The modem's clock follows
        # the network, the zone is reported; not every firmware knows the last two.
        await self._port.echo_off()
        for command in (b"AT+CMEE=1", b"AT+CFUN=1", b"AT+CTZU=1", b"AT+CTZR=1"):
            await self._port.ask(command, SET_MS)
        await self._maker.set_up()
        for command in self._commands:
            await self._port.ask(command.encode(), SET_MS)
        return SIM

    async def _ready(self):
        return ATTACH if await self._sim.ready() else await self._restart()

    async def _attach(self):
        return NET if await self._registration.attach() else await self._restart()

    async def _restart(self):
        """The modem's own restart: it can still write its flash, unlike with the reset line."""
        self.say(1, "restart of the modem")
        self.restarts += 1
        self.set_state(OFF)
        await self._port.ask(self._maker.RESTART, SET_MS)
        self._port.expect_restart()
        await self._ladder.boot()
        return OFF

    async def _net(self):
        wrong = await self._maker.open_network()
        return SOCKET if wrong is None else await self._failed(wrong)

    async def _open(self):
        self._lost = None
        wrong = await self._maker.open()
        return UP if wrong is None else await self._failed(wrong)

    async def _failed(self, text):
        """A stage failed: wait, longer each time; at the third the radio, at the ninth the modem anew."""
        self.say(1, text)
        self._trouble += 1
        if self._trouble >= _RADIO_EVERY:
            self.set_fault(text)
        if self.may_disturb():
            if self._trouble % _RESTART_EVERY == 0:
                return await self._restart()
            if self._trouble % _RADIO_EVERY == 0:
                await self._registration.radio_restart()
                return ATTACH
        pause_ms = min(_FIRST_PAUSE_MS << min(self._trouble, 6), _LONGEST_PAUSE_MS)
        end = self._uptime_ms() + pause_ms
        while True:
            if self.panic_active:
                end = min(end, self._uptime_ms() + _PANIC_PAUSE_MS)
            if not await self._port.idle(end):
                return ATTACH

    # --- UP

    def deliver(self, datagram):
        """A datagram has come in: whatever was doubted works."""
        self._deafness.heard()
        self._trouble = 0
        Bearer.deliver(self, datagram)

    async def _serve(self):
        self.set_fault(None)
        self._errors = 0
        self._deafness.begin()
        begun = self._uptime_ms()
        self._chores.begin(begun)
        while True:
            urgent = self._hurry()
            datagram = self.next_datagram()
            if datagram is not None:
                await self._transmit(datagram, urgent)
            lost = self._lost if self._lost is not None else self._deaf()
            if lost is not None:
                return await self._back_to(lost, self._uptime_ms() - begun)
            if self._maker.waiting:
                await self._maker.fetch()
            elif datagram is None and self.held_back():
                await self._port.idle(self._uptime_ms() + _HELD_BACK_MS)
            elif datagram is None and not await self._chores.one(self._uptime_ms()):
                await self._port.idle(self._chores.next_ms())

    async def _transmit(self, datagram, urgent):
        # Bulk has its own repeats; an alarm does not wait half a second for one.
        for _ in range(2 if urgent else 1):
            outcome = await self._maker.send(datagram)
            if outcome == SENT:
                self._errors = 0
                self.sent += 1
                self._deafness.sent(self._uptime_ms())
                return
            self.failed += 1
            if outcome == TIMEOUT:
                await self._port.reach()
            self._errors += 1
            if outcome == GONE or self._errors >= _ERRORS:
                self.lose(SOCKET)
            if self._lost is not None:
                return

    def _deaf(self):
        """The state to go back to when nothing comes in, or None."""
        if not self.may_disturb():
            return None
        remedy = self._deafness.remedy(self._uptime_ms())
        if not remedy:
            return None
        self.say(1, "nothing comes in")
        self._maker.shift()
        return (None, SOCKET, NET, ATTACH, OFF)[remedy]

    async def _back_to(self, state, lasted_ms):
        self.set_state(state)
        if lasted_ms >= _STEADY_MS:
            self._trouble = 0
        elif self._trouble:
            return await self._failed("the connection does not last")
        else:
            self._trouble = 1
        if state == OFF:
            return await self._restart()
        if state == SOCKET:
            return SOCKET
        await self._maker.close_network()
        if state == ATTACH:
            await self._registration.radio_restart()
        return ATTACH
