# runs on: both
"""The examples of cose-wg: structures by protocol/cose.py, cryptography by that of both ends.

An example is run by what is in it (`sign0`, `sign`, `encrypted`), not by its name; one that must fail
(`"fail": true`) must be refused here. Where the algorithm is not ours its structure is compared all the same,
and the case counts as left out.
"""

from binascii import a2b_base64, hexlify, unhexlify

from protocol import cbor, cose
from protocol.cbor import Tag
from protocol.errors import Malformed, Unauthentic
from tests.portable import Tally, load_json, raises, skip, vector_files, vectors
from tests.vectors import ours
from tests.vectors.notation import diagnostic

_TAG_SIGN = 98
_PARTIAL_IV = 6
# RFC 9053 table 7: (tag, nonce) in bytes of the AES-CCMs with 128-bit keys.
_CCM = {10: (8, 13), 12: (8, 7), 30: (16, 13), 32: (16, 7)}
_CCM_256 = (11, 13, 31, 33)


def unbase64(text):
    return a2b_base64(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4))


def upper(data):
    return hexlify(data).decode().upper()


def field(key, name):
    return unhexlify(key[name + "_hex"]) if name + "_hex" in key else unbase64(key[name])


def named(key, name):
    """A kid, as text or in hex; empty where there is none."""
    return unhexlify(key[name + "_hex"]) if name + "_hex" in key else key.get(name, "").encode()


def check_notation(example):
    """The bytes are what the example's diagnostic notation says, where it is one with strings in hex."""
    said = example["output"].get("cbor_diag", "").lower()
    made = diagnostic(cbor.decode(unhexlify(example["output"]["cbor"]))).lower()
    assert "h'" not in said or made == said, (made, said)


def public_of(key):
    return field(key, "x") + field(key, "y")


def plaintext_of(example):
    """Bytes, however the example wrote them."""
    said = example["input"]
    return unhexlify(said["plaintext_hex"]) if "plaintext_hex" in said else said["plaintext"].encode()


def signature_foreign(key, algorithm):
    """Why a signature with this key and algorithm is not for us, or None."""
    if key.get("crv") != "P-256":
        return "%s: our signatures are P-256" % key.get("crv", key["kty"])
    if algorithm != cose.ES256:
        return "SHA-512 over P-256: our signatures are ES256"
    return None


def algorithm_of(protected, unprotected):
    header = cbor.decode(protected) if protected else {}
    return header.get(cose.ALG, unprotected.get(cose.ALG))


def check_our_own(key, covered, signature, name):
    """Whoever made the example took the nonce of RFC 6979: our firmware makes the same 64 bytes."""
    if "d" in key or "d_hex" in key:
        assert ours.sign_rfc6979(field(key, "d"), covered) == signature, name


def sign1(name, example, tally):
    message = unhexlify(example["output"]["cbor"])
    asked = example["input"]["sign0"]
    external = unhexlify(asked.get("external", ""))
    if example.get("fail"):
        try:
            read = cose.sign1_read(message)
            if algorithm_of(read.protected, read.unprotected) == cose.ES256:
                covered = read.to_be_signed(external)
                assert not ours.verify(public_of(asked["key"]), covered, read.signature), name
        except Malformed:
            pass
        tally.ran += 1
        return
    read = cose.sign1_read(message)
    assert read.tagged == (message[0] == 0xD2)
    assert read.payload == plaintext_of(example), name
    covered = read.to_be_signed(external)
    assert upper(covered) == example["intermediates"]["ToBeSign_hex"], name
    kid = named(asked.get("unprotected", {}), "kid") or named(asked.get("protected", {}), "kid")
    assert read.kid == kid, name
    # None of them is a frame of ours: kid in the unprotected header, or none.
    with raises(Malformed):
        cose.sign1_parse(message)
    foreign = signature_foreign(asked["key"], algorithm_of(read.protected, read.unprotected))
    if foreign:
        tally.leave_out(foreign + "; the structure was compared")
        return
    public = public_of(asked["key"])
    assert ours.verify(public, covered, read.signature), name
    assert not ours.verify(public, read.to_be_signed(external + b"x"), read.signature), name
    check_our_own(asked["key"], covered, read.signature, name)
    tally.ran += 1


def sign(name, example, tally):
    """COSE_Sign has a structure of its own, which this test makes; CBOR and cryptography are ours."""
    message = cbor.decode(unhexlify(example["output"]["cbor"]))
    asked = example["input"]["sign"]
    if isinstance(message, Tag):
        if message.number != _TAG_SIGN:
            assert example.get("fail"), name
            tally.ran += 1
            return
        message = message.value
    body, _, payload, signers = message
    body = b"" if body == b"\xa0" else body  # RFC 9052 4.4: a protected {} counts as no bytes
    assert payload == plaintext_of(example), name
    reasons = []
    for i, (protected, unprotected, signature) in enumerate(signers):
        said, middle = asked["signers"][i], example["intermediates"]["signers"][i]
        external = unhexlify(said.get("external", ""))
        covered = cbor.encode(["Signature", body, protected, external, payload])
        foreign = signature_foreign(said["key"], algorithm_of(protected, unprotected))
        if example.get("fail"):
            assert foreign or not ours.verify(public_of(said["key"]), covered, signature), name
            continue
        assert upper(covered) == middle["ToBeSign_hex"], name
        if foreign:
            reasons.append(foreign)
        else:
            assert ours.verify(public_of(said["key"]), covered, signature), name
            check_our_own(said["key"], covered, signature, name)
    if reasons:
        tally.leave_out(reasons[0] + "; the structure was compared")
    else:
        tally.ran += 1


