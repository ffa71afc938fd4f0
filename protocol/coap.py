"""CoAP messages, RFC 7252 chapter 3: bytes to `Message` and back, and nothing else.

The decoder is strict. Everything the RFC calls a message format error is refused here, so that what lies
behind never meets a half-valid message: token lengths 9 to 15, a payload marker with nothing after it, an
Empty message that isn't empty, a Reset or an acknowledgement that carries a request, an option number beyond
65535.
"""

from protocol.compat import Any, const
from protocol.errors import Malformed, Misuse
from protocol.utf8 import is_utf8

# Only the numbers somebody here uses: each name costs a terminal some thirty bytes of heap.
CON = const(0)
NON = const(1)
ACK = const(2)
RST = const(3)

EMPTY = const(0x00)
GET = const(0x01)
POST = const(0x02)
PUT = const(0x03)
FETCH = const(0x05)
CHANGED = const(0x44)
CONTENT = const(0x45)
BAD_REQUEST = const(0x80)
UNAUTHORIZED = const(0x81)
BAD_OPTION = const(0x82)
FORBIDDEN = const(0x83)
NOT_FOUND = const(0x84)
METHOD_NOT_ALLOWED = const(0x85)
NOT_ACCEPTABLE = const(0x86)
TOO_LARGE = const(0x8D)
INTERNAL_ERROR = const(0xA0)
SERVICE_UNAVAILABLE = const(0xA3)

IF_MATCH = const(1)
URI_HOST = const(3)
OBSERVE = const(6)
URI_PORT = const(7)
OSCORE = const(9)
URI_PATH = const(11)
CONTENT_FORMAT = const(12)
MAX_AGE = const(14)
URI_QUERY = const(15)
ACCEPT = const(17)
PROXY_URI = const(35)
PROXY_SCHEME = const(39)

_MAX_TOKEN = const(8)
_MAX_OPTION = const(65535)
# An option costs one byte on the air and some forty on a terminal's heap: a datagram of empty options
# must not be able to fill it. No message of ours has more than ten.
_MAX_OPTIONS = const(64)


class Message:
    """One CoAP message. `options` is a list of (number, bytes), ascending; equal numbers keep their order."""

    def __init__(
        self,
        type: int,
        code: int,
        message_id: int = 0,
        token: bytes = b"",
        options: Any = (),
        payload: bytes = b"",
    ):
        self.type = type
        self.code = code
        self.message_id = message_id
        self.token = token
        self.options = _ascending(options)
        self.payload = payload

    def __repr__(self) -> str:
        return "Message(%s %s mid=%d token=%s options=%r payload=%d bytes)" % (
            ("CON", "NON", "ACK", "RST")[self.type & 3],
            code_text(self.code),
            self.message_id,
            repr(bytes(self.token)),
            self.options,
            len(self.payload),
        )

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Message)
            and self.type == other.type
            and self.code == other.code
            and self.message_id == other.message_id
            and self.token == other.token
            and self.options == other.options
            and self.payload == other.payload
        )

    def option(self, number: int) -> bytes | None:
        """Value of the first option with this number, or None."""
        for n, value in self.options:
            if n == number:
                return value
        return None

    def uint(self, number: int) -> int | None:
        """The option as an unsigned integer of at most 4 bytes (RFC 7252 3.2), or None when it is absent."""
        value = self.option(number)
        if value is None:
            return None
        if len(value) > 4:
            raise Malformed("coap option %d: integer of %d bytes" % (number, len(value)))
        return int.from_bytes(value, "big")

    def path(self) -> str:
        """Uri-Path as "/a/b"; "/" when there is none. Raises Malformed when a segment is not UTF-8."""
        segments = [value for n, value in self.options if n == URI_PATH]
        for value in segments:
            if not is_utf8(value):
                raise Malformed("coap Uri-Path: not UTF-8")
        return "/" + "/".join([str(value, "utf-8") for value in segments])

    def unknown_critical(self, known: tuple[int, ...]) -> int | None:
        """The first critical option (odd number, RFC 7252 5.4.1) that is not in `known`, or None."""
        for n, _ in self.options:
            if n & 1 and n not in known:
                return n
        return None

    def is_request(self) -> bool:
        return 0 < self.code < 0x20

    def is_response(self) -> bool:
        return self.code >= 0x40

    def encode(self) -> bytes:
        """Raises Misuse for a message that no strict decoder would take."""
        if not 0 <= self.type <= RST:
            raise Misuse("coap type: %r" % self.type)
        if not 0 <= self.message_id <= 0xFFFF:
            raise Misuse("coap message id: %r" % self.message_id)
        if len(self.token) > _MAX_TOKEN:
            raise Misuse("coap token: %d bytes" % len(self.token))
        if not 0 <= self.code <= 0xFF:
            raise Misuse("coap code: %r" % self.code)
        wrong = _wrong_form(self.type, self.code, len(self.token) + len(self.options) + len(self.payload))
        if wrong is not None:
            raise Misuse("coap " + wrong)
        out = bytearray(4)
        out[0] = 0x40 | self.type << 4 | len(self.token)
        out[1] = self.code
        out[2] = self.message_id >> 8
        out[3] = self.message_id & 0xFF
        out.extend(self.token)
        out.extend(encode_options(self.options))
        if self.payload:
            out.append(0xFF)
            out.extend(self.payload)
        return bytes(out)


