"""A headquarters that does as a case tells it, right or wrong; and somebody on the way who may do anything
to a datagram but has no keys."""

import datetime

from hwsim.desk import PANIC_RECEIPT, Desk, Link
from hwsim.rig import EPOCH
from protocol import cbor, coap, report

TASK, MESSAGE = 1, 2
ACCEPTED, ACKNOWLEDGED, CLEARED = 4, 5, 7  # stages of a panic receipt
KIND_NAMES = {
    report.KIND_POSITION: "position",
    report.KIND_STATUS: "status",
    report.KIND_PANIC: "panic",
    report.KIND_HEALTH: "health",
    report.KIND_EVENT: "event",
    report.KIND_TASK: "task",
    report.KIND_TRACK: "track",
}
_EPOCH_MS = int(EPOCH.timestamp() * 1000)


def kind_name(fields):
    return KIND_NAMES.get(fields[report.KIND], f"kind {fields[report.KIND]}")


class Office(Desk):
    """Emits "stored" for each new frame and "answer" for each answered command. `ill` is called with (path,
    inner request) before a request is served: it may give another answer, (code, options, payload)."""

    def __init__(self, kernel):
        super().__init__(kernel)
        self.offset_ms = 0
        self.ill = None
        self.asked = []  # (microseconds, path, inner request) of each authentic request
        self.repeats = 0

    def utc_ms(self):
        """True time, as satellites have it."""
        return _EPOCH_MS + self.kernel.now_us // 1000

    def _now_ms(self):
        return self.utc_ms() + self.offset_ms

    def _do(self, inner, binding, link, source, token):
        path = inner.path()
        self.asked.append((self.kernel.now_us, path, inner))
        if self.ill is not None:
            answer = self.ill(path, inner)
            if answer is not None:
                code, options, payload = answer
                return coap.Message(coap.ACK, code, options=options, payload=payload)
        before, told = len(self.answers), len(self.offers.said)
        message = super()._do(inner, binding, link, source, token)
        for kid, version, state, reason in self.offers.said[told:]:
            self.kernel.emit(
                "headquarters", "update", kid=kid.hex(), version=version, state=state, reason=reason
            )
        for kid, number, answer in self.answers[before:]:
            self.kernel.emit("headquarters", "answered", kid=kid.hex(), number=number, answer=answer)
        return message

    def _frame(self, kid, frame):
        before = len(self.frames)
        super()._frame(kid, frame)
        if len(self.frames) == before:
            self.repeats += 1
            return
        fields = next(reversed(self.frames.values()))
        self.kernel.emit("headquarters", "stored", kid=kid.hex(), report=fields, frame=frame)

    def command(self, kid, kind, body):
        number = super().command(kid, kind, body)
        self.kernel.emit("headquarters", "command", kid=kid.hex(), number=number, kind=kind, body=body)
        return number

    def awaken(self):
        """It hears again, and sends what became due while it slept."""
        self.awake = True
        self._pump()

    def receipt(self, kid, panic, stage):
        """A command about an alarm."""
        return self.command(kid, PANIC_RECEIPT, {0: panic, 1: stage})

    def observer(self, kid):
        """(source, token) of a terminal's observation, None without one."""
        found = self._observers.get(kid)
        return None if found is None else found[:2]

    def forget_observers(self):
        """As after a restart."""
        self._observers.clear()

    def adopt(self, rows):
        """Links made in an earlier run (`links_of`)."""
        for kid, oscore_id, secret, salt, sequence in rows:
            link = Link(kid, oscore_id, secret, salt)
            link.context.sequence = sequence
            link.used_us = 0
            self.links[oscore_id] = self.known[oscore_id] = link

    def links_of(self):
        # Answers spend no number of the gateway's own; notifications do, so leave a wide gap.
        return [
            (k.kid, k.oscore_id, k.secret, k.salt, k.context.sequence + 1000) for k in self.links.values()
        ]


class Middle:
    """A host in front of a host: whoever stands on the way. `up(data)` and `down(data)` give the datagrams
    that go on instead, a list; `forge(data)` sends the terminal one of one's own making, from headquarters'
    address."""

    def __init__(self, host):
        self.host = host
        self.up = self.down = None
        self.heard_up = []
        self.heard_down = []
        self._newest = None

    def bind(self, ip, deliver):
        self._newest = _Between(self, ip, deliver)
        return self._newest

    def forge(self, data):
        self._newest.deliver(data)


class _Between:
    def __init__(self, middle, ip, deliver):
        self.host = middle
        self.deliver = deliver
        self._inner = middle.host.bind(ip, self._down)

    def send(self, data):
        self.host.heard_up.append(data)
        for each in [data] if self.host.up is None else self.host.up(data):
            self._inner.send(each)

    def _down(self, data):
        self.host.heard_down.append(data)
        for each in [data] if self.host.down is None else self.host.down(data):
            self.deliver(each)

    def close(self):
        self._inner.close()


def silence(_data):
    """For `Middle.up` and `Middle.down`: nothing goes on."""
    return []


def utc(ms):
    return datetime.datetime.fromtimestamp(ms / 1000, datetime.UTC)


def code(number, options=(), payload=None):
    """An `ill` answer that is always the same."""
    body = b"" if payload is None else cbor.encode(payload)
    return lambda _path, _request: (number, list(options), body)
