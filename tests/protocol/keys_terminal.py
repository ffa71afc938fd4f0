"""A terminal that does no more than keep its keys fresh and send reports: the pieces of `protocol/` put
together as the firmware puts them, in virtual time on CPython (OpenSSL does the curve)."""

import random

from protocol import coap
from protocol.coap import CHANGED, CON, POST, Message
from protocol.edhoc import Initiator, identifier
from protocol.errors import ProtocolError
from protocol.exchange import BULK, FAILED, RESPONSE, URGENT, Client, Exchange
from protocol.oscore import Binding, Context
from protocol.renewal import Renewal
from tests.protocol.lakers_peer import Key, Public, Terminal
from tests.protocol.pair import AEAD

ANEW_MS = 20_000  # an urgent request without an answer is protected anew, under the newest context


class Report:
    def __init__(self, name: bytes, lane: int, since: int) -> None:
        self.name, self.lane, self.since = name, lane, since
        self.handles: dict[Exchange, tuple[Context, Binding]] = {}
        self.protected_ms = 0


class KeyedTerminal:
    """`due` and `receive` give datagrams; `reports` are those without an answer yet."""

    def __init__(self, seed: int, own: Key, gateway: Public) -> None:
        self.rng = random.Random(seed)
        self.own, self.gateway = own, gateway
        self.client = Client(self._random16, limit=256)
        self.renewal = Renewal(self._random16)
        self.context: Context | None = None
        self.content = lambda name: name  # of a report
        self.reports: list[Report] = []
        self.answered: list[tuple[bytes, int]] = []  # (name, ms it took)
        self.given_up: list[bytes] = []
        self.established: list[int] = []
        self.failures: dict[str, int] = {}
        self._peer: Terminal | None = None  # of the handshake under way
        self._handle: Exchange | None = None
        self._lane = BULK
        self._c_r = b""

    def _random16(self) -> int:
        return self.rng.randrange(0x10000)

    def report(self, name: bytes, lane: int, now: int) -> None:
        report = Report(name, lane, now)
        self.reports.append(report)
        self._protect(report, now)

    @property
    def urgent(self) -> bool:
        return any(report.lane == URGENT for report in self.reports)

    def wait_ms(self, now: int) -> int:
        waits = [self.client.wait_ms(now), self.renewal.wait_ms(now, self.urgent)]
        waits += [max(0, one.protected_ms + ANEW_MS - now) for one in self.reports if one.lane == URGENT]
        if self.renewal.running is not None:
            waits.append(500)  # to look whether it is late
        return min(wait for wait in waits + [3_600_000] if wait is not None)

    def due(self, now: int) -> list[bytes]:
        if self.renewal.running is not None and self.renewal.late(now):
            self._fail("late", now)
        if self.renewal.wait_ms(now, self.urgent) == 0:
            self._begin(now)
        for report in self.reports:
            if report.lane == URGENT and now - report.protected_ms >= ANEW_MS:
                self._anew(report, now)
        out = [datagram for datagram, _ in self.client.due(now)]
        self._events(self.client.events(), now)
        return out

    def receive(self, datagram: bytes, now: int) -> None:
        self._events(self.client.receive(datagram, now), now)

    def _anew(self, report: Report, now: int) -> None:
        for handle in list(report.handles)[:-1]:
            self.client.cancel(handle)
            del report.handles[handle]
        for handle in report.handles:
            self.client.quiet(handle)  # its answer may still be on its way
        self._protect(report, now)

    def reboot(self, now: int, clock: bool) -> None:
        """Power comes back: the context and the reports were in flash, all else is gone. `clock`: the time of
        day is known, and so the age of the context."""
        self._handle = self._peer = None
        self._c_r = b""
        self.client = Client(self._random16, limit=256)
        self.renewal = Renewal(self._random16)
        if self.context is not None:
            self.context.sequence += 64  # reserved ahead, and perhaps used
            self.renewal.serves(now, now - self.established[-1] if clock else None)
        for report in self.reports:
            report.handles = {}
            self._protect(report, now)

    def _protect(self, report: Report, now: int) -> None:
        report.protected_ms = now
        if self.context is None:
            return
        inner = Message(CON, POST, options=[(coap.URI_PATH, b"f")], payload=self.content(report.name))
        outer, binding = self.context.protect_request(inner)
        report.handles[self.client.request(outer, report.lane, now)] = self.context, binding

    def _events(self, events: list, now: int) -> None:
        for kind, handle, message in events:
            if handle is self._handle:
                self._handshake(kind, message, now)
                continue
            for report in self.reports:
                if handle in report.handles:
                    self._answer(report, handle, kind, message, now)
                    break

    def _answer(self, report: Report, handle: Exchange, kind: int, message: Message, now: int) -> None:
        context, binding = report.handles[handle]
        if kind == FAILED:
            self.given_up.append(report.name)
            self.reports.remove(report)
        elif kind == RESPONSE:
            try:
                inner = context.unprotect_response(message, binding)
            except ProtocolError:
                if context is self.context:
                    self.renewal.hinted(now)
                return
            if context is self.context:
                self.renewal.heard(now)
            if inner.payload == b"renew":
                self.renewal.asked(now)
            self.answered.append((report.name, now - report.since))
            for one in report.handles:
                self.client.cancel(one)
            self.reports.remove(report)

    # --- the handshake

    def _begin(self, now: int) -> None:
        self._lane = URGENT if self.renewal.begun(now) else BULK
        self._peer = Terminal(self.own, self.gateway, Key(self.rng))
        self._send(b"\xf5" + self._peer.message_1(), now)

    def _send(self, payload: bytes, now: int) -> None:
        path = [(coap.URI_PATH, b".well-known"), (coap.URI_PATH, b"edhoc"), (coap.CONTENT_FORMAT, b"\x41")]
        self._handle = self.client.request(Message(CON, POST, options=path, payload=payload), self._lane, now)

    def _handshake(self, kind: int, message: Message, now: int) -> None:
        if kind != RESPONSE or self._peer is None or self._handle is None:
            if kind == FAILED:
                self._fail("no answer", now)
            return
        if message.code != CHANGED:
            return  # proves nothing
        peer = self._peer
        try:
            if not self._c_r:
                self._c_r = peer.read_message_2(message.payload)
                self.client.done(self._handle)
                self._send(identifier(self._c_r) + peer.message_3(), now)
            else:
                peer.edhoc.read_message_4(message.payload)
                self._keys(peer.edhoc, now)
        except (ProtocolError, ValueError):
            if peer.edhoc.over:
                self._fail("forged", now)

    def _keys(self, initiator: Initiator, now: int) -> None:
        secret, salt = initiator.oscore()
        self.context = Context(secret, salt, self._c_r, b"\x01", AEAD)
        self.established.append(now)
        self._clear()
        self.renewal.succeeded(now)
        for report in self.reports:
            if report.lane == URGENT or not report.handles:
                self._anew(report, now)

    def _fail(self, why: str, now: int) -> None:
        self.failures[why] = self.failures.get(why, 0) + 1
        self._clear()
        self.renewal.failed(now)

    def _clear(self) -> None:
        if self._handle is not None:
            self.client.cancel(self._handle)
        self._handle = self._peer = None
        self._c_r = b""
