"""The two ends of one OSCORE context, each with the real AEAD of the Python that runs the test."""

from protocol import coap
from protocol.coap import Message
from protocol.oscore import Context

try:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM
except ImportError:
    from firmware.ccm import AesCcm as Aead
else:
    from protocol.errors import Unauthentic

    class Aead:
        """AES-CCM-16-64-128."""

        def seal(self, key, nonce, aad, plaintext):
            return AESCCM(key, tag_length=8).encrypt(nonce, plaintext, aad)

        def open(self, key, nonce, aad, ciphertext):
            try:
                return AESCCM(key, tag_length=8).decrypt(nonce, ciphertext, aad)
            except InvalidTag:
                raise Unauthentic("ccm: tag") from None


SECRET = bytes(range(16))
SALT = b"saltsalt"
TERMINAL = b"\x11\x22\x33\x44\x55\x66\x77"
GATEWAY = b"\x01"
AEAD = Aead()


def terminal(**more):
    return Context(SECRET, SALT, TERMINAL, GATEWAY, AEAD, **more)


def gateway(**more):
    return Context(SECRET, SALT, GATEWAY, TERMINAL, AEAD, **more)


def post(payload=b"frame", options=(), code=coap.POST):
    return Message(coap.CON, code, 7, b"tok", [(coap.URI_PATH, b"f")] + list(options), payload)


def answer(request, code=coap.CHANGED, payload=b"ok", options=()):
    return Message(coap.ACK, code, request.message_id, request.token, list(options), payload)


def over_the_air(message):
    return coap.decode(message.encode())
