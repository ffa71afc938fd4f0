"""A headquarters inside the bench's own time: what a terminal needs of one, for runs that jump from event to
event and repeat. It stores no byte; the real gateway takes part only where the clock follows the wall.

EDHOC is answered by lakers, AES-CCM and signatures are OpenSSL's; contexts follow the gateway's rules (the
old one serves until the new one has been used, and 300 s longer).
"""

import random

from cryptography.hazmat.primitives.asymmetric import ec

from hwsim import seeded_lakers
from hwsim.network import KernelHost
from hwsim.offers import Offers
from hwsim.openssl import Ccm, verifier
from hwsim.shake import Shakes, kid_of
from protocol import cbor, coap, cose, oscore, report
from protocol.errors import ProtocolError
from protocol.responder import ACKED, Reply, Request, Server

GATEWAY_ID = b"\x01"
GRACE_S = 300
RENEW, PANIC_RECEIPT = 6, 3
_EPOCH_MS = 1_780_000_000_000
_FRAMES = 6


def own_key():
    """The key pair of the bench's headquarters, the same in every run: terminals were told its public half
    when they were provisioned."""
    return ec.derive_private_key(random.Random("headquarters").getrandbits(255) | 1, ec.SECP256R1())


class Link:
    """One context: who it belongs to, and what has happened under it."""

    def __init__(self, kid, oscore_id, secret, salt):
        self.kid = kid
        self.oscore_id = oscore_id
        self.secret = secret
        self.salt = salt
        self.context = oscore.Context(secret, salt, GATEWAY_ID, oscore_id, Ccm())
        self.used_us = None
        self.retire_us = None


