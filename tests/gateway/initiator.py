"""A terminal's side of a handshake over UDP: `protocol.edhoc` with `cryptography`, or all by `lakers`."""

import itertools
import os

import lakers
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.key import kid_of
from protocol import cbor, coap, edhoc
from protocol.coap import Message
from protocol.oscore import Context
from tests.gateway.terminal import Socket
from tests.protocol.pair import AEAD

GATEWAY_ID = b"\x01"
FIRST = b"\xf5"
ECHO = 252
_mids = itertools.count(1)


def x_of(key):
    return key.public_key().public_numbers().x.to_bytes(32, "big")


def shared(key, x):
    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x02" + x)
    return key.exchange(ec.ECDH(), point)


class Ours:
    """`protocol.edhoc`, as the firmware uses it."""

    def __init__(self, terminal, gateway_key, c_i=GATEWAY_ID, suites=(2,), ead_1=()):
        self._static = terminal._private
        self._gateway = gateway_key[:32]
        own, peer = kid_of(terminal.public_key), kid_of(gateway_key)
        self._edhoc = edhoc.Initiator(
            AEAD, edhoc.ccs(own, terminal.public_key), own, edhoc.ccs(peer, gateway_key), peer
        )
        self._ephemeral = ec.generate_private_key(ec.SECP256R1())
        self.c_i = c_i
        self.message_1 = self._edhoc.message_1(x_of(self._ephemeral), c_i, ead_1, suites)

    def message_3(self, message_2):
        """(C_R, message_3)"""
        g_y = self._edhoc.g_y(message_2)
        c_r = self._edhoc.read_message_2(
            message_2, shared(self._ephemeral, g_y), shared(self._ephemeral, self._gateway)
        )
        return c_r, self._edhoc.message_3(shared(self._static, g_y))

    def secrets(self, message_4):
        self._edhoc.read_message_4(message_4)
        return self._edhoc.oscore()


class Lakers:
    """Nobody's here but the RFC's."""

    def __init__(self, terminal, gateway_key, c_i=GATEWAY_ID):
        self._static = terminal._private.private_numbers().private_value.to_bytes(32, "big")
        self._own = lakers.Credential(edhoc.ccs(kid_of(terminal.public_key), terminal.public_key))
        self._peer = lakers.Credential(edhoc.ccs(kid_of(gateway_key), gateway_key))
        self._edhoc = lakers.EdhocInitiator()
        self.c_i = c_i
        self.message_1 = self._edhoc.prepare_message_1(c_i=c_i)

    def message_3(self, message_2):
        c_r, _, _ = self._edhoc.parse_message_2(message_2)
        self._edhoc.verify_message_2(self._static, self._own, self._peer)
        message_3, _ = self._edhoc.prepare_message_3(lakers.CredentialTransfer.ByReference, None)
        return bytes(c_r), message_3

    def secrets(self, message_4):
        self._edhoc.process_message_4(message_4)
        return self._edhoc.edhoc_exporter(0, b"", 16), self._edhoc.edhoc_exporter(1, b"", 8)


def post(payload, options=(), kind=coap.CON, token=None, content_format=b"\x41"):
    """A request to the resource, as bytes."""
    options = [(coap.URI_PATH, b".well-known"), (coap.URI_PATH, b"edhoc"), *options]
    if content_format is not None:
        options.append((coap.CONTENT_FORMAT, content_format))
    token = os.urandom(2) if token is None else token
    return Message(kind, coap.POST, next(_mids) & 0xFFFF, token, options, payload).encode()


def first(message_1, *args, **kwargs):
    return post(FIRST + message_1, *args, **kwargs)


def third(c_r, message_3, *args, **kwargs):
    return post(edhoc.identifier(c_r) + message_3, *args, **kwargs)


class Asker:
    """A socket for requests to the resource. Checks that no answer is longer than its request."""

    def __init__(self, socket):
        self.socket = socket

    @classmethod
    async def open(cls, bench):
        return await cls.at(bench.app.address)

    @classmethod
    async def at(cls, address):
        return cls(await Socket.open(address))

    async def ask(self, datagram, timeout=5):  # noqa: ASYNC109
        """The answer to exactly this request."""
        request = coap.decode(datagram)
        self.socket.send(datagram)
        while True:
            answer = await self.socket.get(timeout)
            message = coap.decode(answer)
            if message.token == request.token and message.is_response():
                assert len(answer) <= len(datagram), "an answer longer than its request"
                return message

    async def begin(self, initiator):
        """(C_R, message_3), after an Echo if one is asked for."""
        answer = await self.ask(first(initiator.message_1))
        cookie = answer.option(ECHO)
        if cookie is not None:
            assert answer.code == coap.UNAUTHORIZED and not answer.payload
            answer = await self.ask(first(initiator.message_1, [(ECHO, cookie)]))
        return initiator.message_3(body(answer))

    async def handshake(self, initiator):
        """The new context, made of what both sides agreed on."""
        c_r, message_3 = await self.begin(initiator)
        answer = await self.ask(third(c_r, message_3))
        return made(initiator, c_r, body(answer))

    def close(self):
        self.socket.close()


def body(answer):
    """The EDHOC message of a good answer."""
    shown = edhoc.error(answer.payload) or answer.options
    assert answer.code == coap.CHANGED, (coap.code_text(answer.code), shown)
    assert answer.option(coap.CONTENT_FORMAT) == b"\x40"
    return answer.payload


def made(initiator, c_r, message_4):
    secret, salt = initiator.secrets(message_4)
    return Context(secret, salt, c_r, initiator.c_i, AEAD)


def refusal(answer):
    """(code, information) of an EDHOC error message, as it should come."""
    assert coap.code_text(answer.code) == "4.00"
    assert answer.option(coap.CONTENT_FORMAT) == b"\x40"
    code, info = cbor.decode_sequence(answer.payload, 2)
    return code, info
