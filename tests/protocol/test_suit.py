# runs on: both
"""Manifests of releases. The first example is the draft's own, signature and all."""

import hashlib
from binascii import unhexlify

from firmware import p256_point
from protocol import cbor, cose, suit
from protocol.cbor import Tag
from protocol.errors import Malformed, Misuse, Unauthentic
from tests.portable import raises

KID = b"\x01\x02\x03\x04\x05\x06\x07\x08"
VENDOR = bytes(range(16))
CLASS = bytes(range(16, 32))
DIGEST = bytes(range(32))

# draft-ietf-suit-manifest-37, appendix B: the key of its examples, and example 1 ("simultaneous download and
# installation of payload") with its COSE authentication object.
EXAMPLE_KEY = unhexlify(
    "8496811aae0baaabd26157189eecda26beaa8bf11b6f3fe6e2b5659c85dbc0ad"
    "3b1f2a4b6c098131c0a36dacd1d78bd381dcdfb09c052db33991db7338b4a896"
)
EXAMPLE = unhexlify(
    "d86ba2025873825824822f58201f2e7acca0dc2786f2fe4eb947f50873a6a3cfaa98866c5b02e621f42074daf2584ad28443a1"
    "0126a0f6584027a3d7986eddcc1bee04e1436746408c308ed3c15ac590a1ca0cf96f85671ccac216cb9a1497fc59e21c15f33c"
    "95cf75203e25c287b31a57d6cd2ef950b27a7a035894a50101020103585fa202818141000458568614a40150fa6b4a53d5ad5f"
    "dfbe9de663e4d41ffe02501492af1425695e48bf429b2d51f2ab45035824822f582000112233445566778899aabbccddeeff01"
    "23456789abcdeffedcba98765432100e1987d0010f020f074382030f1458258614a115781b687474703a2f2f6578616d706c65"
    "2e636f6d2f66696c652e62696e1502030f"
)


def sha256(data):
    return hashlib.sha256(data).digest()


def example_key(to_be_signed, signature):
    return p256_point.verify(EXAMPLE_KEY, sha256(to_be_signed), signature)


def release(version=0x000200, **parts):
    values = {
        "vendor": VENDOR,
        "board_class": CLASS,
        "digest": DIGEST,
        "size": 110592,
        "uri": "/u/SIM-0.2.0.romfs",
    }
    values.update(parts)
    return suit.Release(version, **values)


def made(of=None, sign=lambda to_be_signed: bytes(64)):
    return suit.envelope(of or release(), KID, sha256, sign)


def fields(of):
    return [getattr(of, name) for name in suit.Release.__slots__]


def put(array, index, value):
    array[index] = value


def yes(to_be_signed, signature):
    return True


def test_the_drafts_example_is_read_and_its_signature_holds():
    read = suit.Envelope(EXAMPLE).verify(sha256, example_key)
    assert read.version == 1 and read.uri == "http://example.com/file.bin" and read.size == 34768
    assert read.vendor == unhexlify("fa6b4a53d5ad5fdfbe9de663e4d41ffe")
    assert read.board_class == unhexlify("1492af1425695e48bf429b2d51f2ab45")
    assert read.digest[:4] == unhexlify("00112233") and read.component == b"\x00"


def test_the_drafts_example_is_made():
    """From what it says, the same manifest to the byte."""
    read = suit.Envelope(EXAMPLE).peek()
    assert read.encode() in EXAMPLE and len(read.encode()) == 0x94


def test_no_flipped_bit_of_the_example_passes():
    """Every bit: refused for its form, or not authentic."""
    whole = fields(suit.Envelope(EXAMPLE).peek())
    judged = []

    def once(to_be_signed, signature):
        # The signature's arithmetic is others' to test: what matters is what it is asked about.
        judged.append((to_be_signed, signature))
        return True

    suit.Envelope(EXAMPLE).verify(sha256, once)
    right = judged[0]
    for at in range(len(EXAMPLE)):
        for bit in range(8):
            data = bytearray(EXAMPLE)
            data[at] ^= 1 << bit
            try:
                read = suit.Envelope(bytes(data)).verify(sha256, once)
            except (Malformed, Unauthentic):
                continue
            assert judged[-1] != right, (at, bit)
            assert fields(read) == whole, (at, bit)


def test_an_envelope_is_what_went_in():
    seen = []

    def sign(to_be_signed):
        seen.append(to_be_signed)
        return bytes(range(64))

    def check(to_be_signed, signature):
        return to_be_signed == seen[0] and signature == bytes(range(64))

    data = made(sign=sign)
    read = suit.Envelope(data)
    assert read.kid == KID and len(data) < 300
    assert fields(read.verify(sha256, check)) == fields(release())


def test_a_wrong_signature_is_told_before_the_manifest_is_read():
    """6.2: what nobody signed is not looked at."""
    value = cbor.decode(made())
    value.value[3] = b"\x00"  # no manifest at all
    read = suit.Envelope(cbor.encode(value))
    with raises(Unauthentic):
        read.verify(sha256, lambda to_be_signed, signature: False)
    with raises(Unauthentic) as caught:
        read.verify(sha256, yes)
    assert "not what was signed" in str(caught.value)


