"""The terminal, wired together: what exists, who tells whom, which tasks run under the supervisor.

Safe mode, after starts that failed one after another, leaves out what an alarm can do without: positions but
an alarm's, tracks, prepared signatures; then also the receiver, and the journal if it cannot be opened.
"""

import time

from firmware import beat, gnss, idle, indicator, keys, statefile
from firmware.ccm import AesCcm
from firmware.clock import GATEWAY, NITZ, Clock
from firmware.commands import DONE
from firmware.desk import TASK, Desk
from firmware.driver import Modem
from firmware.duty import Duty
from firmware.health import Health
from firmware.journal import Journal
from firmware.maker import Maker
from firmware.panic import Panics
from firmware.patrol import Patrol
from firmware.renewer import Renewer
from firmware.report_builder import ReportBuilder
from firmware.session import Session
from firmware.signal import Signal
from firmware.simpin import FileStore
from firmware.supervisor import Supervisor
from firmware.uplink import Uplink
from protocol import cbor, cose, report
from protocol.compat import const
from protocol.errors import ProtocolError

_PANIC_FILE = "/panic"
_DUTY_FILE = "/duty"
_PIN_FILE = "/simpin"

_QUICK_MS = const(5000)
_SLOW_MS = const(30000)
_ROUND_MS = const(4000)
# Longest pause of a task that an alarm cannot do without. After ten deaths the terminal starts afresh.
_BLIND_MS = const(2000)
_HASTE_MS = const(1000)
# A PANIC key that chatters must not keep everything else waiting: three times, then once in so long.
_HASTE_REST_MS = const(5000)
_UPDATE = const(5)  # kinds of commands; the others are the desk's
_RENEW = const(6)
_SCAN = const(4)
_BARE = const(2)  # safe mode's second step


