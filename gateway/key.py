"""The gateway's own key pair: a P-256 key in a file beside the journal, made once and never overwritten.

Its public half is in every terminal, set when the car was provisioned. Whoever has the private half can pass
for the gateway; whoever loses it can make no new link to any terminal.
"""

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from gateway.journal.base import Transaction
from protocol.edhoc import ccs

_HELP = (
    "Bring the right file back from the backup; if it is lost for good see `python -m gateway key --help`."
)


class KeyFileError(Exception):
    """Names the file, what is wrong with it, and what to do."""


def kid_of(public_key: bytes) -> bytes:
    """The name of a key, a terminal's or the gateway's: 8 bytes of SHA-256 over X || Y."""
    return hashlib.sha256(public_key).digest()[:8]


class GatewayKey:
    """`private` is 32 bytes, `public` X || Y, `credential` the CCS that both sides of EDHOC build for
    themselves."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        numbers = key.private_numbers()
        public = numbers.public_numbers
        self.private = numbers.private_value.to_bytes(32, "big")
        self.public = public.x.to_bytes(32, "big") + public.y.to_bytes(32, "big")
        self.kid = kid_of(self.public)
        self.credential = ccs(self.kid, self.public)

    def __repr__(self) -> str:
        return f"GatewayKey({self.kid.hex()})"


def read(path: Path) -> GatewayKey | None:
    """None when there is no such file. Raises KeyFileError when it cannot be used."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        key = load_pem_private_key(data, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyFileError(
            f"{path}: no private key in PEM: {error}. Bring it back from the backup."
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise KeyFileError(f"{path}: not a key of P-256. Bring the right one back from the backup.")
    return GatewayKey(key)


def create(path: Path, new: bool = False) -> GatewayKey:
    """A new key pair, durable, readable by its owner only. Another process that was quicker wins; with `new`
    a file that is there already is an error.

    Raises KeyFileError."""
    if new and path.exists():
        raise KeyFileError(f"{path} is there already: nothing was changed")
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    made_as = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with suppress(FileNotFoundError):
            made_as.unlink()
        descriptor = os.open(made_as, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        # Unlike a rename, a link takes nobody's place: the file appears whole, or is somebody else's.
        with suppress(FileExistsError):
            os.link(made_as, path)
        made_as.unlink()
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be made: {error.strerror}") from error
    made = read(path)
    assert made is not None
    return made


def settle(path: Path, tx: Transaction) -> GatewayKey:
    """The key of this gateway. Made when neither the file nor the journal knows of one; a journal without a
    key takes the one in the file. Raises KeyFileError when they speak of different ones."""
    given = tx.gateway_key()
    key = read(path)
    if key is None:
        if given is not None:
            raise KeyFileError(
                f"{path}: missing, and terminals were given the public key of {kid_of(given).hex()}. {_HELP}"
            )
        key = create(path)
    if given is None:
        tx.set_gateway_key(key.public)
    elif given != key.public:
        raise KeyFileError(
            f"{path}: holds key {key.kid.hex()}, but terminals were given {kid_of(given).hex()}. {_HELP}"
        )
    return key
