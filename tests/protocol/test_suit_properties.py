"""Manifests of releases: any that can be made is read again, and others' libraries read it alike."""

import hashlib

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import suit
from protocol.errors import Malformed, Unauthentic

KEY = ec.derive_private_key(0xC0FFEE, ec.SECP256R1())
KID = b"releases"

releases = st.builds(
    suit.Release,
    version=st.integers(1, (1 << 24) - 1),
    vendor=st.binary(min_size=16, max_size=16),
    board_class=st.binary(min_size=16, max_size=16),
    digest=st.binary(min_size=32, max_size=32),
    size=st.integers(1, suit.MAX_IMAGE),
    uri=st.text(min_size=1, max_size=suit.MAX_URI // 4).filter(lambda text: text.isprintable()),
)


def sha256(data):
    return hashlib.sha256(data).digest()


def sign(to_be_signed):
    r, s = decode_dss_signature(KEY.sign(to_be_signed, ec.ECDSA(SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def fields(release):
    return [getattr(release, name) for name in suit.Release.__slots__]


@given(releases)
@settings(max_examples=60)
def test_what_is_made_is_read(release):
    data = suit.envelope(release, KID, sha256, sign)
    assert fields(suit.Envelope(data).verify(sha256, lambda *_: True)) == fields(release)


@given(releases)
@settings(max_examples=25)
def test_another_cbor_and_another_ecdsa_read_the_same(release):
    """The way of draft-ietf-suit-manifest-37 6.2 and 8.3 with nothing of this project in it."""
    envelope = cbor2.loads(suit.envelope(release, KID, sha256, sign))
    assert envelope.tag == 107 and list(envelope.value) == [2, 3]
    digest, block = cbor2.loads(envelope.value[2])
    algorithm, value = cbor2.loads(digest)
    assert algorithm == -16
    assert value == hashlib.sha256(cbor2.dumps(envelope.value[3])).digest()
    sign1 = cbor2.loads(block)
    protected, unprotected, payload, signature = sign1.value
    assert sign1.tag == 18 and cbor2.loads(protected) == {1: -7, 4: KID} and payload is None
    assert not unprotected
    structure = cbor2.dumps(["Signature1", protected, b"", digest])
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    KEY.public_key().verify(encode_dss_signature(r, s), structure, ec.ECDSA(SHA256()))
    manifest = cbor2.loads(envelope.value[3])
    common = cbor2.loads(manifest[3])
    shared = cbor2.loads(common[4])
    install = cbor2.loads(manifest[20])
    assert manifest[1] == 1 and manifest[2] == release.version
    assert common[2] == [[b"program"]]
    assert shared[1][1] == release.vendor and shared[1][2] == release.board_class
    assert cbor2.loads(shared[1][3]) == [-16, release.digest] and shared[1][14] == release.size
    assert install[1] == {21: release.uri}


@given(st.binary(max_size=400))
@settings(max_examples=200)
def test_whatever_comes_is_refused_with_a_word(data):
    try:
        suit.Envelope(data).verify(sha256, lambda *_: True)
    except (Malformed, Unauthentic):
        return
    raise AssertionError(data)
