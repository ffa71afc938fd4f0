"""CoAP messages: what holds for every message and every string of bytes."""

from hypothesis import example, given
from hypothesis import strategies as st

from protocol import coap
from protocol.coap import Message
from protocol.errors import Malformed, ProtocolError

numbers = st.one_of(st.integers(0, 300), st.integers(0, 65535))
options = st.lists(st.tuples(numbers, st.binary(max_size=300)), max_size=12)
codes = st.one_of(st.integers(1, 0x1F), st.integers(0x40, 0xBF))


@st.composite
def messages(draw):
    kind = draw(st.sampled_from((coap.CON, coap.NON, coap.ACK)))
    code = draw(codes if kind != coap.ACK else st.integers(0x40, 0xBF))
    message_id = draw(st.integers(0, 65535))
    return Message(
        kind, code, message_id, draw(st.binary(max_size=8)), draw(options), draw(st.binary(max_size=600))
    )


@given(messages())
def test_what_is_encoded_decodes_to_itself(message):
    data = message.encode()
    assert coap.decode(data) == message
    assert repr(message)


@given(st.binary(max_size=1500))
@example(b"\x40\x01\0\1\xff")
def test_bytes_are_refused_as_malformed_or_have_one_meaning(data):
    """No other exception, and no second encoding of a message: what decodes encodes to the same bytes."""
    try:
        message = coap.decode(data)
    except Malformed:
        return
    assert message.encode() == data


@given(messages(), st.data())
def test_a_damaged_message_never_escapes(message, data):
    raw = bytearray(message.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    raw = bytes(raw[: data.draw(st.integers(0, len(raw)))])
    try:
        again = coap.decode(raw)
        again.path()
        again.uint(coap.OBSERVE)
    except ProtocolError:
        return
    assert again.encode() == raw


@given(options)
def test_options_keep_the_order_of_equal_numbers(given_options):
    kept = Message(coap.CON, coap.GET, 0, b"", given_options).options
    assert kept == sorted(given_options, key=lambda option: option[0])
