"""Listens to the air with the link keys that the bench itself enrolled: which frame is in which datagram,
and when.

Nobody outside could do this; here it tells the moment at which a frame first left a car, lost on the way or
not.
"""

from hwsim.openssl import Ccm
from protocol import cbor, coap, cose, oscore, report
from protocol.errors import ProtocolError

_GATEWAY_ID = b"\x01"
_FRAMES = 6  # in one request, at most


class AirMonitor:
    """Turns one terminal's `air` events into `frame.sent`: boot, seq, kind, panic id, state."""

    def __init__(self, kernel, name, link):
        self._kernel = kernel
        self._name = name
        secret, salt, sender = (bytes.fromhex(link[key]) for key in ("secret", "salt", "sender_id"))
        # The gateway's place: what the terminal sends, we receive.
        self._context = oscore.Context(secret, salt, _GATEWAY_ID, sender, Ccm())
        self._seen = set()
        self._answered = set()
        self._asked = {}  # token -> names of the frames in that request
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
                self._read(message)
        elif event.fields["fate"] == "sent" and message.code == coap.CHANGED:
            # The same frames may have been asked for under several tokens, protected anew each time.
            self._answered |= self._asked.pop(message.token, set())
            self._asked = {token: names for token, names in self._asked.items() if names - self._answered}

    def _read(self, message):
        try:
            request, _ = self._context.unprotect_request(message)
            frames = cbor.decode_sequence(request.payload, _FRAMES) if request.path() == "/f" else []
            reports = [report.decode(cose.sign1_parse(cbor.encode(frame)).payload) for frame in frames]
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
