# runs on: both
"""CBOR against the vectors of RFC 8949, and more files of their shapes."""

from binascii import a2b_base64, unhexlify

from protocol import cbor
from protocol.cbor import Tag
from protocol.errors import Malformed
from tests.portable import Tally, load_json, raises, skip, vector_files, vectors
from tests.vectors.notation import diagnostic

# RFC 7049 had it as simple(24); RFC 8949 3.3 calls it not well-formed.
_NOT_WELL_FORMED_NOW = ("f818",)
# In diagnostic notation: floats, undefined, other simple values, indefinite lengths. Our subset has none.
_OUTSIDE = ("Infinity", "NaN", "undefined", "simple(", "(_", "[_", "{_", ".5)")


def shaped(wanted):
    """(name, content) of the files of one shape."""
    found = []
    for name in vector_files("cbor", ".json"):
        data = load_json(vectors(name))
        shape = "items" if isinstance(data, list) else "refused" if "cases" in data else "order"
        if shape == wanted:
            found.append((name, data))
    if not found:
        skip("no vectors of CBOR, shape: " + wanted)
    return found


def has_float(value):
    if isinstance(value, list):
        return any([has_float(item) for item in value])
    if isinstance(value, dict):
        return any([has_float(item) for item in value.values()])
    return isinstance(value, float)


def as_json(value):
    """What a JSON file can say of it: a bignum is a number there."""
    if isinstance(value, Tag) and value.number in (2, 3):
        number = int.from_bytes(value.value, "big")
        return number if value.number == 2 else -1 - number
    return value


def test_each_item_is_read_as_it_is_meant():
    """Within the subset to its value and back to the same bytes; beyond it refused, and stepped over."""
    for name, cases in shaped("items"):
        with Tally(name) as tally:
            for case in cases:
                data = unhexlify(case["hex"])
                where = (name, case["hex"])
                assert a2b_base64(case.get("cbor", "")) in (data, b""), where
                meant = case.get("diagnostic", "")
                if case["hex"] in _NOT_WELL_FORMED_NOW:
                    for reader in (cbor.skip, cbor.decode):
                        with raises(Malformed):
                            reader(data)
                    tally.ran += 1
                    continue
                assert cbor.skip(data) == len(data), where
                assert cbor.skip(b"\x00" + data + b"\x00", 1) == len(data) + 1, where
                outside = has_float(case.get("decoded")) or [mark for mark in _OUTSIDE if mark in meant]
                if outside or not case["roundtrip"]:
                    with raises(Malformed):
                        cbor.decode(data)
                else:
                    value = cbor.decode(data)
                    if "decoded" in case:
                        assert as_json(value) == case["decoded"], where
                        assert isinstance(value, bool) == isinstance(case["decoded"], bool), where
                    else:
                        assert diagnostic(value) == meant, where
                    assert cbor.encode(value) == data, where
                tally.ran += 1


def test_what_is_not_well_formed_is_refused():
    for name, data in shaped("refused"):
        with Tally(name) as tally:
            for case in data["cases"]:
                item = unhexlify(case["hex"])
                with raises(Malformed):
                    cbor.decode(item)
                with raises(Malformed):
                    if cbor.skip(item) != len(item):  # the item is fine, the input is not
                        raise Malformed("left over")
                tally.ran += 1


def test_keys_go_by_bytes_not_by_length():
    for name, data in shaped("order"):
        with Tally(name) as tally:
            for key in data:
                if not key.startswith("map_key_order"):
                    continue
                order = [unhexlify(item) for item in data[key]]
                head = cbor.encode_head(5, len(order))
                # Arrays and booleans as keys are for the encoder alone; the reader refuses them.
                plain = [item for item in order if item[0] >> 5 < 4]
                wire = cbor.encode_head(5, len(plain)) + b"".join([item + b"\x00" for item in plain])
                if key.endswith("4_2_1"):
                    keys = [cbor.decode(item) for item in order]
                    keys = [tuple(item) if isinstance(item, list) else item for item in keys]
                    made = cbor.encode(dict([(item, 0) for item in keys]))
                    assert made == head + b"".join([item + b"\x00" for item in order])
                    assert sorted(order) == order and len(cbor.decode(wire)) == len(plain)
                else:
                    with raises(Malformed) as caught:
                        cbor.decode(wire)
                    assert "out of order" in str(caught.value)
                tally.ran += 1
