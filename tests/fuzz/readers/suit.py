"""Manifests of releases, and what terminal and gateway say of an update."""

import hashlib

from protocol import cbor, suit, update
from protocol.errors import Malformed, Unauthentic

TOKENS = (b"\xd8\x6b", b"\x82\x2f\x58\x20", b"\x84\x43\xa1\x01\x26", b"\x03\x0f", b"\x07\x43\x82", b"program")


def _sha256(data):
    return hashlib.sha256(data).digest()


def _said(release):
    return b"%d %d %s" % (release.version, release.size, release.uri.encode())


def suit_envelope(data):
    """Whoever signs for anything: what is read is of our shape, and is written the same."""
    try:
        read = suit.Envelope(data)
        release = read.verify(_sha256, lambda to_be_signed, signature: True)
    except (Malformed, Unauthentic):
        return None
    again = suit.envelope(release, read.kid or b"8 bytes.", _sha256, lambda to_be_signed: bytes(64))
    assert suit.Envelope(again).peek().encode() == release.encode()
    assert release.encode() in data
    assert release.wrong() is None
    return _said(release)


def suit_manifest(data):
    """Any bytes as the manifest under a right digest and signature."""
    digest = cbor.encode([-16, _sha256(cbor.encode(data))])
    block = cbor.encode(cbor.Tag(18, [cbor.encode({1: -7}), {}, None, bytes(64)]))
    return suit_envelope(cbor.encode(cbor.Tag(107, {2: cbor.encode([digest, block]), 3: data})))


def update_said(data):
    """A Block option and the body of `POST /u`, one byte that says which in front."""
    try:
        if data[:1] == b"b":
            number, more, szx = update.read_block(data[1:])
            assert update.block_option(number, more, szx) == data[1:]
            return b"%d %d %d" % (number, more, szx)
        version, state, reason = update.decode_progress(data[1:])
    except Malformed:
        return None
    assert update.decode_progress(update.encode_progress(version, state, reason)) == (version, state, reason)
    return b"%d %d %s" % (version, state, reason.encode())