class Desk:
    """`network.serve(GATEWAY_ADDRESS, desk.host)`. What came in stands in `frames`, `answers`, `shakes`."""

    def __init__(self, kernel):
        self.kernel = kernel
        self.host = KernelHost(self._receive)
        self.terminals = {}  # kid -> function that verifies its signatures
        self.links = {}  # oscore id -> Link
        self.known = {}  # the same, also those that are over: the bench's ear on the air needs them
        self.frames = {}  # (kid, boot, seq) -> the report's fields
        self.stored_us = {}  # the same names -> when
        self.answers = []  # (kid, command id, answer)
        self.refused = []  # (microseconds, reason)
        self.offers = Offers()
        self.awake = True
        rng = kernel.rng("desk")
        seeded_lakers.follow(kernel.rng("desk/lakers"))
        key = own_key()
        numbers = key.public_key().public_numbers()
        self.public = numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
        self.shakes = Shakes(
            key.private_numbers().private_value, self.public, self._is_known, self._made, rng, self.known
        )
        self._server = Server(lambda: rng.getrandbits(16))
        self._replies = {}
        self._observers = {}  # kid -> (source, token, binding, link)
        self._commands = {}  # kid -> rows
        self._number = 0
        self._timer = None

    # What a test does

    def enroll(self, public):
        """As `gateway enroll --json`."""
        kid = kid_of(public)
        self.terminals[kid] = (public, verifier(public))
        return {"kid": kid.hex(), "gateway_key": self.public.hex()}

    def lose_everything(self):
        """The journal is gone: contexts, replay windows, commands, frames; the registry was filled again."""
        for part in (self.links, self.frames, self.stored_us, self._commands, self._observers):
            part.clear()
        self.shakes.forget()

    def command(self, kid, kind, body):
        """A command for a terminal; its id."""
        self._number += 1
        row = {0: self._number, 1: kind, 2: self._now_ms(), 3: body}
        self._commands.setdefault(kid, []).append(row)
        self._notify(kid)
        return self._number

    def renew(self, kid):
        """Ask for new keys."""
        return self.command(kid, RENEW, {})

    def context_of(self, oscore_id):
        """(gateway's id, secret, salt) for the ear on the air, or None."""
        link = self.known.get(oscore_id)
        return None if link is None else (GATEWAY_ID, link.secret, link.salt)

    def named(self, kid):
        """Names of the frames that one terminal has brought."""
        return {name for name in self.frames if name[0] == kid}

    # Datagrams

    def _now_ms(self):
        return _EPOCH_MS + self.kernel.now_us // 1000

    def _receive(self, data, source, reply):
        if not self.awake:
            return
        self._replies[source] = reply
        got = self._server.receive(data, source, self.kernel.now_us // 1000)
        if isinstance(got, Reply):
            if got.datagram is not None:
                reply(got.datagram)
        elif isinstance(got, Request):
            answer = self._serve(got, source)
            if answer is not None:
                message, remember = answer
                reply(self._server.respond(got, message, remember, self.kernel.now_us // 1000))
        self._outcomes()
        self._pump()

    def _serve(self, request, source):
        message = request.message
        if message.option(coap.OSCORE) is None and message.path() == "/.well-known/edhoc":
            return self.shakes.answer(message), True
        try:
            kid, _, _ = oscore.peek(message)
            link = self.links.get(kid)
            if link is None:
                return self._refuse("unknown context")
            inner, binding = link.context.unprotect_request(message)
        except oscore.Replayed:
            return self._refuse("replay")
        except ProtocolError as error:
            return self._refuse(str(error))
        self._used(link)
        answer = self._do(inner, binding, link, source, message.token)
        return link.context.protect_response(answer, binding), True

    def _refuse(self, reason):
        self.refused.append((self.kernel.now_us, reason))
        return coap.Message(coap.ACK, coap.UNAUTHORIZED), False

    def _do(self, inner, binding, link, source, token):
        path = inner.path()
        if path == "/f":
            for item in cbor.decode_sequence(inner.payload, _FRAMES):
                self._frame(link.kid, cbor.encode(item))
            return coap.Message(coap.ACK, coap.CHANGED, payload=cbor.encode({0: self._now_ms(), 1: 3}))
        if path == "/u" or path.startswith("/u/"):
            return self.offers.serve(link.kid, path, inner)
        if inner.code == coap.GET:
            self._observers[link.kid] = (source, token, binding, link)
            return self._list(link.kid)
        said = cbor.decode(inner.payload)
        self.answers.append((link.kid, said[0], said[1]))
        rows = self._commands.get(link.kid, [])
        rows[:] = [row for row in rows if row[0] != said[0]]
        return coap.Message(coap.ACK, coap.CHANGED)

    def _frame(self, kid, frame):
        _, verify = self.terminals[kid]
        fields = report.decode(cose.sign1_verify(frame, verify).payload)
        name = (kid, fields[report.BOOT], fields[report.SEQ])
        if name not in self.frames:
            self.frames[name] = fields
            self.stored_us[name] = self.kernel.now_us

    def _list(self, kid):
        options = [(coap.OBSERVE, b"")]
        return coap.Message(
            coap.ACK, coap.CONTENT, options=options, payload=cbor.encode(self._commands.get(kid, []))
        )

    def _notify(self, kid):
        observer = self._observers.get(kid)
        if observer is not None:
            source, token, binding, link = observer
            message = link.context.protect_response(self._list(kid), binding, fresh=True)
            self._server.notify(source, token, message, self.kernel.now_us // 1000)
            self._pump()

    def _outcomes(self):
        for what, source, token in self._server.outcomes():
            if what != ACKED:
                self._observers = {k: o for k, o in self._observers.items() if o[:2] != (source, token)}

    def _pump(self):
        """Send what is due, and come again when the next is."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now_ms = self.kernel.now_us // 1000
        if self.awake:
            for data, source in self._server.due(now_ms):
                self._replies[source](data)
        wait_ms = self._server.wait_ms(now_ms)
        if wait_ms is not None:
            self._timer = self.kernel.after(max(1, wait_ms) * 1000, self._pump)

    # Contexts

    def _is_known(self, kid):
        return self.terminals.get(kid, (None, None))[0]

    def _made(self, kid, oscore_id, secret, salt):
        for link in list(self.links.values()):
            if link.kid == kid and link.used_us is None:
                del self.links[link.oscore_id]  # a newer one takes the place of one that was never used
        link = Link(kid, oscore_id, secret, salt)
        self.links[oscore_id] = self.known[oscore_id] = link

    def _used(self, link):
        if link.used_us is not None:
            return
        link.used_us = self.kernel.now_us
        for other in self.links.values():
            if other.kid == link.kid and other is not link and other.retire_us is None:
                other.retire_us = self.kernel.now_us + GRACE_S * 1_000_000
                self.kernel.at(other.retire_us, self.links.pop, other.oscore_id, None)
