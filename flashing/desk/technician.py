"""The technician's key: P-256 in PEM, made by `gateway operator NAME --role technician --make-key FILE`."""

import getpass
import hashlib
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from flashing.errors import FlashError

PLACE = Path("~/.config/patrola/technician.pem")
VARIABLE = "PATROLA_TECHNICIAN_KEY"
_MAKE = "gateway operator NAME --role technician --area DIRECTORATE --make-key technician.pem"
_ES256 = ec.ECDSA(hashes.SHA256())


def kid_of(public: bytes) -> bytes:
    """The name of a key: 8 bytes of SHA-256 over X || Y."""
    return hashlib.sha256(public).digest()[:8]


def fingerprint(public: bytes) -> str:
    """SHA-256 over X || Y, in groups of four for the eye."""
    digits = hashlib.sha256(public).hexdigest()
    return " ".join(digits[at : at + 4] for at in range(0, 64, 4))


class Technician:
    """`sign(data)` gives r || s, 64 bytes."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        numbers = key.public_key().public_numbers()
        self.public = numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
        self.kid = kid_of(self.public)

    def sign(self, data: bytes) -> bytes:
        r, s = decode_dss_signature(self._key.sign(data, _ES256))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def verify(public: bytes, data: bytes, signature: bytes) -> bool:
    numbers = ec.EllipticCurvePublicNumbers(
        int.from_bytes(public[:32], "big"), int.from_bytes(public[32:], "big"), ec.SECP256R1()
    )
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    try:
        numbers.public_key().verify(encode_dss_signature(r, s), data, _ES256)
    except (InvalidSignature, ValueError):
        return False
    return True


def load(given: Path | None) -> Technician:
    """The key in the file given, in the environment's, or at its usual place. Raises FlashError."""
    path = given or Path(os.environ.get(VARIABLE) or PLACE).expanduser()
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise FlashError(
            "there is no technician's key",
            str(path),
            "let headquarters make one and put it there, or say where it is with --technician FILE",
            _MAKE,
            "key",
        ) from None
    except OSError as error:
        raise FlashError(f"the technician's key cannot be read: {error.strerror}", str(path)) from None
    if path.stat().st_mode & 0o077:
        raise FlashError(
            "everybody on this computer can read the technician's key",
            str(path),
            "keep it to yourself; if somebody else may have seen it, let headquarters revoke it",
            f"chmod 600 {path}",
            "key",
        )
    password = None
    if b"ENCRYPTED" in data:
        password = getpass.getpass(f"password of {path}: ").encode()
    try:
        key = load_pem_private_key(data, password)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise FlashError(
            f"no technician's key: {error}", str(path), "bring the file that headquarters made", reason="key"
        ) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise FlashError(
            "the technician's key is not one of P-256", str(path), "let headquarters make one", _MAKE
        )
    return Technician(key)
