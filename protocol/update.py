"""What terminal and gateway say to each other of an update: names, how far it is (`POST /u`), and the blocks
of a block-wise transfer (RFC 7959)."""

from protocol.cbor import decode, encode
from protocol.compat import Any, const
from protocol.errors import Malformed, Misuse

PATH = b"u"
COMMAND = const(5)  # the kind of the notice among the commands; its body is {0: version}

# RFC 7959 2.1, and RFC 7252 5.10 for the entity tag.
ETAG = const(4)
BLOCK2 = const(23)
SIZE2 = const(28)
_MOST_BLOCKS = const(1 << 20)
SZX_MOST = const(6)  # 1,024 bytes

# How far an update is, as the terminal says; 0 is what it has not answered yet.
ASKED = const(0)
FETCHING = const(1)  # its manifest is verified, the image comes
READY = const(2)  # the image lies in the other slot; it starts it when it stands still
TRYING = const(3)  # it runs, and has to prove itself
DONE = const(4)
REFUSED = const(5)  # nothing was changed
FELL_BACK = const(6)  # it did not prove itself: the one before runs again
ENDED = (DONE, REFUSED, FELL_BACK)
FAILED = (REFUSED, FELL_BACK)
MAX_REASON = const(120)


def version_text(version: int) -> str:
    """0x000102 -> "0.1.2"; the number is that of health reports and manifests."""
    return "%d.%d.%d" % (version >> 16, version >> 8 & 255, version & 255)


def version_number(text: str) -> int:
    """Of "0.1.2". Raises Malformed."""
    number = 0
    parts = text.split(".")
    for part in parts:
        if not part.isdigit() or str(int(part)) != part or int(part) > 255:
            raise Malformed("version: %r, not of the form 1.2.3 with parts of 0 to 255" % text)
        number = number << 8 | int(part)
    if len(parts) != 3 or not number:
        raise Malformed("version: %r, not of the form 1.2.3 above 0.0.0" % text)
    return number


def manifest_name(board: str, version: int) -> str:
    """As /u/<name>."""
    return "%s-%s.suit" % (board, version_text(version))


def image_name(board: str, version: int) -> str:
    """As /u/<name>."""
    return "%s-%s.romfs" % (board, version_text(version))


def block_option(number: int, more: bool, szx: int) -> bytes:
    """The value of a Block option."""
    if not 0 <= number < _MOST_BLOCKS or not 0 <= szx <= SZX_MOST:
        raise Misuse("block: number %d, size exponent %d" % (number, szx))
    value = number << 4 | (8 if more else 0) | szx
    length = 0
    while value >> 8 * length:
        length += 1
    return value.to_bytes(length, "big")


def read_block(value: bytes) -> tuple[int, bool, int]:
    """(number, more, size exponent). Raises Malformed."""
    if len(value) > 3 or value[:1] == b"\x00":
        raise Malformed("block option: %d bytes" % len(value))
    whole = int.from_bytes(value, "big")
    szx = whole & 7
    if szx > SZX_MOST:
        raise Malformed("block option: size exponent %d" % szx)
    return whole >> 4, bool(whole & 8), szx


def encode_progress(version: int, state: int, reason: str = "") -> bytes:
    """The payload of `POST /u`."""
    said: dict[int, Any] = {0: version, 1: state}
    if reason:
        said[2] = reason[:MAX_REASON]
    return encode(said)


def decode_progress(payload: bytes) -> tuple[int, int, str]:
    """(version, state, reason). Raises Malformed."""
    said = decode(payload)
    if not isinstance(said, dict) or not {0, 1} <= set(said) <= {0, 1, 2}:
        raise Malformed("update: must be {0: version, 1: state, 2: reason}")
    version, state, reason = said[0], said[1], said.get(2, "")
    if type(version) is not int or not 0 < version < 1 << 24:
        raise Malformed("update: version %r" % (version,))
    if type(state) is not int or not FETCHING <= state <= FELL_BACK:
        raise Malformed("update: state %r" % (state,))
    if not isinstance(reason, str) or len(reason) > MAX_REASON:
        raise Malformed("update: reason %r" % (reason,))
    return version, state, reason
