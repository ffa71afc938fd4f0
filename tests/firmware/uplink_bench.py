"""The uplink against a gateway of protocol parts, over a network in virtual time. No task, no socket.

The gateway is real where it matters here: OSCORE, de-duplication, a list of commands with its observation.
What it answers to frames is each test's wish (`bench.wish`).
"""

from firmware.ccm import AesCcm
from firmware.journal import Journal
from firmware.session import Session
from firmware.uplink import Uplink
from protocol import cbor, coap, report
from protocol.coap import CHANGED, CON, CONTENT, Message
from protocol.errors import ProtocolError, Unauthentic
from protocol.oscore import Context
from protocol.responder import Reply, Request, Server
from tests.firmware.cutflash import CutFlash
from tests.firmware.ramflash import RamFlash
from tests.firmware.uplink_frames import UTC_MS, frame, names_of
from tests.protocol.lossy import Random

LINK = {
    "secret": bytes(range(16)),
    "salt": b"12345678",
    "sender_id": b"\x10\x20\x30\x40\x50\x60\x70",
    "recipient_id": b"\x01",
}
SLOTS = ("/bench/oscore0", "/bench/oscore1")
FLASH = []  # the one that is mounted


def adopt(session, link=LINK, made_ms=None):
    """Give the session what a handshake would."""
    session.adopt(link["secret"], link["salt"], link["sender_id"], link["recipient_id"], made_ms)


def gaps(times):
    return [times[i + 1] - times[i] for i in range(len(times) - 1)]


class FakeModem:
    def __init__(self, bench):
        self._bench = bench
        self.up = True
        self.panic_active = False
        self.full = False
        self.on_datagram = None
        self.on_state = None

    def send(self, datagram, urgent=False):
        if not self.up or self.full:
            return False
        self._bench.from_car(datagram, bool(urgent))
        return True

    def set_up(self, up):
        self.up = up
        if self.on_state is not None:
            self.on_state()