def opened(read, nonce, key, external, tag_length):
    said = [
        aead.open(key, nonce, read.aad(external), read.ciphertext)
        for aead in ours.ccms(tag_length, len(nonce))
    ]
    assert said.count(said[0]) == len(said)
    return said[0]


def encrypt0(name, example, tally):
    message = unhexlify(example["output"]["cbor"])
    asked = example["input"]["encrypted"]
    external = unhexlify(asked.get("external", ""))
    key = unhexlify(example["intermediates"]["CEK_hex"])
    try:
        read = cose.encrypt0_parse(message)
        algorithm = algorithm_of(read.protected, read.unprotected)
        if algorithm not in _CCM:
            if example.get("fail"):
                raise Unauthentic("not an algorithm of ours")
            wanted = example["intermediates"]["AAD_hex"]
            if "456E637279707430" not in wanted:  # "Encrypt0"
                tally.leave_out("an Enc_structure of a draft")
                return
            assert upper(read.aad(external)) == wanted, name
            kind = (
                "AES-CCM with a key of 256 bits" if algorithm in _CCM_256 else "COSE algorithm %s" % algorithm
            )
            tally.leave_out(kind + ": ours is AES-CCM with 128; the structure was compared")
            return
        tag_length, nonce_length = _CCM[algorithm]
        nonce = read.unprotected.get(cose.IV)
        if (
            nonce is None
        ):  # RFC 9052 3.1: the Partial IV over the context's, which the example gives as a whole
            nonce = unhexlify(asked["unsent"]["IV_hex"])
            assert nonce.endswith(read.unprotected[_PARTIAL_IV])
        assert len(nonce) == nonce_length
        plaintext = opened(read, nonce, key, external, tag_length)
    except (Malformed, Unauthentic):
        assert example.get("fail"), name
        tally.ran += 1
        return
    assert not example.get("fail"), name
    assert plaintext == plaintext_of(example), name
    (recipient,) = asked["recipients"]
    assert field(recipient["key"], "k")[:16] == key, name
    assert upper(read.aad(external)) == example["intermediates"]["AAD_hex"], name
    for aead in ours.ccms(tag_length, nonce_length):

        def seal(aad, text):
            return aead.seal(key, nonce, aad, text)  # noqa: B023 - called before the loop goes on

        made = cose.encrypt0_encode(read.headers, read.unprotected, plaintext, seal, external)
        # An empty protected map is sent as no bytes here, as {} by some; both cover the same (RFC 9052 3).
        assert made == message or read.protected == b"\xa0", name
    tally.ran += 1


def in_order(message):
    """Whether its keys are in the order of RFC 8949 4.2.1, for which COSE does not ask, and we do."""
    try:
        cbor.decode(message)
    except Malformed as error:
        return "out of order" not in str(error)
    return True


_RUNNERS = {"sign0": sign1, "sign": sign, "encrypted": encrypt0}


def test_examples_of_cose_wg():
    examples = vector_files("cose", ".json")
    if not examples:
        skip("no examples of COSE")
    for name in examples:
        example = load_json(vectors(name))
        with Tally(name) as tally:
            kinds = [kind for kind in example["input"] if kind in _RUNNERS]
            if kinds and in_order(unhexlify(example["output"]["cbor"])):
                _RUNNERS[kinds[0]](name, example, tally)
                check_notation(example)
            elif kinds:
                tally.leave_out("header in an order that is not deterministic: our reader takes no other")
            else:
                found = [kind for kind in example["input"] if kind in ("enveloped", "mac", "mac0")]
                tally.leave_out(
                    "%s: neither COSE_Sign nor COSE_Encrypt0" % (found[0] if found else "no message")
                )


def keys_of(text):
    """(fields by label, text of the key) of the diagnostic notation, with its lines joined."""
    joined = text.replace("\n", "")
    for part in joined.split("{")[1:]:
        fields = {}
        for item in part.split("}")[0].split(","):
            label, _, value = item.partition(":")
            label = label.split("/")[-1].strip().strip('"')
            fields[label] = value.strip().strip('"')
        yield fields


def test_the_set_of_keys():
    for name in vector_files("cose", "KeySet.txt"):
        with Tally(name) as tally, open(vectors(name)) as file:
            for key in keys_of(file.read()):
                if key["1"] != "2":
                    tally.leave_out("symmetric key")
                elif key["-1"] not in ("1", "P-256"):
                    tally.leave_out("P-384 or P-521: ours is P-256")
                else:
                    x, y, d = [unhexlify(key[label][2:-1]) for label in ("-2", "-3", "-4")]
                    assert ours.p256.public_key(d) == x + y
                    assert ours.p256.valid_public(x + y)
                    tally.ran += 1
