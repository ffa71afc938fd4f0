# runs on: both
"""OSCORE: every value of RFC 8613 appendix C, and contexts as aiocoap's plug tests have them."""

from binascii import hexlify, unhexlify

from protocol import cbor, coap, cose, oscore
from protocol.coap import Message
from protocol.errors import Malformed
from protocol.oscore import Context
from tests.portable import Tally, load_json, raises, skip, vector_files, vectors
from tests.vectors import ours

# What a case may hold; an unknown field would be one that nobody compares.
_DERIVED = ("sender_key", "recipient_key", "common_iv", "sender_nonce", "recipient_nonce")
_INFO = ("info_sender_key", "info_recipient_key", "info_common_iv")
_GIVEN = ("section", "title", "master_secret", "master_salt", "sender_id", "recipient_id", "id_context")
_MESSAGE = (
    "unprotected_coap_request protected_coap_request unprotected_coap_response protected_coap_response "
    "partial_iv kid kid_context aad_array aad plaintext encryption_key nonce oscore_option_value ciphertext "
    "sender_sequence_number aead_algorithm"
).split()


class Watched:
    """An AEAD that keeps what it was given."""

    def __init__(self, aead):
        self.aead = aead
        self.seen = {}

    def seal(self, key, nonce, aad, plaintext):
        sealed = self.aead.seal(key, nonce, aad, plaintext)
        self._keep(key, nonce, aad, plaintext, sealed)
        return sealed

    def open(self, key, nonce, aad, ciphertext):
        plaintext = self.aead.open(key, nonce, aad, ciphertext)
        self._keep(key, nonce, aad, plaintext, ciphertext)
        return plaintext

    def _keep(self, *values):
        names = ("encryption_key", "nonce", "aad", "plaintext", "ciphertext")
        self.seen = dict([(names[i], hexlify(values[i]).decode()) for i in range(5)])
        # RFC 8613 5.4: the array stands in the Enc_structure as a byte string.
        self.seen["aad_array"] = hexlify(cbor.decode(values[2])[2]).decode()


def given(case, name):
    return unhexlify(case[name]) if name in case else None


def context_of(case, aead, sequence=0):
    ids = (given(case, "sender_id"), given(case, "recipient_id"))
    return Context(
        given(case, "master_secret"),
        given(case, "master_salt") or b"",
        ids[0],
        ids[1],
        aead,
        given(case, "id_context"),
        sequence=sequence,
    )


def infos(case, aead):
    """The info of each HKDF expansion that makes the context."""
    seen = []
    expand = oscore.hkdf_expand

    def watched(prk, info, n):
        seen.append(hexlify(info).decode())
        return expand(prk, info, n)

    oscore.hkdf_expand = watched
    try:
        context_of(case, aead)
    finally:
        oscore.hkdf_expand = expand
    return seen


def derivation(case, aead):
    for field in case:
        assert field in _GIVEN + _DERIVED + _INFO, field
    assert infos(case, aead) == [case[field] for field in _INFO], case["section"]
    context = context_of(case, aead)
    for field in ("sender_key", "recipient_key", "common_iv"):
        assert hexlify(getattr(context, field)).decode() == case[field], case["section"]
    # The nonces are those of Partial IV 0: take them from the first message in each direction.
    mine, theirs = Watched(aead), Watched(aead)
    outer, _ = context_of(case, mine).protect_request(Message(coap.CON, coap.GET))
    assert mine.seen["nonce"] == case["sender_nonce"], case["section"]
    turned = dict(case)
    turned["sender_id"], turned["recipient_id"] = case["recipient_id"], case["sender_id"]
    outer, _ = context_of(turned, aead).protect_request(Message(coap.CON, coap.GET))
    context_of(case, theirs).unprotect_request(outer)
    assert theirs.seen["nonce"] == case["recipient_nonce"], case["section"]


def compare(case, watched, context, protected, plain, kind):
    for field in case:
        assert field in tuple(_MESSAGE) + (
            "section",
            "title",
            "common_iv",
            "sender_id",
            "sender_key",
            "id_context",
        )
    where = case["section"]
    for field in ("encryption_key", "nonce", "aad", "aad_array", "plaintext", "ciphertext"):
        assert watched.seen[field] == case[field], (where, field)
    for field in ("common_iv", "sender_id", "sender_key"):
        assert hexlify(getattr(context, field)).decode() == case[field], (where, field)
    assert context.id_context == given(case, "id_context"), where
    assert case["aead_algorithm"] == cose.AES_CCM_16_64_128
    assert hexlify(protected.encode()).decode() == case["protected_coap_" + kind], where
    assert hexlify(protected.option(coap.OSCORE)).decode() == case["oscore_option_value"], where
    kid, kid_context, piv = oscore.peek(protected)
    assert (kid, kid_context, piv) == (
        given(case, "kid"),
        given(case, "kid_context"),
        given(case, "partial_iv"),
    )
    assert plain == coap.decode(unhexlify(case["unprotected_coap_" + kind])), where


