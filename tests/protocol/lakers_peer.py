"""lakers (EDHOC in Rust) as the gateway's side, OpenSSL for the terminal's curve: only the initiator is ours.
CPython only."""

import hashlib
import random
from dataclasses import dataclass

import lakers
from cryptography.hazmat.primitives.asymmetric import ec

from protocol.edhoc import Initiator, ccs
from tests.protocol.pair import AEAD

CURVE = ec.SECP256R1()
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class Public:
    """A public key, its `kid` and its credential."""

    def __init__(self, public: bytes) -> None:
        self.public = public
        self.x = public[:32]
        self.kid = hashlib.sha256(public).digest()[:8]
        self.cred = ccs(self.kid, public)


class Key(Public):
    """A P-256 key pair from a seeded generator."""

    def __init__(self, rng: random.Random) -> None:
        self._key = ec.derive_private_key(rng.randrange(1, N), CURVE)
        point = self._key.public_key().public_numbers()
        super().__init__(point.x.to_bytes(32, "big") + point.y.to_bytes(32, "big"))
        self.private = self._key.private_numbers().private_value.to_bytes(32, "big")

    def dh(self, x: bytes) -> bytes:
        """Raises ValueError when x belongs to no point."""
        return self._key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, b"\2" + x))


@dataclass
class Terminal:
    """The initiator and its keys; as the firmware does, I * G_Y is computed last."""

    own: Key
    gateway: Public
    ephemeral: Key

    def __post_init__(self) -> None:
        self.edhoc = Initiator(AEAD, self.own.cred, self.own.kid, self.gateway.cred, self.gateway.kid)

    def message_1(self, c_i: bytes = b"\x01", ead_1: tuple[object, ...] = ()) -> bytes:
        return self.edhoc.message_1(self.ephemeral.x, c_i, ead_1)

    def read_message_2(self, message_2: bytes) -> bytes:
        """C_R. Raises ValueError, as OpenSSL does, for a G_Y on no point."""
        self.g_y = self.edhoc.g_y(message_2)
        g_xy, g_rx = self.ephemeral.dh(self.g_y), self.ephemeral.dh(self.gateway.x)
        return self.edhoc.read_message_2(message_2, g_xy, g_rx)

    def message_3(self) -> bytes:
        return self.edhoc.message_3(self.own.dh(self.g_y))


class Gateway:
    """One session of lakers' responder."""

    def __init__(self, key: Key, known: dict[bytes, Key]) -> None:
        self.known = known
        self.lakers = lakers.EdhocResponder(key.private, lakers.Credential(key.cred))

    def message_2(self, message_1: bytes, c_r: bytes, ead_2: list[lakers.EADItem] | None = None) -> bytes:
        self.c_i, self.ead_1 = self.lakers.process_message_1(message_1)
        by_reference = lakers.CredentialTransfer.ByReference
        return bytes(self.lakers.prepare_message_2(by_reference, c_r, ead_2))

    def message_4(self, message_3: bytes, ead_4: list[lakers.EADItem] | None = None) -> bytes:
        id_cred, self.ead_3 = self.lakers.parse_message_3(message_3)
        self.kid = bytes(id_cred)[3:]
        self.lakers.verify_message_3(lakers.Credential(self.known[self.kid].cred))
        return bytes(self.lakers.prepare_message_4(ead_4))

    def oscore(self) -> tuple[bytes, bytes]:
        return bytes(self.lakers.edhoc_exporter(0, b"", 16)), bytes(self.lakers.edhoc_exporter(1, b"", 8))


def pair(rng: random.Random, own: Key | None = None, key: Key | None = None) -> tuple[Terminal, Gateway]:
    """A terminal and the gateway it wants to talk to, who know each other."""
    own, key = own or Key(rng), key or Key(rng)
    return Terminal(own, key, Key(rng)), Gateway(key, {own.kid: own})


def on_curve(x: bytes) -> bool:
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(CURVE, b"\2" + x)
    except ValueError:
        return False
    return True
