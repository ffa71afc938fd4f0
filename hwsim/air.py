"""Listens to the air with the link keys out of the gateway's own store: which frame is in which datagram, and
when; and how far a terminal has come in agreeing on keys.

Nobody outside could do this; here it tells the moment at which a frame first left a car, lost on the way or
not.
"""

from itertools import pairwise

from hwsim.openssl import Ccm
from protocol import cbor, coap, cose, oscore, report
from protocol.errors import Malformed, ProtocolError

_FRAMES = 6  # in one request, at most
_EDHOC = "/.well-known/edhoc"
_FIRST = b"\xf5"  # RFC 9528 A.2.1: `true` stands before a message_1
# What is known of a terminal's keys.
NONE, SHAKING, MADE, USED = "none", "handshake", "made", "used"


class AirMonitor:
    """Turns one terminal's `air` events into `frame.sent`: boot, seq, kind, panic id, state; and into `keys`:
    state, and handshakes so far. `context_of(oscore_id)` gives (the gateway's id, secret, salt) or None."""

    def __init__(self, kernel, name, context_of):
        self._kernel = kernel
        self._name = name
        self._context_of = context_of
        self._contexts = {}  # Sender ID of the terminal -> the gateway's side of that context
        self._seen = set()
        self._answered = set()
        self._asked = {}  # token -> names of the frames in that request
        self._shaking = {}  # token of a handshake's request -> which message it brings
        self._over = set()
        self.keys = NONE
        self.handshakes = 0  # that came to their message_4
        self.frames = 0
        self.datagrams = 0
        self.unread = 0
        self._leave = kernel.subscribe(self._event)

    def close(self):
        self._leave()

    @property
    def unanswered(self):
        """Requests with frames whose answer has not got through. What waits on the terminal behind such a
        request has left no trace on the air yet."""
        return len(self._asked)

    def asked(self):
        """(boot, seq) of the frames in those requests."""
        return set().union(*self._asked.values())

    def _event(self, event):
        if event.what != "air" or event.source != self._name:
            return
        up = event.fields["direction"] == "up"
        try:
            message = coap.decode(event.fields["data"])
        except ProtocolError:
            self.unread += up
            return
        if up:
            self.datagrams += 1
            if message.is_request():
                self._request(message)
        elif event.fields["fate"] == "sent" and message.code == coap.CHANGED:
            if message.token in self._shaking:
                self._shaken(message)
                return
            # The same frames may have been asked for under several tokens, protected anew each time.
            self._answered |= self._asked.pop(message.token, set())
            self._asked = {token: names for token, names in self._asked.items() if names - self._answered}

    def _request(self, message):
        if message.option(coap.OSCORE) is not None:
            self._read(message)
        elif _path(message) == _EDHOC:
            if message.token not in self._shaking and message.token not in self._over:
                self._shaking[message.token] = 1 if message.payload.startswith(_FIRST) else 3
                self._now(SHAKING)
        else:
            self.unread += 1

    def _shaken(self, message):
        if self._shaking[message.token] == 3:
            self._over |= self._shaking.keys()  # repeats of these may still be under way
            self._shaking.clear()
            self.handshakes += 1
            self._now(MADE)

    def _now(self, keys):
        if self.keys != keys:
            self.keys = keys
            self._kernel.emit(self._name, "keys", state=keys, handshakes=self.handshakes)

    def _context(self, message):
        kid, _, _ = oscore.peek(message)
        if kid not in self._contexts:
            found = self._context_of(kid)
            if found is None:
                return None
            gateway_id, secret, salt = found
            # The gateway's place: what the terminal sends, we receive.
            self._contexts[kid] = oscore.Context(secret, salt, gateway_id, kid, Ccm())
            self._now(USED)
        return self._contexts[kid]

    def _read(self, message):
        try:
            context = self._context(message)
            if context is None:
                self.unread += 1
                return
            request, _ = context.unprotect_request(message)
            frames = _frames(request.payload) if request.path() == "/f" else []
            reports = [report.decode(cose.sign1_parse(frame).payload) for frame in frames]
        except oscore.Replayed:
            return  # the same bytes again, as the urgent lane sends them
        except ProtocolError:
            self.unread += 1
            return
        names = {self._tell(fields) for fields in reports}
        if names - self._answered:
            self._asked[message.token] = names

    def _tell(self, fields):
        name = (fields[report.BOOT], fields[report.SEQ])
        if name not in self._seen:
            self._seen.add(name)
            self.frames += 1
            panic = fields.get(report.PANIC, {})
            self._kernel.emit(
                self._name,
                "frame.sent",
                boot=name[0],
                seq=name[1],
                kind=fields[report.KIND],
                panic=panic.get(report.PANIC_ID),
                state=panic.get(report.PANIC_STATE),
            )
        return name


def _frames(payload):
    """The items of a CBOR sequence, as they stand there."""
    ends = [0]
    while ends[-1] < len(payload):
        ends.append(cbor.skip(payload, ends[-1]))
    if len(ends) - 1 > _FRAMES:
        raise Malformed(f"{len(ends) - 1} frames in one request")
    return [payload[begin:end] for begin, end in pairwise(ends)]


def _path(message):
    try:
        return message.path()
    except ProtocolError:
        return None
