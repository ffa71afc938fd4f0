# runs on: both
"""Any file of Wycheproof: what is valid holds, what is invalid is refused, what is not ours says so.

A file is taken by its algorithm and the type of its groups, so further ones (other curves, other hashes) lie
in the same folder without harm: their cases count as left out, with the reason.
"""

from binascii import unhexlify

from protocol.errors import Malformed, Misuse, Unauthentic
from protocol.kdf import hkdf_expand, hkdf_extract, hmac_sha256
from tests.portable import Tally, load_json, raises, skip, vector_files, vectors
from tests.vectors import ours

# SubjectPublicKeyInfo of an uncompressed point of P-256 in DER, up to its 04. Nothing of ours reads DER.
_SPKI = unhexlify("3059301306072a8648ce3d020106082a8648ce3d03010703420004")


def ecdsa_p1363(group, case, name):
    if group["sha"] != "SHA-256":
        return group["sha"] + ": ES256 is over SHA-256"
    public = unhexlify(key_of(group)["uncompressed"])
    if key_of(group)["curve"] != "secp256r1":
        return key_of(group)["curve"] + ": ours is P-256"
    assert len(public) == 65 and public[0] == 4
    holds = ours.verify(public[1:], unhexlify(case["msg"]), unhexlify(case["sig"]))
    assert holds == (case["result"] == "valid"), (name, case["tcId"])
    return ""


def key_of(group):
    """The older files call it `key`."""
    return group["publicKey"] if "publicKey" in group else group["key"]


def ecdh(group, case, name):
    """A raw point, or one in the usual DER. EDHOC sends the x-coordinate alone, so compressed ones fit too.

    What Wycheproof calls acceptable may be refused; if it is taken, the secret has to be right.
    """
    if group["curve"] != "secp256r1":
        return group["curve"] + ": ours is P-256"
    public = unhexlify(case["public"])
    if group["encoding"] == "asn":
        if len(public) != len(_SPKI) + 64 or not public.startswith(_SPKI):
            return "DER other than the usual one of P-256: nothing of ours reads DER"
        public = public[len(_SPKI) - 1 :]
    elif group["encoding"] != "ecpoint":
        return "public key in the form %s: nothing of ours reads it" % group["encoding"]
    if len(public) == 65 and public[0] == 4:
        public = public[1:]
        if not ours.p256.valid_public(public):
            assert case["result"] != "valid", (name, case["tcId"])
            return ""
    elif len(public) == 33 and public[0] in (2, 3):
        public = public[1:]
    else:
        assert case["result"] != "valid", (name, case["tcId"])
        return ""
    try:
        secret = ours.agreed_secret(unhexlify(case["private"]), public[:32])
    except Malformed:
        assert case["result"] != "valid", (name, case["tcId"])
        return ""
    assert case["result"] != "invalid" and secret == unhexlify(case["shared"]), (name, case["tcId"])
    return ""


def aes_ccm(group, case, name):
    if group["keySize"] != 128:
        return "key of %d bits: ours is AES-CCM with 128" % group["keySize"]
    try:
        aeads = ours.ccms(group["tagSize"] // 8, group["ivSize"] // 8)
    except Misuse:  # a tag or nonce that CCM does not have
        assert case["result"] == "invalid", (name, case["tcId"])
        return ""
    key, nonce, aad = [unhexlify(case[part]) for part in ("key", "iv", "aad")]
    message, sealed = unhexlify(case["msg"]), unhexlify(case["ct"] + case["tag"])
    for aead in aeads:
        if case["result"] == "valid":
            assert aead.seal(key, nonce, aad, message) == sealed, (name, case["tcId"])
            assert aead.open(key, nonce, aad, sealed) == message, (name, case["tcId"])
        else:
            with raises(Unauthentic):
                aead.open(key, nonce, aad, sealed)
    return ""


def hkdf(group, case, name):
    prk = hkdf_extract(unhexlify(case["salt"]), unhexlify(case["ikm"]))
    if case["result"] == "valid":
        okm = hkdf_expand(prk, unhexlify(case["info"]), case["size"])
        assert okm == unhexlify(case["okm"]), (name, case["tcId"])
    else:
        with raises(Misuse):
            hkdf_expand(prk, unhexlify(case["info"]), case["size"])
    return ""


def hmac(group, case, name):
    made = hmac_sha256(unhexlify(case["key"]), unhexlify(case["msg"]))[: group["tagSize"] // 8]
    assert (made == unhexlify(case["tag"])) == (case["result"] == "valid"), (name, case["tcId"])
    return ""


_RUNNERS = {
    ("ECDSA", "EcdsaP1363Verify"): ecdsa_p1363,
    ("ECDH", "EcdhEcpointTest"): ecdh,
    ("ECDH", "EcdhTest"): ecdh,
    ("AES-CCM", "AeadTest"): aes_ccm,
    ("HKDF-SHA-256", "HkdfTest"): hkdf,
    ("HMACSHA256", "MacTest"): hmac,
}


def test_wycheproof():
    count = 0
    for name in vector_files("crypto", ".json"):
        data = load_json(vectors(name))
        if "testGroups" not in data:
            continue
        count += 1
        with Tally(name) as tally:
            for group in data["testGroups"]:
                run = _RUNNERS.get((data.get("algorithm"), group["type"]))
                if run is None:
                    what = "%s, %s: not in our protocol" % (data.get("algorithm"), group["type"])
                    tally.leave_out(what, len(group["tests"]))
                    continue
                for case in group["tests"]:
                    reason = run(group, case, name)
                    if reason:
                        tally.leave_out(reason)
                    else:
                        tally.ran += 1
    if not count:
        skip("no vectors of Wycheproof")


def test_the_runners_can_say_no():
    """A wrong value in a file is noticed by each of them: here every case says the opposite of itself."""
    turned = 0
    for name in vector_files("crypto", ".json"):
        data = load_json(vectors(name))
        if "testGroups" not in data:
            continue
        group = data["testGroups"][0]
        run = _RUNNERS.get((data.get("algorithm"), group["type"]))
        if run is None:
            continue
        case = [case for case in group["tests"] if case["result"] == "valid"][0]
        if run(group, case, name):
            continue
        case["result"] = "invalid"
        with raises(AssertionError):
            run(group, case, name)
        turned += 1
    if not turned:
        skip("no vectors of Wycheproof")