class App:
    """`values`: settings (config.py); `key_pins`: [(function, pin)]; `log(level, text)`."""

    def __init__(self, hal, values, key_pins, signer, boot, log, why=None):
        self.hal = hal
        self.log = log
        self.trace = log.trace
        self.safe = self.trace.safe
        self.proven = False  # this start has not failed
        self.failing = False  # flash did not take a file, in this boot
        self.signer = signer
        self.clock = Clock(time.ticks_ms, time.ticks_diff)
        uptime_ms = self.clock.uptime_ms
        self.receiver = gnss.Receiver(self.clock)
        self._gnss_uart = hal.uart("gnss")
        self.indicator = indicator.Indicator(
            hal.red.write, hal.green.write, hal.buzzer.write, hal.vibrator.write, values["covert"], uptime_ms
        )
        self.journal = self._open_journal(values)
        self.journal.prepare()  # the first alarm finds a block erased
        self.builder = ReportBuilder(signer, self.journal, self.clock, boot, self.receiver.fix, log)
        self.panics = Panics(boot, self._keeper(_PANIC_FILE))
        self.panics.load(self._kept(_PANIC_FILE))
        self._adopt_panics()
        duty = Duty(values["arrival_m"], self._keeper(_DUTY_FILE))
        duty.load(self._kept(_DUTY_FILE))
        options = hal.modem_options()
        options.update(values)
        modem_uart = hal.uart("modem")
        store = FileStore(_PIN_FILE)
        self.modem = Modem(Maker, modem_uart, hal.modem_pins(), options, self.clock, log, store)
        self.modem.on_network_time = self._network_time
        self.desk = Desk(values, self.builder, self.panics, duty, self.indicator, self.modem, log)
        health = Health(values["health_s"] * 1000, values["supply_low_mv"], hal.reset_cause, why)
        self.beat = beat.Beat(values, self, Patrol(values), health)
        self.session = session = Session(AesCcm(), log=log)
        keepalive_s = values["keepalive_s"]
        uplink = Uplink(self.journal, session, self.modem, uptime_ms, self.random16, keepalive_s, log)
        uplink.on_stored = self.desk.stored
        uplink.on_command = self._command
        uplink.on_gateway_time = self._gateway_time
        uplink.on_change = self.beat.fixed.set
        uplink.hasty = self.hasty
        self.builder.on_frame = self._framed
        self.uplink = uplink
        self.used = Signal()  # what was prepared is to be prepared anew, or an update has more to do
        self.update = None  # the one under way: see update.py
        self.due = None  # an alarm has put it aside, until that uptime at most; -1: until the alarm is over
        self.slot = None  # of flash, that the program runs from
        self._renewer = Renewer(self, bytes.fromhex(values["gateway_key"]))
        # What the alarm itself waits for is not held back: without keys for the link, that is the handshake.
        self.modem.hasty = lambda: self.hasty() and session.ready
        self._touched_ms = -_HASTE_MS
        self._rested_ms = 0
        self.keys = self._make_keys(values, key_pins)
        round_ms = min(_ROUND_MS, values["watchdog_s"] * 500)
        self.supervisor = Supervisor(hal.feed, uptime_ms, self.random16, log, round_ms)
        self.supervisor.look = self.keys.look
        self._tasks()

    def _open_journal(self, values):
        try:
            return Journal(self.hal.journal(), values["urgent_kb"] * 1024, values["bulk_kb"] * 1024)
        except Exception as error:
            if self.safe < _BARE:
                raise
            from firmware.aftermath import NoJournal

            self.log(1, "journal: none: %r" % error)
            return NoJournal()

    # --- what the parts ask

    def linked(self):
        return self.uplink.linked

    def queue(self):
        return self.journal.count(True) + self.journal.count(False)

    def random16(self):
        return int.from_bytes(self.hal.entropy(2), "big")

    def _keeper(self, path):
        def keep(rows):
            try:
                statefile.write(path, cbor.encode(rows))
            except OSError as error:
                # What it protects against is a power cut; what it must not do is stop the alarm.
                self.failing = True
                self.log(1, "%s: %r" % (path, error))

        return keep

    def _kept(self, path):
        data = statefile.read(path)
        try:
            return [] if data is None else cbor.decode(data)
        except ProtocolError as error:
            self.log(1, "%s: %s" % (path, error))
            return []

    def _adopt_panics(self):
        """Alarms whose frames still lie in the journal are open, whatever else was lost."""
        after = None
        while True:
            try:
                rows = self.journal.peek(True, _SCAN, after)
            except OSError as error:
                # They are sent all the same once flash is read again; a terminal that doesn't start sends
                # none.
                self.log(1, "journal: not read: %r" % error)
                return
            if not rows:
                return
            after = rows[-1][0]
            for _, frame in rows:
                try:
                    fields = report.decode(cose.sign1_parse(frame).payload)
                except ProtocolError:
                    continue
                if fields[report.KIND] == report.KIND_PANIC:
                    id = fields[report.PANIC][report.PANIC_ID]
                    self.panics.queued(id, fields[report.BOOT], fields[report.SEQ])

    def _make_keys(self, values, key_pins):
        functions = [function for function, _ in key_pins]
        pins = [self.hal.key_pin(number) for _, number in key_pins]
        logic = keys.KeyLogic(
            functions,
            time.ticks_diff,
            values["panic_hold_ms"],
            values["stuck_s"] * 1000,
            values["event_gap_ms"],
            self._key,
        )
        return keys.Keys(logic, pins, time.ticks_ms)

    # --- what the parts tell

    def hasty(self):
        """An alarm may be about to come, or has just come: its datagram is to be the next."""
        return self.clock.uptime_ms() - self._touched_ms < _HASTE_MS

    def waits(self):
        """What can wait waits: for such an alarm, and for a lamp that has just begun to say how far it is. A
        signature takes up to a second, in which that lamp would stand still."""
        return self.hasty() or self.indicator.news

    def _key(self, meaning, number):
        now = self.clock.uptime_ms()
        if meaning == "panic":
            self._touched_ms = now
        elif meaning == "down" and self.keys.logic.functions[number] == "panic":
            if self._rested_ms - now <= 2 * _HASTE_REST_MS:
                self._rested_ms = max(self._rested_ms, now) + _HASTE_REST_MS
                self._touched_ms = now
        if meaning == "down":
            # PANIC clicks when it has counted; the others at once.
            if self.keys.logic.functions[number] != "panic":
                self.indicator.click()
        elif meaning == "stuck" or meaning == "freed":
            self.log(1, "key %s: %s" % (self.keys.logic.functions[number], meaning))
        else:
            self.desk.key(meaning, number)
            self.beat.fixed.set()

    def _framed(self, *frame):
        self.uplink.frame(*frame)
        self.used.set()

    def _command(self, command):
        if command.kind in (TASK, _UPDATE) and self.hasty():
            return -1  # it goes to flash, twice: an alarm that is about to come would have to wait for that
        self.log(2, "command %d: kind %d" % (command.id, command.kind))
        if command.kind == _RENEW:
            self._renewer.asked()
            return DONE
        if command.kind == _UPDATE:
            try:
                return self.updating().asked(command.body)
            except MemoryError:
                return 0  # the next list tells of it again
        return self.desk.command(command.kind, command.body)

    def updating(self):
        """The update under way; a notice begins one. Its modules are there as long as it is."""
        if self.update is None:
            from firmware.update import begin

            self.update = begin(self)
            self.due = None
            self.used.set()
        return self.update

    def _gateway_time(self, utc_ms, rtt_ms):
        self.clock.offer(utc_ms + rtt_ms // 2, GATEWAY)

    def _network_time(self, utc_ms):
        self.clock.offer(utc_ms, NITZ)

    # --- tasks

    def _tasks(self):
        add = self.supervisor.add
        add("keys", self._run_keys, _QUICK_MS, _BLIND_MS)
        add("lamps", self._run_indicator, _QUICK_MS, _BLIND_MS)
        if self.safe < _BARE:
            add("gnss", self._run_gnss, _SLOW_MS)
        add("beat", self._run_beat, _SLOW_MS)
        add("modem", self._run_modem, _SLOW_MS)
        add("uplink", self.uplink.run, _SLOW_MS, _BLIND_MS)
        if self.safe < _BARE or not self.session.ready:
            add("handshake", self._renewer.run, _SLOW_MS)
        add("idle", self._run_idle, _SLOW_MS)

    def _run_keys(self, watch):
        return keys.run(watch, self.keys, self.beat)

    def _run_indicator(self, watch):
        return indicator.run(watch, self.indicator)

    def _run_gnss(self, watch):
        return gnss.run(watch, self._gnss_uart, self.receiver, self.clock, self.beat.fixed.set, self.beat)

    def _run_beat(self, watch):
        return beat.run(watch, self.beat)

    def _run_modem(self, watch):
        return self.modem.run(watch.alive)

    def _run_idle(self, watch):
        return idle.run(watch, self)

    async def run(self):
        stage = self.panics.least()
        self.indicator.panic(stage)
        self.modem.panic_active = stage is not None
        self.keys.start(self.hal.on_edges)
        self.hal.on_ignition(self.keys.stir)
        await self.supervisor.run()
