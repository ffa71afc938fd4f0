"""CBOR: strict decoding, well-formedness, sequences. Oracles: our encoder, RFC 8949's pseudo-code, cbor2."""

from protocol import cbor
from protocol.errors import Malformed, Misuse
from protocol.limits import MAX_CBOR_DEPTH, MAX_CBOR_LENGTH, MAX_CBOR_SIZE
from tests.fuzz.readers.source import Source

try:
    import cbor2
except ImportError:
    cbor2 = None

TOKENS = (
    b"\xf4", b"\xf5", b"\xf6", b"\xf7", b"\xff", b"\x18\x18", b"\x19\x01\x00", b"\x1a\x00\x01\x00\x00",
    b"\x1b\x00\x00\x00\x01\x00\x00\x00\x00", b"\x1b" + b"\xff" * 8, b"\x3b" + b"\xff" * 8,
    b"\x5b" + b"\xff" * 8, b"\x9b" + b"\xff" * 8, b"\xbb" + b"\xff" * 8, b"\xdb" + b"\xff" * 8, b"\x5f",
    b"\x7f", b"\x9f", b"\xbf", b"\xa1\x00", b"\xa2\x00\x00\x01\x00", b"\x81" * 8, b"\xc1" * 8, b"\xd2\x84",
    b"\xf9\x7e\x00", b"\x62\xc3\xa9", b"\x78\x80", b"\x98\x19", b"\xb8\x18",
)  # fmt: skip


def cbor_decode(data):
    """`cbor.decode`: it takes the one encoding of a value; what it refuses, 4.2.1 does not allow."""
    try:
        value = cbor.decode(data)
    except Malformed:
        if cbor2 is not None:
            _nothing_missed(data)
        return None
    assert cbor.encode(value) == data
    assert cbor.skip(data) == len(data)
    if len(data) < MAX_CBOR_SIZE:
        assert cbor.decode_prefix(b"\0" + data, 1)[1] == len(data) + 1
    if cbor2 is not None and not _holds_tag(value):
        # By their text, since True == 1.
        assert repr(cbor2.loads(data)) == repr(value)
    return data


def cbor_skip(data):
    """`cbor.skip` against the pseudo-code of RFC 8949 appendix C."""
    try:
        expected = _Appendix(data).well_formed(0, False)
    except _NotWellFormed:
        expected = None
    try:
        end = cbor.skip(data)
    except Malformed:
        end = None
    assert end == expected, (end, expected)
    return b"%d" % end if end is not None else None


def cbor_sequence(data):
    """`cbor.decode_sequence`: the first byte is the limit."""
    source = Source(data)
    limit = source.byte() & 15
    rest = source.rest()
    try:
        values = cbor.decode_sequence(rest, limit)
    except Malformed:
        return None
    assert len(values) <= limit
    assert b"".join([cbor.encode(value) for value in values]) == rest
    return b"%d" % len(values)


def cbor_value(data):
    """Any value of the subset is encoded, read back, and read once more with one byte changed."""
    source = Source(data)
    spoil, at, byte = source.byte() & 1, source.word(), source.byte()
    value = draw(source, 0)
    encoded = cbor.encode(value)
    assert cbor.decode(encoded) == value
    cbor_decode(encoded)
    if spoil:
        at %= len(encoded)
        encoded = encoded[:at] + bytes((byte,)) + encoded[at + 1 :]
        cbor_decode(encoded)
        cbor_skip(encoded)
    return encoded


def integer(source):
    """Often at the border of a head's length."""
    kind = source.byte()
    value = (kind & 31, 23, 24, 255, 256, 65535, 65536, (1 << 32) - 1, 1 << 32, (1 << 64) - 1, 0, 7)[
        kind >> 4 & 7
    ]
    if kind & 64 and value < 1 << 63:
        value += source.byte()
    return -1 - value if kind & 128 else value


