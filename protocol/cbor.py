"""Deterministic CBOR: the subset of RFC 8949 that Patrola speaks, encoded as 4.2.1 says.

Values: int (64 bits and sign), bytes, str, list, dict, bool, None, Tag. No floats, no indefinite
lengths, no undefined, no other simple values: whoever sends these is Malformed. Map keys are
integers, byte strings or text; so no two keys that CBOR tells apart (1 and true) meet in one dict.
"""

from protocol.compat import const
from protocol.errors import Malformed, Misuse
from protocol.limits import MAX_CBOR_DEPTH, MAX_CBOR_LENGTH, MAX_CBOR_SIZE
from protocol.utf8 import is_utf8

_UINT = const(0)
_NINT = const(1)
_BYTES = const(2)
_TEXT = const(3)
_ARRAY = const(4)
_MAP = const(5)
_TAG = const(6)
_FALSE = const(0xF4)
_TRUE = const(0xF5)
_NULL = const(0xF6)


class Tag:
    """A tagged value (RFC 8949 3.4). No tag is interpreted here."""

    __slots__ = ("number", "value")

    def __init__(self, number: int, value: object) -> None:
        self.number = number
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tag) and self.number == other.number and self.value == other.value

    def __hash__(self) -> int:
        return self.number

    def __repr__(self) -> str:
        return "Tag(%d, %r)" % (self.number, self.value)


def encode(value: object) -> bytes:
    """One item, 4.2.1. Raises Misuse on a type, integer or depth outside the subset."""
    out = bytearray()
    _write(out, value, 0)
    return bytes(out)


def encode_head(major: int, n: int) -> bytes:
    """Major type 0-7 with its argument in the shortest form."""
    out = bytearray()
    _write_head(out, major, n)
    return bytes(out)


def decode(data: bytes) -> object:
    """The one item that `data` holds, whole. Raises Malformed, also where 4.2.1 has another encoding."""
    value, end = decode_prefix(data)
    if end != len(data):
        raise Malformed("cbor: %d bytes after the item" % (len(data) - end))
    return value


def decode_prefix(data: bytes, offset: int = 0) -> tuple[object, int]:
    """(value, offset behind it) of the item that starts at `offset`."""
    reader = _Reader(data, offset)
    value = reader.item(0)
    return value, reader.at


def decode_sequence(data: bytes, limit: int) -> list[object]:
    """All items of a CBOR sequence (RFC 8742); Malformed if there are more than `limit`."""
    reader = _Reader(data, 0)
    values: list[object] = []
    while reader.at < len(data):
        if len(values) == limit:
            raise Malformed("cbor sequence: more than %d items" % limit)
        values.append(reader.item(0))
    return values


def skip(data: bytes, offset: int = 0) -> int:
    """Offset behind the item at `offset`, which need only be well-formed (RFC 8949 appendix C): floats,
    simple values and indefinite lengths pass. Text is not checked. Raises Malformed."""
    reader = _Reader(data, offset)
    reader.skip(0, False)
    return reader.at


def _write_head(out: bytearray, major: int, n: int) -> None:
    major <<= 5
    if n < 0:
        raise Misuse("cbor head: %d" % n)
    if n < 24:
        out.append(major | n)
    elif n < 0x100:
        out.append(major | 24)
        out.append(n)
    elif n < 0x10000:
        out.append(major | 25)
        out += n.to_bytes(2, "big")
    elif n >> 32 == 0:
        out.append(major | 26)
        out += n.to_bytes(4, "big")
    elif n >> 64 == 0:
        out.append(major | 27)
        out += n.to_bytes(8, "big")
    else:
        raise Misuse("cbor integer beyond 64 bits: %d" % n)


def _write(out: bytearray, value: object, depth: int) -> None:
    if depth > MAX_CBOR_DEPTH:
        raise Misuse("cbor depth: more than %d" % MAX_CBOR_DEPTH)
    # bool before int: it is one on CPython and is not on MicroPython.
    if value is None:
        out.append(_NULL)
    elif value is True or value is False:
        out.append(_TRUE if value else _FALSE)
    elif isinstance(value, int):
        if value < 0:
            _write_head(out, _NINT, -1 - value)
        else:
            _write_head(out, _UINT, value)
    elif isinstance(value, (bytes, bytearray, memoryview)):
        _write_head(out, _BYTES, len(value))
        out += value
    elif isinstance(value, str):
        text = value.encode()
        _write_head(out, _TEXT, len(text))
        out += text
    elif isinstance(value, Tag):
        _write_head(out, _TAG, value.number)
        _write(out, value.value, depth + 1)
    else:
        _write_many(out, value, depth)


def _write_many(out: bytearray, value: object, depth: int) -> None:
    # So many local variables take heap in each call, and most items are no containers.
    if isinstance(value, (list, tuple)):
        _write_head(out, _ARRAY, len(value))
        for item in value:
            _write(out, item, depth + 1)
    elif isinstance(value, dict):
        pairs = []
        for key in value:
            encoded = bytearray()
            _write(encoded, key, depth + 1)
            pairs.append((bytes(encoded), key))
        pairs.sort(key=_encoded_key)
        _write_head(out, _MAP, len(pairs))
        for encoded_key, key in pairs:
            out += encoded_key
            _write(out, value[key], depth + 1)
    else:
        raise Misuse("cbor cannot carry %r" % (value,))