def _ascending(options: Any) -> list[tuple[int, bytes]]:
    # MicroPython's sort is not stable, and the order of equal numbers (path segments) means something.
    out: list[tuple[int, bytes]] = list(options)
    for i in range(1, len(out)):
        item = out[i]
        j = i
        while j and out[j - 1][0] > item[0]:
            out[j] = out[j - 1]
            j -= 1
        out[j] = item
    return out


def _wrong_form(type: int, code: int, rest: int) -> str | None:
    """Rules of RFC 7252 4.1 to 4.3 that tie type, code and contents together."""
    if code == EMPTY:
        if rest:
            return "empty message: %d bytes after the header" % rest
        if type == NON:
            return "empty message: non-confirmable"
        return None
    if type == RST:
        return "reset: code %s" % code_text(code)
    if code >> 5 in (1, 6, 7):
        return "code: reserved class in %s" % code_text(code)
    if type == ACK and code < 0x20:
        return "acknowledgement: carries a request, %s" % code_text(code)
    return None


def code_text(code: int) -> str:
    """0x44 -> "2.04"."""
    return "%d.%02d" % (code >> 5, code & 0x1F)


def uint_option(value: int) -> bytes:
    """Shortest form of an unsigned integer, RFC 7252 3.2: zero is the empty string."""
    if not 0 <= value <= 0xFFFFFFFF:
        raise Misuse("coap uint option: %r" % value)
    return value.to_bytes(4, "big").lstrip(b"\0")


def _nibble(value: int) -> int:
    return value if value < 13 else 13 if value < 269 else 14


def _extended(out: bytearray, value: int) -> None:
    if value >= 269:
        out.append((value - 269) >> 8)
        out.append((value - 269) & 0xFF)
    elif value >= 13:
        out.append(value - 13)


def encode_options(options: list[tuple[int, bytes]]) -> bytes:
    """Ascending options in the form of RFC 7252 3.1; also used for the inner options of OSCORE."""
    out = bytearray()
    previous = 0
    for number, value in options:
        if not previous <= number <= _MAX_OPTION:
            raise Misuse("coap option: number %r after %d" % (number, previous))
        delta, length = number - previous, len(value)
        if length > 65535 + 269:
            raise Misuse("coap option %d: %d bytes" % (number, length))
        out.append(_nibble(delta) << 4 | _nibble(length))
        _extended(out, delta)
        _extended(out, length)
        out.extend(value)
        previous = number
    return bytes(out)


def _read_extended(data: bytes | memoryview, at: int, nibble: int) -> tuple[int, int]:
    if nibble < 13:
        return nibble, at
    if nibble == 15:
        raise Malformed("coap option: reserved nibble 15 at %d" % (at - 1))
    size = nibble - 12
    if at + size > len(data):
        raise Malformed("coap option: cut short at %d" % at)
    if size == 1:
        return data[at] + 13, at + 1
    return (data[at] << 8 | data[at + 1]) + 269, at + 2


def decode_options(data: bytes | memoryview, at: int = 0) -> tuple[list[tuple[int, bytes]], bytes]:
    """Options and payload from `at` to the end. Raises Malformed."""
    options: list[tuple[int, bytes]] = []
    number = 0
    end = len(data)
    while at < end:
        head = data[at]
        at += 1
        if head == 0xFF:
            if at == end:
                raise Malformed("coap payload: marker with nothing after it")
            return options, bytes(data[at:])
        delta, at = _read_extended(data, at, head >> 4)
        length, at = _read_extended(data, at, head & 0x0F)
        number += delta
        if number > _MAX_OPTION:
            raise Malformed("coap option: number %d" % number)
        if at + length > end:
            raise Malformed("coap option %d: %d bytes announced, %d left" % (number, length, end - at))
        if len(options) == _MAX_OPTIONS:
            raise Malformed("coap options: more than %d" % _MAX_OPTIONS)
        options.append((number, bytes(data[at : at + length])))
        at += length
    return options, b""


def decode(data: bytes | bytearray | memoryview) -> Message:
    """One datagram, whole. Raises Malformed for everything RFC 7252 calls a message format error."""
    data = memoryview(data)
    if len(data) < 4:
        raise Malformed("coap header: %d bytes" % len(data))
    if data[0] >> 6 != 1:
        raise Malformed("coap version: %d" % (data[0] >> 6))
    size = data[0] & 0x0F
    if size > _MAX_TOKEN:
        raise Malformed("coap token: length %d" % size)
    type, code = data[0] >> 4 & 3, data[1]
    wrong = _wrong_form(type, code, len(data) - 4 + size)
    if wrong is not None:
        raise Malformed("coap " + wrong)
    if 4 + size > len(data):
        raise Malformed("coap token: %d bytes announced, %d left" % (size, len(data) - 4))
    options, payload = decode_options(data, 4 + size)
    return Message(type, code, data[2] << 8 | data[3], bytes(data[4 : 4 + size]), options, payload)
