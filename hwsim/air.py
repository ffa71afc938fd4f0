"""Listens to the air with the link keys that the bench itself enrolled: which frame is in which datagram,
and when.

Nobody outside could do this; here it tells the moment at which a frame first left a car, lost on the way or
not.
"""

from hwsim.openssl import Ccm
from protocol import cbor, coap, cose, oscore, report
from protocol.errors import ProtocolError

_GATEWAY_ID = b"\x01"


class AirMonitor:
    """Turns one terminal's `air` events into `frame.sent`: boot, seq, kind, panic id, state."""

    def __init__(self, kernel, name, link):
        self._kernel = kernel
        self._name = name
        secret, salt, sender = (bytes.fromhex(link[key]) for key in ("secret", "salt", "sender_id"))
        # The gateway's place: what the terminal sends, we receive.
        self._context = oscore.Context(secret, salt, _GATEWAY_ID, sender, Ccm())
        self._seen = set()
        self.frames = 0
        self.datagrams = 0
        self.unread = 0
        self._leave = kernel.subscribe(self._event)

    def close(self):
        self._leave()

    def _event(self, event):
        if event.what == "air" and event.source == self._name and event.fields["direction"] == "up":
            self.datagrams += 1
            self._read(event.fields["data"])

    def _read(self, data):
        try:
            request, _ = self._context.unprotect_request(coap.decode(data))
            frames = cbor.decode_sequence(request.payload, 8) if request.path() == "/f" else []
        except oscore.Replayed:
            return  # the same bytes again, as the urgent lane sends them
        except ProtocolError:
            self.unread += 1
            return
        for frame in frames:
            try:
                fields = report.decode(cose.sign1_parse(cbor.encode(frame)).payload)
            except ProtocolError:
                self.unread += 1
                continue
            self._tell(fields)

    def _tell(self, fields):
        name = (fields[report.BOOT], fields[report.SEQ])
        if name in self._seen:
            return
        self._seen.add(name)
        self.frames += 1
        panic = fields.get(report.PANIC, {})
        self._kernel.emit(
            self._name,
            "frame.sent",
            boot=name[0],
            seq=name[1],
            kind=fields[report.KIND],
            panic=panic.get(0),
            state=panic.get(1),
        )
