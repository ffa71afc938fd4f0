"""Releases as a workshop makes them, and what is asked of a gateway about them."""

import hashlib

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from protocol import coap, suit, update
from tests.gateway.bench import call_cli

KEY = ec.derive_private_key(0xBEEF, ec.SECP256R1())
NUMBERS = KEY.public_key().public_numbers()
PUBLIC = NUMBERS.x.to_bytes(32, "big") + NUMBERS.y.to_bytes(32, "big")
KID = hashlib.sha256(PUBLIC).digest()[:8]
IMAGE = bytes(range(256)) * 20 + b"end"


def sign(data):
    r, s = decode_dss_signature(KEY.sign(data, ec.ECDSA(SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def sha256(data):
    return hashlib.sha256(data).digest()


def release(folder, version="0.2.0", image=IMAGE, board="SIM", name=None):
    """Files as `flash.py release` makes them; the manifest's path."""
    number = update.version_number(version)
    uri = "/u/" + (name or update.image_name(board, number))
    said = suit.Release(number, bytes(16), bytes(16), sha256(image), len(image), uri)
    path = folder / update.manifest_name(board, number)
    path.write_bytes(suit.envelope(said, KID, sha256, sign))
    (folder / update.image_name(board, number)).write_bytes(image)
    return path


def offered(bench, version="0.2.0", **parts):
    path = release(bench.folder, version, **parts)
    return call_cli(bench.folder, "release", "add", str(path))


def send(bench, target, *more, version="0.2.0", code=0):
    return call_cli(bench.folder, "send", target, "update", "--release", version, *more, code=code)


def listed(bench, unit="vr-101"):
    (row,) = [r for r in call_cli(bench.folder, "list")["terminals"] if r["unit"] == unit]
    return row["update"]


async def block(client, name, number=0, szx=6, more=()):
    options = [(update.BLOCK2, update.block_option(number, False, szx)), *more]
    return await client.exchange(client.terminal.protect(coap.GET, f"/u/{name}", options=options))


async def whole(client, name, szx=6):
    data, number = b"", 0
    while True:
        answer = await block(client, name, number, szx)
        assert answer.code == coap.CONTENT, coap.code_text(answer.code)
        data += answer.payload
        got, more, exponent = update.read_block(answer.option(update.BLOCK2))
        assert (got, exponent) == (number, szx)
        if not more:
            return data
        number += 1


async def says(client, state, reason="", version=0x000200):
    payload = update.encode_progress(version, state, reason)
    return (await client.exchange(client.terminal.protect(coap.POST, "/u", payload))).code
