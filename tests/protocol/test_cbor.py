# runs on: both
"""Deterministic CBOR, each refusal on its own; RFC 8949's own values stand in tests/vectors."""

from binascii import unhexlify

from protocol import cbor
from protocol.errors import Malformed, Misuse
from protocol.limits import MAX_CBOR_DEPTH, MAX_CBOR_LENGTH, MAX_CBOR_SIZE
from tests.portable import raises


def check_refused(hexadecimal, text):
    with raises(Malformed) as caught:
        cbor.decode(unhexlify(hexadecimal))
    assert text in str(caught.value), (hexadecimal, caught.value)


def test_order_and_repeats_are_refused():
    check_refused("a2020101f6", "out of order")
    check_refused("a201f601f6", "repeated")
    check_refused("a2200001f6", "out of order")
    assert cbor.decode(unhexlify("a201f620f4")) == {1: None, -1: False}


def test_keys_that_python_would_confuse_are_refused():
    check_refused("a201f6f5f6", "map key")  # {1: null, true: null}
    check_refused("a1f6f6", "map key")
    check_refused("a18001", "map key")
    check_refused("a1c10001", "map key")


def test_long_forms_are_refused():
    for data in "1800 1817 190000 1900ff 1a0000ffff 1b00000000ffffffff 3817 5800 980101".split():
        check_refused(data, "shortest")
    for data in ("1818", "190100", "1a00010000", "1b0000000100000000"):
        cbor.decode(unhexlify(data))


def test_left_over_bytes_are_refused():
    check_refused("0000", "after the item")
    check_refused("", "ends inside")
    assert cbor.decode_prefix(b"\x01\x02\x03", 1) == (2, 2)


def test_limits_hold():
    deep = b"\x81" * MAX_CBOR_DEPTH + b"\x00"
    cbor.decode(deep)
    assert cbor.skip(deep) == len(deep)
    with raises(Malformed):
        cbor.decode(b"\x81" + deep)
    with raises(Malformed):
        cbor.skip(b"\x81" + deep)
    value = []
    for _ in range(MAX_CBOR_DEPTH):
        value = [value]
    cbor.encode(value)
    with raises(Misuse):
        cbor.encode([value])
    cbor.decode(cbor.encode([0] * MAX_CBOR_LENGTH))
    with raises(Malformed):
        cbor.decode(cbor.encode([0] * (MAX_CBOR_LENGTH + 1)))
    with raises(Malformed):
        cbor.decode(cbor.encode(bytes(MAX_CBOR_SIZE)))


def test_promised_lengths_cost_nothing():
    """A head that promises 2^64 elements is refused before anything is made of it."""
    for head in ("5bffffffffffffffff", "7bffffffffffffffff", "9bffffffffffffffff", "bbffffffffffffffff"):
        with raises(Malformed):
            cbor.decode(unhexlify(head))
        with raises(Malformed):
            cbor.skip(unhexlify(head))


def test_text_must_be_utf8():
    for bad in "61ff 6180 62c080 62c1bf 63e08080 63eda080 64f08080af 64f4908080 62c3c3 61c3".split():
        check_refused(bad, "UTF-8")
    for good in ("62c280", "63e0a080", "63ed9fbf", "63ee8080", "64f0908080", "64f48fbfbf"):
        assert cbor.encode(cbor.decode(unhexlify(good))) == unhexlify(good)


def test_integers_keep_all_64_bits():
    for power in (30, 31, 32, 63, 64):
        for value in (2**power - 1, 2 ** (power - 1), -(2**power), 1 - 2**power):
            assert cbor.decode(cbor.encode(value)) == value
    with raises(Misuse):
        cbor.encode(2**64)
    with raises(Misuse):
        cbor.encode(-(2**64) - 1)


def test_booleans_stay_booleans():
    assert cbor.encode([True, False, None, 1, 0]) == unhexlify("85f5f4f60100")
    assert cbor.decode(b"\xf5") is True and cbor.decode(b"\xf4") is False


def test_bytes_like_values():
    assert cbor.encode(bytearray(b"ab")) == cbor.encode(memoryview(b"ab")) == b"\x42ab"
    assert cbor.decode(memoryview(b"\x42ab")) == b"ab"
    assert cbor.decode(bytearray(b"\x62ab")) == "ab"


def test_what_cannot_be_carried_is_our_own_mistake():
    for value in (1.5, object(), {1: 1.5}, [set()]):
        with raises(Misuse):
            cbor.encode(value)


def test_sequences_are_counted():
    assert cbor.decode_sequence(b"\x01\x02\x03", 3) == [1, 2, 3]
    assert cbor.decode_sequence(b"", 3) == []
    with raises(Malformed):
        cbor.decode_sequence(b"\x01\x02\x03", 2)
    with raises(Malformed):
        cbor.decode_sequence(b"\x01\x42a", 3)


def test_heads_alone():
    assert cbor.encode_head(2, 64) == b"\x58\x40"
    assert cbor.encode_head(4, 4) == b"\x84"
    with raises(Misuse):
        cbor.encode_head(0, -1)