def derived_like(cases, case):
    """The derivation whose sender is the one of this message: the file names it by its values alone."""
    for found in cases:
        if "recipient_id" in found and found["sender_key"] == case["sender_key"]:
            if found["common_iv"] == case["common_iv"]:
                return found
    raise AssertionError("no derivation for " + case["section"])


def other_end(cases, found):
    for peer in cases:
        if "recipient_id" in peer and peer["recipient_key"] == found["sender_key"]:
            if peer["sender_key"] == found["recipient_key"]:
                return peer
    raise AssertionError("no other end for " + found["section"])


def request(cases, case, aead):
    watched = Watched(aead)
    client = derived_like(cases, case)
    context = context_of(client, watched, case["sender_sequence_number"])
    plain = coap.decode(unhexlify(case["unprotected_coap_request"]))
    protected, _ = context.protect_request(plain)
    assert context.sequence == case["sender_sequence_number"] + 1
    read, _ = context_of(other_end(cases, client), aead).unprotect_request(coap.decode(protected.encode()))
    compare(case, watched, context, protected, read, "request")


def response(cases, case, aead):
    """The answer to the request of the same token; with a Partial IV of its own where the case has one."""
    watched = Watched(aead)
    server = derived_like(cases, case)
    plain = coap.decode(unhexlify(case["unprotected_coap_response"]))
    asked = [
        other
        for other in cases
        if "protected_coap_request" in other
        and coap.decode(unhexlify(other["protected_coap_request"])).token == plain.token
    ][0]
    client = context_of(other_end(cases, server), aead, asked["sender_sequence_number"])
    outer, mine = client.protect_request(coap.decode(unhexlify(asked["unprotected_coap_request"])))
    context = context_of(server, watched, case["sender_sequence_number"])
    _, theirs = context.unprotect_request(outer)
    protected = context.protect_response(plain, theirs, "partial_iv" in case)
    read = client.unprotect_response(coap.decode(protected.encode()), mine)
    compare(case, watched, context, protected, read, "response")


def test_appendix_c():
    count = 0
    for name in vector_files("oscore", ".json"):
        data = load_json(vectors(name))
        if "cases" not in data:
            continue
        count += 1
        cases = data["cases"]
        with Tally(name) as tally:
            for case in cases:
                for aead in ours.ccms(8, 13):
                    if "recipient_id" in case:
                        derivation(case, aead)
                    elif "protected_coap_request" in case:
                        request(cases, case, aead)
                    else:
                        response(cases, case, aead)
                tally.ran += 1
    if not count:
        skip("no vectors of OSCORE")


def plug_tests():
    """name -> context of aiocoap's files, `a.settings.json` and `a.secret.json`, in the shape of a case."""
    found = {}
    for path in vector_files("oscore", ".settings.json"):
        base = path[: -len(".settings.json")]
        settings = load_json(vectors(path))
        secret = load_json(vectors(base + ".secret.json"))
        found[base] = {
            "section": base,
            "algorithm": settings["algorithm"],
            "master_secret": secret["secret_hex"],
            "master_salt": secret.get("salt_hex", ""),
            "sender_id": settings["sender-id_hex"],
            "recipient_id": settings["recipient-id_hex"],
        }
        if "id-context_hex" in settings:
            found[base]["id_context"] = settings["id-context_hex"]
    if not found:
        skip("no contexts of plug tests")
    return found


def are_ends(one, other):
    same = ("algorithm", "master_secret", "master_salt", "id_context")
    ids = one["sender_id"] == other["recipient_id"] and one["recipient_id"] == other["sender_id"]
    return ids and not [field for field in same if one.get(field) != other.get(field)]


def test_plug_test_contexts_speak_with_their_other_end_and_nobody_else():
    found = plug_tests()
    for base in sorted(found):
        mine = found[base]
        with Tally(base + ".settings.json") as settings, Tally(base + ".secret.json") as secret:
            if mine["algorithm"] != "AES-CCM-16-64-128":
                settings.leave_out(mine["algorithm"] + ": ours is AES-CCM-16-64-128")
                secret.leave_out("belongs to a context that is not ours")
                continue
            turned = dict(mine)  # where no file has it, the other end is made from this one
            turned["sender_id"], turned["recipient_id"] = mine["recipient_id"], mine["sender_id"]
            spoken = 0
            for theirs in list(found.values()) + [turned]:
                if theirs is mine:
                    continue
                for aead in ours.ccms(8, 13):
                    ask = Message(coap.CON, coap.GET, 1, b"t", [(coap.URI_PATH, b"oscore")])
                    outer, asked = context_of(mine, aead).protect_request(ask)
                    server = context_of(theirs, aead)
                    if are_ends(mine, theirs):
                        inner, binding = server.unprotect_request(coap.decode(outer.encode()))
                        assert inner == ask
                        reply = Message(coap.ACK, coap.CONTENT, 1, b"t", (), b"Hello World!")
                        outer = server.protect_response(reply, binding)
                        read = context_of(mine, aead).unprotect_response(coap.decode(outer.encode()), asked)
                        assert read == reply
                        spoken += 1
                    else:
                        with raises(Malformed):  # Unauthentic is one of these
                            server.unprotect_request(outer)
            assert spoken >= 1, base
            settings.ran += 1
            secret.ran += 1
