"""EDHOC's responder for one handshake: `lakers`, with types, its errors contained, and what it takes for
granted checked before: method 3, suite 2, a G_X on the curve, no critical extension that nobody knows.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lakers  # type: ignore[import-untyped]
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.key import GatewayKey
from protocol import cbor
from protocol.edhoc import METHOD, SUITE
from protocol.errors import Malformed
from protocol.limits import AEAD_TAG, KID, MAX_OSCORE_ID

# Ours have 37 and 28 bytes; padding may add some. lakers panics at 256 of message_3.
MAX_MESSAGE = 192
MAX_SUITES = 9
P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF


class HandshakeError(Exception):
    """The peer's message is wrong, and the handshake is over. `reason` is a word for counting."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason = reason


class Hello:
    """The parts of a message_1 whose form is right (RFC 9528 5.2.1)."""

    def __init__(self, data: bytes) -> None:
        """Raises HandshakeError; `suite` when none that we have was selected."""
        if len(data) > MAX_MESSAGE:
            raise HandshakeError("malformed", f"message_1 of {len(data)} bytes")
        try:
            method, at = cbor.decode_prefix(data, 0)
            suites, at = cbor.decode_prefix(data, at)
            g_x, at = cbor.decode_prefix(data, at)
            self.c_i, at = identifier(data, at)
            cbor.decode_sequence(data[at:], 16)
        except Malformed as error:
            raise HandshakeError("malformed", f"message_1: {error}") from None
        if type(method) is not int or method != METHOD:
            raise HandshakeError("method", f"method {method!r}")
        offered = suites if isinstance(suites, list) and 2 <= len(suites) <= MAX_SUITES else [suites]
        if any(type(suite) is not int for suite in offered):
            raise HandshakeError("malformed", "message_1: suites")
        if offered[-1] != SUITE:
            raise HandshakeError("suite", f"suite {offered[-1]}")
        if not isinstance(g_x, bytes) or len(g_x) != 32:
            raise HandshakeError("malformed", "message_1: G_X")
        if len(self.c_i) > MAX_OSCORE_ID:
            # It becomes our OSCORE Sender ID.
            raise HandshakeError("malformed", f"message_1: C_I of {len(self.c_i)} bytes")
        self.g_x = g_x
        self.data = data


def identifier(data: bytes, at: int = 0) -> tuple[bytes, int]:
    """A connection identifier and the offset behind it (3.3.2): one byte that encodes an integer from -24 to
    23 stands for itself, anything else is a byte string. Raises Malformed."""
    value, end = cbor.decode_prefix(data, at)
    raw = data[at:end]
    if _small(raw):
        return raw, end
    if not isinstance(value, bytes) or _small(value):
        raise Malformed(f"edhoc identifier: {raw[:8].hex()}")
    return value, end


def _small(value: bytes) -> bool:
    return len(value) == 1 and value[0] & 0xDF < 0x18


class Responder:
    """`message_2`, `message_3`, `finish`, in this order and each once; after an error it is over."""

    def __init__(self, key: GatewayKey) -> None:
        with _contained("malformed"):
            self._lakers: Any = lakers.EdhocResponder(key.private, lakers.Credential(key.credential))

    def message_2(self, hello: Hello, c_r: bytes) -> bytes:
        """Raises HandshakeError."""
        # lakers panics on a point that is not there, and takes x + p for x.
        if int.from_bytes(hello.g_x, "big") >= P:
            raise HandshakeError("point", "G_X: not reduced modulo p")
        try:
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x02" + hello.g_x)
        except ValueError:
            raise HandshakeError("point", "G_X: no point of P-256") from None
        with _contained("malformed"):
            _, ead = self._lakers.process_message_1(hello.data)
            _check(ead)
            return bytes(self._lakers.prepare_message_2(lakers.CredentialTransfer.ByReference, c_r, None))

    def message_3(self, data: bytes) -> bytes:
        """The kid of whoever says to be there: not proved before `finish`. Raises HandshakeError."""
        # lakers takes any first byte for that of a byte string and leaves what follows; it panics where there
        # is less than a tag, or less than the head says.
        try:
            sealed = cbor.decode(data)
        except Malformed:
            sealed = None
        if not isinstance(sealed, bytes) or not AEAD_TAG < len(sealed) <= MAX_MESSAGE:
            raise HandshakeError("malformed", f"message_3 of {len(data)} bytes")
        with _contained("unauthentic"):
            id_cred, ead = self._lakers.parse_message_3(data)
            _check(ead)
            named = cbor.decode(bytes(id_cred))
        kid = named.get(4) if isinstance(named, dict) and len(named) == 1 else None
        if not isinstance(kid, bytes) or len(kid) != KID:
            raise HandshakeError("unknown", "ID_CRED_I: not a kid of 8 bytes")
        return kid

    def finish(self, credential: bytes) -> tuple[bytes, bytes, bytes]:
        """(message_4, OSCORE master secret, master salt), once MAC_3 proved the one with this credential.

        Raises HandshakeError."""
        with _contained("unauthentic"):
            self._lakers.verify_message_3(lakers.Credential(credential))
            message_4 = bytes(self._lakers.prepare_message_4(None))
            # RFC 9528 appendix A.1.
            secret = bytes(self._lakers.edhoc_exporter(0, b"", 16))
            return message_4, secret, bytes(self._lakers.edhoc_exporter(1, b"", 8))


def _check(ead: Any) -> None:
    for item in ead:
        if item.is_critical():
            raise HandshakeError("malformed", f"critical EAD {item.label()}")


@contextmanager
def _contained(reason: str) -> Iterator[None]:
    try:
        yield
    except HandshakeError:
        raise
    except Exception as error:
        raise HandshakeError(reason, str(error)[:120]) from None
    except BaseException as error:
        # A panic in Rust comes as a BaseException of its own, beside KeyboardInterrupt and its like, which
        # are not ours to keep.
        if type(error).__name__ != "PanicException":
            raise
        raise HandshakeError("panic", str(error)[:120]) from None