def test_another_manifest_under_a_right_signature_is_refused():
    value = cbor.decode(made())
    value.value[3] = release(version=0x000300).encode()
    with raises(Unauthentic):
        suit.Envelope(cbor.encode(value)).verify(sha256, yes)


def test_envelopes_of_another_form_are_refused():
    data = made()
    for cut in range(len(data)):
        with raises(Malformed):
            suit.Envelope(data[:cut])
    with raises(Malformed):
        suit.Envelope(data + b"\x00")
    with raises(Malformed):
        suit.Envelope(bytes(suit.MAX_ENVELOPE + 1))

    def broken(change):
        value = cbor.decode(data)
        blocks = cbor.decode(value.value[2])
        sign1 = cbor.decode(blocks[1])
        change(value, blocks, sign1)
        blocks[1] = cbor.encode(sign1)
        value.value[2] = cbor.encode(blocks)
        return cbor.encode(value)

    suit.Envelope(broken(lambda value, blocks, sign1: None))
    wrong = (
        lambda value, blocks, sign1: value.value.update({23: b""}),  # a severed text
        lambda value, blocks, sign1: value.value.pop(3),
        lambda value, blocks, sign1: blocks.append(blocks[1]),  # two signatures
        lambda value, blocks, sign1: put(sign1.value, 0, cbor.encode({1: -35})),  # ES384
        lambda value, blocks, sign1: put(sign1.value, 1, {4: KID}),
        lambda value, blocks, sign1: put(sign1.value, 2, blocks[0]),  # payload attached
        lambda value, blocks, sign1: put(sign1.value, 3, bytes(63)),
    )
    for change in wrong:
        with raises(Malformed):
            suit.Envelope(broken(change))
    with raises(Malformed):
        suit.Envelope(cbor.encode(Tag(1070, cbor.decode(data).value)))


def test_manifests_of_another_shape_are_refused():
    """A directive more, another policy, a second component: signed, and none of ours all the same."""

    def broken(change):
        manifest = cbor.decode(release().encode())
        common = cbor.decode(manifest[3])
        parts = {"manifest": manifest, "common": common}
        parts["shared"] = cbor.decode(common[4])
        parts["install"] = cbor.decode(manifest[20])
        change(parts)
        common[4] = cbor.encode(parts["shared"])
        manifest[3] = cbor.encode(common)
        manifest[20] = cbor.encode(parts["install"])
        return signed(cbor.encode(manifest))

    def signed(manifest):
        digest = cbor.encode([-16, sha256(cbor.encode(manifest))])
        protected = cbor.encode({cose.ALG: cose.ES256, cose.KEY_ID: KID})
        block = cbor.encode(Tag(18, [protected, {}, None, bytes(64)]))
        return suit.Envelope(cbor.encode(Tag(107, {2: cbor.encode([digest, block]), 3: manifest})))

    assert fields(broken(lambda parts: None).verify(sha256, yes)) == fields(release())
    wrong = (
        lambda parts: parts["manifest"].update({1: 2}),
        lambda parts: parts["manifest"].update({9: b"\x82\x17\x02"}),  # invoke
        lambda parts: parts["manifest"].update({7: cbor.encode([3, 0])}),
        lambda parts: parts["manifest"].update({2: -1}),
        lambda parts: parts["manifest"].update({2: 1 << 24}),
        lambda parts: parts["manifest"].update({2: True}),
        lambda parts: parts["common"].update({2: [[b"program"], [b"other"]]}),
        lambda parts: parts["common"].update({2: []}),
        lambda parts: parts["common"].update({2: [["program"]]}),
        lambda parts: parts["shared"][1].update({1: bytes(15)}),
        lambda parts: parts["shared"][1].update({24: bytes(16)}),
        lambda parts: parts["shared"][1].update({14: 0}),
        lambda parts: parts["shared"][1].update({14: suit.MAX_IMAGE + 1}),
        lambda parts: parts["shared"][1].update({3: cbor.encode([-44, DIGEST])}),
        lambda parts: put(parts["shared"], 3, 0),
        lambda parts: parts["shared"].append(14),
        lambda parts: parts["install"][1].update({21: ""}),
        lambda parts: parts["install"][1].update({21: "/u/" + "x" * suit.MAX_URI}),
        lambda parts: put(parts["install"], 2, 23),
    )
    for number, change in enumerate(wrong):
        with raises(Malformed):
            print(number)
            broken(change).verify(sha256, yes)
    for data in (b"\x00", b"\xa0", cbor.encode({1: 1, 2: 2, 3: 3, 7: 7, 20: 20})):
        with raises(Malformed):
            signed(data).verify(sha256, yes)


def test_what_cannot_be_is_not_made():
    for parts in ({"vendor": b""}, {"size": 0}, {"digest": bytes(31)}, {"uri": ""}, {"component": b""}):
        with raises(Misuse):
            made(release(**parts))
    with raises(Misuse):
        made(release(version=0))
    with raises(Misuse):
        suit.envelope(release(), KID[:7], sha256, lambda to_be_signed: bytes(64))
