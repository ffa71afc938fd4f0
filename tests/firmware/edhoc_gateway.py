"""A gateway for a terminal under MicroPython: EDHOC as responder, OSCORE contexts, frames, commands.

What proves the terminal's EDHOC right are the trace of RFC 9529 and lakers (tests/protocol, tests/hwsim);
this one is here to be slow, forgetful, rude and observed, in the terminal's own virtual time.
"""

import hashlib

from firmware import p256
from firmware.ccm import AesCcm
from firmware.p256_point import shared_secret
from firmware.signer import key_id
from protocol import cbor, coap, cose, report
from protocol.coap import CHANGED, CON, CONTENT, Message
from protocol.cose import enc_structure
from protocol.edhoc import ccs, identifier
from protocol.errors import ProtocolError, Unauthentic
from protocol.kdf import hkdf_expand, hkdf_extract
from protocol.oscore import Context, peek
from protocol.responder import Reply, Request, Server
from tests.firmware import gateway_key

AEAD = AesCcm()
KID = key_id(gateway_key.PUBLIC)
CRED = ccs(KID, gateway_key.PUBLIC)
ECHO = 252


def _kdf(prk, label, context, n):
    return hkdf_expand(prk, cbor.encode(label) + cbor.encode(context) + cbor.encode(n), n)


def _sha(data):
    return hashlib.sha256(data).digest()


def _shared(d, x):
    secret = None
    for piece in shared_secret(d, x):
        secret = piece
    return secret


class Session:
    """One handshake, RFC 9528 chapter 5, method 3, suite 2, from the responder's side."""

    def __init__(self, message_1, number, public):
        items = cbor.decode_sequence(message_1, 4)
        assert items[:2] == [3, 2], items
        self.g_x, self.c_i = items[2], message_1[-1:]
        self.c_r = b"\xc0\xff" + number.to_bytes(2, "big")
        self.public = public
        y = int.from_bytes(_sha(b"ephemeral" + self.c_r), "big") % p256.N
        g_y = p256.public_key(y)[:32]
        self.th_2 = _sha(cbor.encode(g_y) + cbor.encode(_sha(message_1)))
        prk_2e = hkdf_extract(self.th_2, _shared(y, self.g_x))
        g_rx = _shared(gateway_key.PRIVATE, self.g_x)
        self.prk_3e2m = hkdf_extract(_kdf(prk_2e, 1, self.th_2, 32), g_rx)
        c_r = identifier(self.c_r)
        context = c_r + cbor.encode({4: KID}) + cbor.encode(self.th_2) + CRED
        self.plaintext_2 = c_r + identifier(KID) + cbor.encode(_kdf(self.prk_3e2m, 2, context, 8))
        mask = _kdf(prk_2e, 0, self.th_2, len(self.plaintext_2))
        sealed = bytes([self.plaintext_2[i] ^ mask[i] for i in range(len(mask))])
        self.message_2 = cbor.encode(g_y + sealed)
        self._y = y
        self.message_4 = None

    def finish(self, message_3):
        """Check message_3; (secret, salt). Raises when it is not the terminal's."""
        th_3 = _sha(cbor.encode(self.th_2) + self.plaintext_2 + CRED)
        key, nonce = _kdf(self.prk_3e2m, 3, th_3, 16), _kdf(self.prk_3e2m, 4, th_3, 13)
        plaintext = AEAD.open(key, nonce, enc_structure(b"", th_3), cbor.decode(message_3))
        kid = key_id(self.public)
        cred = ccs(kid, self.public)
        prk_4e3m = hkdf_extract(_kdf(self.prk_3e2m, 5, th_3, 32), _shared(self._y, self.public[:32]))
        mac = _kdf(prk_4e3m, 6, cbor.encode({4: kid}) + cbor.encode(th_3) + cred, 8)
        if plaintext != identifier(kid) + cbor.encode(mac):
            raise Unauthentic("MAC_3")
        th_4 = _sha(cbor.encode(th_3) + plaintext + cred)
        key, nonce = _kdf(prk_4e3m, 8, th_4, 16), _kdf(prk_4e3m, 9, th_4, 13)
        self.message_4 = cbor.encode(AEAD.seal(key, nonce, enc_structure(b"", th_4), b""))
        prk = _kdf(_kdf(prk_4e3m, 7, th_4, 32), 10, b"", 32)
        return _kdf(prk, 0, b"", 16), _kdf(prk, 1, b"", 8)


