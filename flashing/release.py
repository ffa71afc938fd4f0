"""A release: the image of a board, and the manifest that a release key has signed for it."""

import hashlib
import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from flashing.errors import FlashError, Usage
from flashing.image import ROOMS, VENDOR, build_image, class_of, load_board, modules, version_of
from protocol import suit, update
from protocol.errors import Malformed


def make_key(path: Path) -> dict[str, str]:
    """A new release key at `path`; its public half for the terminals, also as a file beside it."""
    key = ec.generate_private_key(ec.SECP256R1())
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise FlashError(
            "there is a file already, and a release key is never overwritten",
            str(path),
            "take another name; terminals that were given the old key take releases of that one alone",
            reason="exists",
        ) from None
    except OSError as error:
        raise FlashError(f"cannot be written: {error.strerror}", str(path), "take another place") from None
    with os.fdopen(file, "wb") as out:
        out.write(text)
    public = path.with_name(path.name + ".pub")
    public.write_text(_public(key).hex() + "\n")
    return {
        "key": str(path),
        "public": str(public),
        "kid": _kid(_public(key)).hex(),
        "release_key": _public(key).hex(),
    }


def read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Raises FlashError."""
    make = f"./flash.py release --make-key --key {path}"
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise FlashError(f"no release key: {error.strerror}", str(path), "make one", make) from None
    except (ValueError, TypeError):
        raise FlashError(
            "no release key: not an unsealed private key in PEM", str(path), "give the file of --make-key"
        ) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise FlashError("no release key: not a P-256 key", str(path), "give the file of --make-key")
    return key


def make_release(
    board_name: str, key: ec.EllipticCurvePrivateKey, output: Path, version: str | None = None
) -> dict[str, object]:
    """Image and manifest into the folder `output`, as `gateway release add` takes them."""
    load_board(board_name)
    own = version or version_of(modules(ROOMS))
    try:
        number = update.version_number(own)
    except Malformed as error:
        raise Usage(str(error), "give a version of the form 1.2.3") from None
    image = output / update.image_name(board_name, number)
    build_image(board_name, image, version)
    data = image.read_bytes()
    said = suit.Release(
        number, VENDOR.bytes, class_of(board_name), _sha256(data), len(data), f"/u/{image.name}"
    )
    manifest = output / update.manifest_name(board_name, number)
    envelope = suit.envelope(said, _kid(_public(key)), _sha256, lambda signed: _sign(key, signed))
    # Read it as a terminal does, before anybody relies on it.
    suit.Envelope(envelope).verify(_sha256, lambda signed, mark: _fits(key, signed, mark))
    manifest.write_bytes(envelope)
    return {
        "board": board_name,
        "version": own,
        "image": str(image),
        "manifest": str(manifest),
        "bytes": len(data),
        "sha256": said.digest.hex(),
        "kid": _kid(_public(key)).hex(),
        "release_key": _public(key).hex(),
    }


def _public(key: ec.EllipticCurvePrivateKey) -> bytes:
    numbers = key.public_key().public_numbers()
    return numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


def _kid(public: bytes) -> bytes:
    return _sha256(public)[:8]


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _sign(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _fits(key: ec.EllipticCurvePrivateKey, signed: bytes, mark: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    r, s = int.from_bytes(mark[:32], "big"), int.from_bytes(mark[32:], "big")
    try:
        key.public_key().verify(encode_dss_signature(r, s), signed, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True