def draw(source, depth):
    """A value of the subset, never deeper than a decoder takes."""
    kind = source.byte() & 15
    if kind < 5 or (depth >= MAX_CBOR_DEPTH - 1 and kind > 9):
        return integer(source)
    if kind == 5:
        return source.pick((None, True, False))
    if kind < 8:
        return source.short()
    if kind < 10:
        return "".join([source.pick(("a", "z", "\0", "é", "Ш", "€", "𐍈")) for _ in range(source.byte() & 31)])
    if kind < 13:
        return [draw(source, depth + 1) for _ in range(source.byte() & 7)]
    if kind < 15:
        pairs = {}
        for _ in range(source.byte() & 7):
            key = draw(source, MAX_CBOR_DEPTH)
            if key is not None and key is not True and key is not False:
                pairs[key] = draw(source, depth + 1)
        return pairs
    return cbor.Tag(abs(integer(source)) & (1 << 64) - 1, draw(source, depth + 1))


def _holds_tag(value):
    if isinstance(value, cbor.Tag):
        return True
    if isinstance(value, dict):
        return any([_holds_tag(v) for v in value.values()])
    return isinstance(value, list) and any([_holds_tag(v) for v in value])


def _nothing_missed(data):
    """Refused: then cbor2 refuses it too, or our encoder would write it otherwise, or it is too big."""
    try:
        value = cbor2.loads(data)
        again = cbor.encode(value)
    except (Misuse, cbor2.CBORError, RecursionError, ValueError, TypeError, OverflowError):
        return
    assert again != data or not _takes(value, data, 0), "deterministic, within all limits, and refused"


def _takes(value, data, depth):
    if len(data) > MAX_CBOR_SIZE or depth > MAX_CBOR_DEPTH:
        return False
    if isinstance(value, (list, dict)) and len(value) > MAX_CBOR_LENGTH:
        return False
    if isinstance(value, dict):
        keys = all([isinstance(k, (int, bytes, str)) and not isinstance(k, bool) for k in value])
        return (
            keys
            and all([_takes(v, data, depth + 1) for v in value.values()])
            and (not value or depth < MAX_CBOR_DEPTH)
        )
    if isinstance(value, list):
        return all([_takes(v, data, depth + 1) for v in value])
    return True


class _NotWellFormed(Exception):
    pass


class _Appendix:
    """RFC 8949 appendix C, with our limit of depth. Raises _NotWellFormed."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, n):
        if n > len(self.data) - self.at:
            raise _NotWellFormed
        piece = self.data[self.at : self.at + n]
        self.at += n
        return piece

    def well_formed(self, depth, breakable):
        """Where the item ends; -1 for a break."""
        if depth > MAX_CBOR_DEPTH or len(self.data) > MAX_CBOR_SIZE:
            raise _NotWellFormed
        first = self.take(1)[0]
        major, value = first >> 5, first & 31
        if value == 31:
            return self._indefinite(major, depth, breakable)
        if value > 27:
            raise _NotWellFormed
        if value > 23:
            value = int.from_bytes(self.take(1 << (value - 24)), "big")
        if major in (2, 3):
            self.take(value)
        elif major in (4, 5):
            for _ in range(value * (major - 3)):
                self.well_formed(depth + 1, False)
        elif major == 6:
            self.well_formed(depth + 1, False)
        elif major == 7 and first == 0xF8 and value < 32:
            raise _NotWellFormed
        return self.at

    def _indefinite(self, major, depth, breakable):
        if major in (2, 3):
            while True:
                start = self.at
                if self.well_formed(depth + 1, True) == -1:
                    return self.at
                if self.data[start] >> 5 != major or self.data[start] & 31 == 31:
                    raise _NotWellFormed
        elif major in (4, 5):
            while self.well_formed(depth + 1, True) != -1:
                if major == 5:
                    self.well_formed(depth + 1, False)
            return self.at
        elif major == 7 and breakable:
            return -1
        raise _NotWellFormed