class Gateway:
    """`receive(datagram, now) -> [datagram]`. `public` is the terminal's key."""

    def __init__(self, random16, public):
        self.public = public
        self.server = Server(random16)
        self.contexts = {}  # oscore id -> Context
        self.sessions = {}  # C_R -> Session
        self.made = []  # oscore ids in the order they were made
        self.count = 0
        self.frames = {}  # (boot, seq) -> (ms, kind, oscore id), of the first time
        self.commands = []
        self.answers = []
        self.log = []  # (time, what), as it came in
        self.refused = 0
        self.rude = None  # (what, request) -> answer instead of the ordinary one, or None

    def lose_everything(self):
        self.contexts.clear()
        self.sessions.clear()
        self.server = Server(lambda: 7)

    def receive(self, datagram, now):
        outcome = self.server.receive(datagram, "car", now)
        if isinstance(outcome, Reply):
            return [] if outcome.datagram is None else [outcome.datagram]
        if not isinstance(outcome, Request):
            return []
        message = outcome.message
        edhoc = message.option(coap.OSCORE) is None
        answer = self._edhoc(message, now) if edhoc else self._protected(message, now)
        if answer is None:
            return []
        return [
            self.server.respond(
                outcome, answer, remember=edhoc or answer.code != coap.UNAUTHORIZED, now_ms=now
            )
        ]

    # --- EDHOC

    def _edhoc(self, message, now):
        assert message.path() == "/.well-known/edhoc" and message.option(coap.CONTENT_FORMAT) == b"\x41"
        what = "message_1" if message.payload[:1] == b"\xf5" else "message_3"
        self.log.append((now, what))
        if self.rude is not None:
            answer = self.rude(what, message)
            if answer is not None:
                return answer
        payload = self._first(message.payload[1:]) if what == "message_1" else self._third(message.payload)
        if payload is None:
            return Message(CON, coap.BAD_REQUEST, payload=b"\x01\x63who")
        return Message(CON, CHANGED, options=[(coap.CONTENT_FORMAT, b"\x40")], payload=payload)

    def _first(self, message_1):
        self.count += 1
        session = Session(message_1, self.count, self.public)
        self.sessions[session.c_r] = session
        return session.message_2

    def _third(self, payload):
        c_r, end = cbor.decode_prefix(payload)
        session = self.sessions.get(c_r)
        if session is None:
            return None
        if session.message_4 is None:
            secret, salt = session.finish(payload[end:])
            self.contexts[c_r] = Context(secret, salt, session.c_i, c_r, AEAD)
            self.made.append(c_r)
        return session.message_4

    # --- what is protected

    def _protected(self, outer, now):
        kid = peek(outer)[0]
        context = self.contexts.get(kid)
        try:
            if context is None:
                raise Unauthentic("nobody")
            message, binding = context.unprotect_request(outer)
        except ProtocolError:
            self.refused += 1
            return Message(CON, coap.UNAUTHORIZED)
        answer = self._serve(message, kid, now)
        return None if answer is None else context.protect_response(answer, binding)

    def _serve(self, message, kid, now):
        if message.path() == "/f":
            at = 0
            while at < len(message.payload):
                end = cbor.skip(message.payload, at)
                fields = report.decode(cose.sign1_parse(message.payload[at:end]).payload)
                name = (fields[report.BOOT], fields[report.SEQ])
                if name not in self.frames:
                    self.frames[name] = (now, fields[report.KIND], kid)
                at = end
            return Message(CON, CHANGED, payload=cbor.encode({0: 1_795_000_000_000 + now, 1: 3}))
        if message.code == coap.GET:
            self.log.append((now, "list"))
            options = [(coap.OBSERVE, b"\1")]
            return Message(CON, CONTENT, options=options, payload=cbor.encode(self.commands))
        given = cbor.decode(message.payload)
        self.answers.append((given[0], given[1]))
        self.commands = [c for c in self.commands if c[0] != given[0]]
        return Message(CON, CHANGED)