def _encoded_key(pair: tuple[bytes, object]) -> bytes:
    return pair[0]


class _Reader:
    """A place in the bytes. Attributes instead of returned pairs: fewer allocations on the chip."""

    def __init__(self, data: bytes, offset: int) -> None:
        if len(data) > MAX_CBOR_SIZE:
            raise Malformed("cbor: %d bytes, at most %d" % (len(data), MAX_CBOR_SIZE))
        if not 0 <= offset <= len(data):
            raise Misuse("cbor offset: %d of %d" % (offset, len(data)))
        self.data = data
        self.at = offset
        self.size = len(data)

    def take(self, n: int) -> int:
        """Where the next n bytes start; moves behind them."""
        start = self.at
        # In this order: n comes from the peer and may be near 2^64.
        if n > self.size - start:
            raise Malformed("cbor: ends inside an item at %d" % start)
        self.at = start + n
        return start

    def argument(self, info: int, shortest: bool) -> int:
        """The argument of a head whose low five bits are `info` (0-27)."""
        if info < 24:
            return info
        n = 1 << (info - 24)
        start = self.take(n)
        value = int.from_bytes(self.data[start : start + n], "big")
        if shortest and (value < 24 if n == 1 else value >> (4 * n) == 0):
            raise Malformed("cbor: integer not in its shortest form at %d" % (start - 1))
        return value

    def item(self, depth: int) -> object:
        if depth > MAX_CBOR_DEPTH:
            raise Malformed("cbor: deeper than %d at %d" % (MAX_CBOR_DEPTH, self.at))
        first = self.data[self.take(1)]
        major = first >> 5
        if major == 7:
            return self.simple(first)
        info = first & 31
        if info > 27:
            raise Malformed("cbor: head 0x%02x at %d" % (first, self.at - 1))
        n = self.argument(info, True)
        if major == _UINT:
            return n
        if major == _NINT:
            return -1 - n
        if major == _BYTES:
            start = self.take(n)
            return bytes(self.data[start : self.at])
        if major == _TEXT:
            start = self.take(n)
            text = bytes(self.data[start : self.at])
            if not is_utf8(text):
                raise Malformed("cbor: text is not UTF-8 at %d" % start)
            return text.decode()
        if major == _TAG:
            return Tag(n, self.item(depth + 1))
        if n > MAX_CBOR_LENGTH:
            raise Malformed("cbor: %d elements, at most %d, at %d" % (n, MAX_CBOR_LENGTH, self.at))
        if major == _ARRAY:
            values = []
            for _ in range(n):
                values.append(self.item(depth + 1))
            return values
        return self.map(n, depth)

    def map(self, n: int, depth: int) -> dict[object, object]:
        pairs: dict[object, object] = {}
        previous = b""
        for _ in range(n):
            start = self.at
            key = self.item(depth + 1)
            if key is True or key is False or not isinstance(key, (int, bytes, str)):
                raise Malformed("cbor: map key neither integer nor string at %d" % start)
            encoded = bytes(self.data[start : self.at])
            # Strictly ascending bytes: the order of 4.2.1, and no key twice.
            if encoded <= previous:
                raise Malformed("cbor: map keys out of order or repeated at %d" % start)
            previous = encoded
            pairs[key] = self.item(depth + 1)
        return pairs

    def simple(self, first: int) -> object:
        if first == _FALSE:
            return False
        if first == _TRUE:
            return True
        if first == _NULL:
            return None
        raise Malformed("cbor: float or simple value 0x%02x at %d" % (first, self.at - 1))

    def skip(self, depth: int, breakable: bool) -> bool:
        """Step over one item; True if it was the break that `breakable` allows."""
        if depth > MAX_CBOR_DEPTH:
            raise Malformed("cbor: deeper than %d at %d" % (MAX_CBOR_DEPTH, self.at))
        first = self.data[self.take(1)]
        major = first >> 5
        info = first & 31
        if info == 31:
            return self.skip_indefinite(major, depth, breakable)
        if info > 27:
            raise Malformed("cbor: head 0x%02x at %d" % (first, self.at - 1))
        n = self.argument(info, False)
        if major == 7:
            if info == 24 and n < 32:
                raise Malformed("cbor: simple value %d in two bytes at %d" % (n, self.at - 2))
        elif major == _BYTES or major == _TEXT:
            self.take(n)
        elif major >= _ARRAY:
            if major == _TAG:
                n = 1
            elif n > self.size:
                raise Malformed("cbor: ends inside an item at %d" % self.at)
            elif major == _MAP:
                n *= 2
            for _ in range(n):
                self.skip(depth + 1, False)
        return False

    def skip_indefinite(self, major: int, depth: int, breakable: bool) -> bool:
        if major == 7 and breakable:
            return True
        if major in (_UINT, _NINT, _TAG, 7):
            raise Malformed("cbor: break or head without a length at %d" % (self.at - 1))
        while True:
            if major == _BYTES or major == _TEXT:
                # Chunks are definite strings of the same type.
                chunk = self.data[self.at] if self.at < self.size else 0
                if chunk != 0xFF and (chunk >> 5 != major or chunk & 31 == 31):
                    raise Malformed("cbor: chunk 0x%02x of another type at %d" % (chunk, self.at))
            if self.skip(depth + 1, True):
                return False
            if major == _MAP:
                self.skip(depth + 1, False)
