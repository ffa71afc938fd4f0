"""EDHOC's responder (RFC 9528, method 3, suite 2) for the bench's own headquarters, by lakers."""

import hashlib

import lakers
from cryptography.hazmat.primitives.asymmetric import ec

from protocol import cbor, coap, edhoc
from protocol.errors import Malformed

C_I = b"\x01"
_EDHOC_CBOR_SEQ = 64
_ID_BYTES = 3  # with four, message_2 makes an answer one byte longer than its request
_PENDING = 64


def kid_of(public):
    return hashlib.sha256(public).digest()[:8]


class Shakes:
    """`public_of(kid)` gives a known terminal's key or None; `made(kid, oscore_id, secret, salt)` hears of
    each finished handshake before its message_4 leaves; `taken`: ids that are not given again."""

    def __init__(self, private, public, public_of, made, rng, taken=()):
        self.begun = self.done = self.refused = 0
        self._private = private.to_bytes(32, "big")
        self._credential = lakers.Credential(edhoc.ccs(kid_of(public), public))
        self._public_of = public_of
        self._made = made
        self._rng = rng
        self._taken = taken
        self.forget()

    def forget(self):
        """As when the process is killed."""
        self._pending = {}  # C_R -> responder
        self._finished = {}  # C_R and message_3 -> message_4

    def answer(self, message):
        """The answer to a POST to /.well-known/edhoc."""
        try:
            payload = message.payload
            if payload[:1] == b"\xf5":
                return _said(self._first(payload[1:]))
            return _said(self._third(payload))
        except (Malformed, ValueError) as error:
            self.refused += 1
            sentence = cbor.encode(1) + cbor.encode(str(error)[:40])
            return coap.Message(coap.ACK, coap.BAD_REQUEST, payload=sentence)

    def _first(self, message_1):
        items = cbor.decode_sequence(message_1, 8)
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x02" + items[2])
        responder = lakers.EdhocResponder(self._private, self._credential)
        c_i, _ = responder.process_message_1(message_1)
        if bytes(c_i) != C_I:
            raise Malformed(f"edhoc C_I: {bytes(c_i).hex()}")
        c_r = self._rng.randbytes(_ID_BYTES)
        while c_r in self._taken:
            c_r = self._rng.randbytes(_ID_BYTES)
        self.begun += 1
        while len(self._pending) >= _PENDING:
            del self._pending[next(iter(self._pending))]
        self._pending[c_r] = responder
        return responder.prepare_message_2(lakers.CredentialTransfer.ByReference, c_r, None)

    def _third(self, payload):
        if payload in self._finished:
            return self._finished[payload]
        c_r, end = cbor.decode_prefix(payload)
        responder = self._pending.pop(c_r, None) if isinstance(c_r, bytes) else None
        if responder is None:
            raise Malformed("edhoc C_R: unknown")
        id_cred, _ = responder.parse_message_3(payload[end:])
        kid = cbor.decode(id_cred)[4]
        public = self._public_of(kid)
        if public is None:
            raise Malformed("edhoc: unknown terminal")
        responder.verify_message_3(lakers.Credential(edhoc.ccs(kid, public)))
        message_4 = responder.prepare_message_4(None)
        self._made(kid, c_r, responder.edhoc_exporter(0, b"", 16), responder.edhoc_exporter(1, b"", 8))
        self.done += 1
        self._finished[payload] = message_4
        return message_4


def _said(data):
    options = [(coap.CONTENT_FORMAT, bytes([_EDHOC_CBOR_SEQ]))]
    return coap.Message(coap.ACK, coap.CHANGED, options=options, payload=bytes(data))