class Bench:
    def __init__(self, seed=1, loss=0, duplicate=0, delay_ms=40, keepalive_s=60):
        if FLASH:
            FLASH.pop().power_off()
        self.flash = CutFlash("/bench", 32)
        self.journal_flash = RamFlash(40)
        FLASH.append(self.flash)
        self.random = Random(seed)
        self.loss, self.duplicate, self.delay_ms = loss, duplicate, delay_ms
        self.now = 0
        self.modem = FakeModem(self)
        self.log = []
        self.boots = 0
        self.boot(keepalive_s)
        # gateway
        self.server = Server(self.random)
        self.context = Context(
            LINK["secret"], LINK["salt"], LINK["recipient_id"], LINK["sender_id"], AesCcm(), sequence=0
        )
        self.stored = {}  # (boot, seq): times taken
        self.commands = []
        self.answers = []  # (time, id, answer)
        self.observer = None
        self.registrations = []
        self.wish = None  # (frames, message) -> Message, or None for the ordinary answer
        self.deaf = False
        self.suspend = False
        self.rejected = 0
        self.air = []
        self.sent_log = []  # (time, urgent?, datagram)
        self.pivs = []

    def boot(self, keepalive_s=60, uptime_ms=None):
        """Power comes on: everything in memory is new, flash is as it was."""
        self.boots += 1
        self.journal = Journal(self.journal_flash, 65536, 65536)
        self.session = Session(AesCcm(), SLOTS, self._say)
        if self.boots == 1:
            adopt(self.session)
        self.uplink = Uplink(
            self.journal,
            self.session,
            self.modem,
            uptime_ms or (lambda: self.now),
            self.random,
            keepalive_s,
            self._say,
        )
        self.modem.on_datagram = self.uplink.datagram
        self.modem.on_state = self.uplink.bearer_changed
        self.events = []
        self.done = []  # commands in the order they were done
        self.uplink.on_sent = lambda boot, seq: self.events.append((self.now, "sent", boot, seq))
        self.uplink.on_stored = lambda boot, seq: self.events.append((self.now, "stored", boot, seq))
        self.uplink.on_command = self._command
        self.times = []
        self.uplink.on_gateway_time = lambda utc_ms, rtt_ms: self.times.append((utc_ms, rtt_ms))

    def wear_out_flash(self, worn=True):
        """Nothing can be written any more; or all is well again."""
        self.flash.worn_out = self.journal_flash.worn_out = worn

    def break_flash(self, broken=True):
        """Nothing can be read either."""
        self.wear_out_flash(broken)
        self.flash.unreadable = broken
        self.journal_flash.unreadable = range(self.journal_flash.blocks) if broken else ()

    def _say(self, level, text):
        self.log.append(text)

    def _command(self, command):
        self.done.append(command.id)
        if command.body == "break":
            raise KeyError(command.body)
        return 1

    # --- what the car does

    def say(self, seq, kind=report.KIND_POSITION, size=0):
        """A new frame: journal, then uplink, as the report builder does."""
        urgent = kind not in (report.KIND_POSITION, report.KIND_TRACK, report.KIND_HEALTH)
        data = frame(self.boots, seq, kind, size)
        stored = True
        try:
            self.journal.append(urgent, data, self.boots, seq)
        except OSError:
            stored = False
        self.uplink.frame(urgent, data, self.boots, seq, stored)
        return data

    def when(self, what, seq):
        """The first time of an event, or None."""
        for event in self.events:
            if event[1] == what and event[3] == seq:
                return event[0]
        return None

    # --- the network

    def _throw(self, up, datagram):
        if self.random.chance(self.loss):
            return
        for _ in range(2 if self.random.chance(self.duplicate) else 1):
            spread = self.random() % (self.delay_ms + 1) if self.loss else self.delay_ms
            self.air.append((self.now + spread, up, datagram))

    def from_car(self, datagram, urgent):
        self.sent_log.append((self.now, urgent, datagram))
        message = coap.decode(datagram)
        value = message.option(coap.OSCORE)
        if value:
            piv = value[1 : 1 + (value[0] & 7)]
            known = [data for p, data in self.pivs if p == piv]
            assert known in ([], [datagram]), "a Partial IV was used for two different messages"
            if not known:
                self.pivs.append((piv, datagram))
        self._throw(True, datagram)

    def run(self, ms):
        until = self.now + ms
        while self.now < until:
            wait = self.uplink.step()
            times = [self.now + wait, until] + [item[0] for item in self.air]
            left = self.server.wait_ms(self.now)
            if left is not None:
                times.append(self.now + left)
            self.now = max(self.now + 1, min(times))
            self.carry()
        self.uplink.step()

    def carry(self):
        """What has arrived by now arrives."""
        landed = [item for item in self.air if item[0] <= self.now]
        self.air = [item for item in self.air if item[0] > self.now]
        for _, up, datagram in landed:
            if up:
                self._at_gateway(datagram)
            else:
                self.modem.on_datagram(datagram)
        for datagram, _ in self.server.due(self.now):
            self._throw(False, datagram)

    # --- the gateway

    def _at_gateway(self, datagram):
        if self.deaf:
            return
        outcome = self.server.receive(datagram, "car", self.now)
        if isinstance(outcome, Reply):
            if outcome.datagram is not None:
                self._throw(False, outcome.datagram)
        elif isinstance(outcome, Request):
            self._request(outcome)

    def _request(self, request):
        try:
            message, binding = self.context.unprotect_request(request.message)
        except ProtocolError as error:
            assert isinstance(error, Unauthentic), error
            self.rejected += 1
            self._throw(False, self.server.respond(request, Message(CON, coap.UNAUTHORIZED), remember=False))
            return
        answer = self._serve(message, request.message.token, binding)
        if answer is not None:
            outer = self.context.protect_response(answer, binding)
            self._throw(False, self.server.respond(request, outer, now_ms=self.now))

    def _serve(self, message, token, binding):
        if self.suspend:
            return Message(CON, coap.FORBIDDEN)
        if message.path() == "/f":
            frames = names_of(message.payload)
            answer = None if self.wish is None else self.wish(frames, message)
            if answer == "nothing":
                return None
            if answer is not None:
                return answer
            for boot, seq in frames:
                self.stored[(boot, seq)] = self.stored.get((boot, seq), 0) + 1
            return Message(CON, CHANGED, payload=cbor.encode({0: UTC_MS + self.now, 1: 3}))
        if message.code == coap.GET:
            self.observer = (token, binding)
            self.registrations.append(self.now)
            return self._listing()
        given = cbor.decode(message.payload)
        self.answers.append((self.now, given[0], given[1]))
        self.commands = [c for c in self.commands if c[0] != given[0]]
        return Message(CON, CHANGED)

    def _listing(self):
        return Message(CON, CONTENT, options=[(coap.OBSERVE, b"\1")], payload=cbor.encode(self.commands))

    def command(self, id, kind=2, body=None, quiet=False):
        """A new command; `quiet`: no notification, as after a restart of the gateway."""
        self.commands.append({0: id, 1: kind, 2: UTC_MS, 3: {0: "text"} if body is None else body})
        if not quiet and self.observer is not None:
            token, binding = self.observer
            outer = self.context.protect_response(self._listing(), binding, fresh=True)
            self.server.notify("car", token, outer, self.now)


def linked(**more):
    """Up and heard, nothing sent yet."""
    bench = Bench(**more)
    bench.run(3000)
    assert bench.uplink.linked
    bench.sent_log.clear()
    return bench


def left(bench):
    """How much lies in the journal: urgent, bulk."""
    return bench.journal.count(True), bench.journal.count(False)
