"""CoAP messages: whole datagrams, and options behind a sound header. Oracle: one message has one encoding."""

from protocol import coap
from protocol.coap import Message
from protocol.errors import Malformed
from protocol.exchange import reset_for
from protocol.utf8 import is_utf8
from tests.fuzz.readers.source import Source

TOKENS = (
    b"\x40\x01\x00\x01", b"\x44\x02\x00\x01tokn", b"\x60\x00\x00\x01", b"\x70\x00\x00\x01",
    b"\x50\x02\x00\x01", b"\xb1f", b"\xb1c", b"\xff", b"\xff\x00", b"\xdd\x00\x00", b"\xee\x00\x00\x00\x00",
    b"\xe0\xff\xff", b"\xd0\xff", b"\x0d\x00", b"\x0e\x00\x00", b"\x60", b"\x61\x05", b"\x90", b"\x91\x09",
    b"\xbb.well-known\x05edhoc",
)  # fmt: skip

_KNOWN = (coap.URI_HOST, coap.URI_PORT, coap.URI_PATH, coap.URI_QUERY, coap.ACCEPT)


def coap_datagram(data):
    """`coap.decode` of anything."""
    reset = reset_for(data)
    assert reset is None or len(reset) <= len(data)
    try:
        message = coap.decode(data)
    except Malformed:
        return None
    assert message.encode() == data
    return look(message)


def coap_options(data):
    """Options and payload behind a header that is right."""
    source = Source(data)
    code = source.pick((coap.POST, coap.GET, coap.CONTENT, coap.CHANGED, coap.BAD_REQUEST))
    token = source.take(source.byte() % 9)
    kind = source.pick((coap.CON, coap.NON))
    return coap_datagram(bytes((0x40 | kind << 4 | len(token), code, 1, 2)) + token + source.rest())


def look(message, most=64):
    """Everything that somebody asks of a message he did not write."""
    repr(message)
    numbers = [number for number, _ in message.options]
    assert numbers == sorted(numbers) and len(numbers) <= most
    assert 0 <= message.type <= 3 and len(message.token) <= 8
    assert message.is_request() + message.is_response() + (message.code == 0) == 1
    said = [b"%d" % message.code]
    for number in numbers:
        try:
            said.append(b"%d" % message.uint(number))
        except Malformed:
            assert len(message.option(number)) > 4
    try:
        said.append(message.path().encode())
    except Malformed:
        assert not all([is_utf8(value) for n, value in message.options if n == coap.URI_PATH])
    unknown = message.unknown_critical(_KNOWN)
    assert unknown is None or (unknown & 1 and unknown in numbers)
    again = Message(
        message.type, message.code, message.message_id, message.token, message.options, message.payload
    )
    assert again == message
    return b" ".join(said)
