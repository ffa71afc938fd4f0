"""A security context for every car, by EDHOC with the real gateway, and an observation of its commands, as
after any start of a terminal."""

import os
import select
import time

from cryptography.hazmat.primitives.asymmetric import ec

from hwsim.openssl import Ccm
from hwsim.shake import kid_of
from protocol import coap, edhoc
from protocol.errors import ProtocolError
from protocol.oscore import Context

GATEWAY_ID = b"\x01"
ECHO = 252
_FIRST = b"\xf5"
_BOTH = b"\x41"
_UNDER_WAY = 32
_REPEAT_S = 2.0
_PAUSE_S = 0.25
_PATIENCE_S = 30.0


class LinkError(Exception):
    """A car did not get its link; the text says what the gateway answered."""


class Handshake:
    """One car's way to a context, if it has none yet, and to an observation: `datagram` is what it waits for
    an answer to."""

    def __init__(self, place, car, gateway_key, number=None):
        self.place = place
        self.car = car
        self._binding = None
        self.number = (7 * car.number if number is None else number) & 0xFFFF
        self.began_s = time.monotonic()
        self.at_s = 0.0
        self.over = False
        if car.context is None:
            self._begin(car, gateway_key)
        else:
            self._observe()

    def _begin(self, car, gateway_key):
        self._gateway = gateway_key
        own, peer = car.kid, kid_of(gateway_key)
        self._edhoc = edhoc.Initiator(
            Ccm(), edhoc.ccs(own, car.public), own, edhoc.ccs(peer, gateway_key), peer
        )
        self._ephemeral = ec.generate_private_key(ec.SECP256R1())
        self._message_1 = self._edhoc.message_1(_x(self._ephemeral), GATEWAY_ID)
        self._c_r = b""
        self._step = self._second
        self._first(())

    def _request(self, outer):
        # Three bytes: those of the traffic afterwards have four.
        outer.type, outer.message_id, outer.token = coap.CON, self.number, os.urandom(3)
        self.number = self.number + 1 & 0xFFFF
        self.token = outer.token
        self.datagram = outer.encode()

    def _post(self, payload, options=()):
        options = [
            (coap.URI_PATH, b".well-known"),
            (coap.URI_PATH, b"edhoc"),
            (coap.CONTENT_FORMAT, _BOTH),
            *options,
        ]
        self._request(coap.Message(coap.CON, coap.POST, 0, b"", options, payload))

    def _first(self, options):
        self._post(_FIRST + self._message_1, options)

    def take(self, message):
        """An answer to `datagram`. True when there is a new one to send. Raises LinkError."""
        if message.code == coap.SERVICE_UNAVAILABLE:
            wait_s = message.uint(coap.MAX_AGE) or 1
            self.at_s = time.monotonic() + min(wait_s, 2)  # the same again, later
            return False
        cookie = message.option(ECHO)
        if message.code == coap.UNAUTHORIZED and cookie is not None:
            self._first([(ECHO, cookie)])
            return True
        try:
            self._step(message)
        except ProtocolError as error:
            raise self._failed(message, error) from None
        return not self.over

    def _failed(self, message, error=""):
        said = edhoc.error(message.payload) or ""
        return LinkError(f"car {self.car.number}: {coap.code_text(message.code)} {said} {error}".strip())

    def _second(self, message):
        if message.code != coap.CHANGED:
            raise self._failed(message)
        g_y = self._edhoc.g_y(message.payload)
        self._c_r = self._edhoc.read_message_2(
            message.payload, _shared(self._ephemeral, g_y), _shared(self._ephemeral, self._gateway[:32])
        )
        message_3 = self._edhoc.message_3(_shared(self.car.key, g_y))
        self._post(edhoc.identifier(self._c_r) + message_3)
        self._step = self._fourth

    def _fourth(self, message):
        if message.code != coap.CHANGED:
            raise self._failed(message)
        self._edhoc.read_message_4(message.payload)
        secret, salt = self._edhoc.oscore()
        self.car.context = Context(secret, salt, self._c_r, GATEWAY_ID, Ccm())
        self._observe()

    def _observe(self):
        options = [(coap.OBSERVE, b""), (coap.URI_PATH, b"c")]
        inner = coap.Message(coap.CON, coap.GET, 0, b"", options)
        outer, self._binding = self.car.context.protect_request(inner)
        self._request(outer)
        self._step = self._listed

    def _listed(self, message):
        if message.option(coap.OSCORE) is None:
            raise self._failed(message)
        inner = self.car.context.unprotect_response(message, self._binding)
        if inner.code != coap.CONTENT:
            raise self._failed(inner)
        self.car.listening = self.token
        self.over = True


def link(cars, gateway_key, wires, patience_s=0.0):
    """Give every car its context. For so long a car that is refused may begin again: a running gateway hears
    of an enrolment within a second. Raises LinkError."""
    patient_s = time.monotonic() + patience_s

    def again(one, error):
        if time.monotonic() > patient_s:
            raise error
        another = Handshake(one.place, one.car, gateway_key, one.number)
        another.at_s = time.monotonic() + _PAUSE_S
        return another

    waiting = list(reversed(list(enumerate(cars))))
    under_way = {}
    poll = select.epoll()
    probes = wires.probes()
    socks = {sock.fileno(): sock for sock in wires.socks + probes}
    for number in socks:
        poll.register(number, select.EPOLLIN)
    try:
        while waiting or under_way:
            while waiting and len(under_way) < _UNDER_WAY:
                one = Handshake(*waiting.pop(), gateway_key)
                under_way[one.token] = one
            _send_due(under_way, wires)
            for number, _ in poll.poll(0.05):
                _receive(socks[number], under_way, again)
    finally:
        poll.close()
        for sock in probes:
            sock.close()


def _send_due(under_way, wires):
    now_s = time.monotonic()
    for one in under_way.values():
        if now_s < one.at_s:
            continue
        if now_s - one.began_s > _PATIENCE_S:
            raise LinkError(f"car {one.car.number}: no answer for {_PATIENCE_S:.0f} s")
        one.at_s = now_s + _REPEAT_S
        # The first of the gateways makes the context; the others have it from their common journal.
        wires.send(one.place, 0, one.datagram)


def _receive(sock, under_way, again):
    while True:
        try:
            data = sock.recv(2048)
        except BlockingIOError:
            return
        except ConnectionRefusedError:
            raise LinkError("nobody listens there") from None
        message = coap.decode(data)
        one = under_way.get(message.token)
        if one is None or not message.is_response():
            continue
        token = one.token
        one.began_s = time.monotonic()
        try:
            if one.take(message):
                one.at_s = 0.0
        except LinkError as error:
            one = again(one, error)
        if one.token != token or one.over:
            del under_way[token]
            if not one.over:
                under_way[one.token] = one


def _x(key):
    return key.public_key().public_numbers().x.to_bytes(32, "big")


def _shared(key, x):
    return key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x02" + x))
