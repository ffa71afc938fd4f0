# runs on: both
"""OSCORE, what the vectors do not show: refusals, replays, and sequence numbers that are never used twice.
RFC 8613's appendix C stands in tests/vectors."""

from binascii import unhexlify

from protocol import cbor, coap, limits, oscore
from protocol.coap import Message
from protocol.errors import Malformed, Misuse, Unauthentic
from protocol.oscore import Context, Replayed, ReplayWindow
from tests.portable import raises
from tests.protocol.pair import (
    AEAD,
    GATEWAY,
    SALT,
    SECRET,
    TERMINAL,
    answer,
    gateway,
    over_the_air,
    post,
    terminal,
)


def test_an_exchange_hides_code_path_and_payload():
    client, server = terminal(), gateway()
    outer, asked = client.protect_request(post())
    data = outer.encode()
    assert b"frame" not in data and outer.code == coap.POST
    assert [number for number, _ in outer.options] == [coap.OSCORE]
    inner, binding = server.unprotect_request(coap.decode(data))
    assert inner == post() and inner.path() == "/f"
    reply = server.protect_response(answer(inner, coap.FORBIDDEN), binding)
    assert reply.code == coap.CHANGED
    assert client.unprotect_response(over_the_air(reply), asked).code == coap.FORBIDDEN


def test_the_overhead_is_what_limits_reckon_with():
    client = terminal(sequence=limits.MAX_SEQUENCE)
    request = post(bytes(limits.MAX_BATCH), [(coap.OBSERVE, b""), (coap.CONTENT_FORMAT, b"\xff\xff")])
    request.token = b"8 bytes."
    outer, _ = client.protect_request(request)
    assert len(outer.encode()) <= limits.MAX_DATAGRAM
    assert len(outer.encode()) >= limits.MAX_DATAGRAM - 22  # short path, empty Observe


def test_every_flipped_bit_is_refused_and_marks_nothing():
    outer, _ = terminal().protect_request(post(b"x"))
    data = outer.encode()
    server = gateway()
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit >> 3] ^= 1 << (bit & 7)
        try:
            message = coap.decode(flipped)
        except Malformed:
            continue
        head = (message.type, message.code, message.message_id, message.token)
        if head != (outer.type, outer.code, outer.message_id, outer.token) and message.is_request():
            continue  # RFC 8613 4.3: the outer header isn't protected
        with raises(Malformed):
            server.unprotect_request(message)
    assert server.window.state() == (-1, 0)
    server.unprotect_request(coap.decode(data))


def test_every_flipped_bit_of_an_answer_is_refused():
    client, server = terminal(), gateway()
    outer, asked = client.protect_request(post())
    request, binding = server.unprotect_request(outer)
    reply = server.protect_response(answer(request), binding)
    for bit in range(8 * len(reply.payload)):
        payload = bytearray(reply.payload)
        payload[bit >> 3] ^= 1 << (bit & 7)
        with raises(Unauthentic):
            client.unprotect_response(answer(request, payload=bytes(payload), options=reply.options), asked)
    assert client.unprotect_response(reply, asked).payload == b"ok"


def test_an_answer_holds_for_its_own_request_only():
    client, server = terminal(), gateway()
    first, asked_first = client.protect_request(post())
    second, asked_second = client.protect_request(post())
    request, binding = server.unprotect_request(first)
    reply = server.protect_response(answer(request), binding)
    with raises(Unauthentic):
        client.unprotect_response(reply, asked_second)
    client.unprotect_response(reply, asked_first)
    request, binding = server.unprotect_request(second)
    fresh = server.protect_response(answer(request), binding, fresh=True)
    with raises(Unauthentic):
        client.unprotect_response(fresh, asked_first)
    client.unprotect_response(fresh, asked_second)


def test_a_stranger_and_a_wrong_key_are_refused():
    outer, _ = Context(SECRET, SALT, b"\x99", GATEWAY, AEAD).protect_request(post())
    with raises(Unauthentic):
        gateway().unprotect_request(outer)
    outer, _ = Context(bytes(16), SALT, TERMINAL, GATEWAY, AEAD).protect_request(post())
    with raises(Unauthentic):
        gateway().unprotect_request(outer)
    with raises(Unauthentic):
        gateway().unprotect_request(post())  # not protected at all
    _, asked = terminal().protect_request(post())
    with raises(Unauthentic):
        terminal().unprotect_response(answer(post(), coap.UNAUTHORIZED), asked)


def test_a_replay_is_refused_before_and_after_a_restart():
    client, server = terminal(), gateway()
    outer, _ = client.protect_request(post())
    later, _ = client.protect_request(post())
    server.unprotect_request(later)
    server.unprotect_request(outer)  # late, not a replay
    for message in (outer, later):
        with raises(Replayed):
            server.unprotect_request(message)
    highest, bitmap = server.window.state()
    assert (highest, bitmap) == (1, 3)
    restarted = gateway(window=ReplayWindow(highest, bitmap))
    for message in (outer, later):
        with raises(Replayed):
            restarted.unprotect_request(message)


def test_the_window_slides():
    window = ReplayWindow()
    for sequence in (0, 63, 5, 64, 1 << 39):
        assert not window.seen(sequence)
        window.mark(sequence)
        assert window.seen(sequence)
    assert window.state() == (1 << 39, 1)
    assert window.seen(64) and window.seen((1 << 39) - 64) and not window.seen((1 << 39) - 63)
    window.mark((1 << 39) - 63)
    with raises(Replayed):
        window.mark((1 << 39) - 63)
    assert window.state()[1] == 1 | 1 << 63


def test_a_sequence_number_is_never_used_twice():
    client = terminal(sequence=62, limit=64)
    pivs = [oscore.peek(client.protect_request(post())[0])[2] for _ in range(2)]
    assert pivs == [b"\x3e", b"\x3f"]
    for _ in range(2):
        with raises(Misuse):
            client.protect_request(post())
    client.limit = 128
    assert oscore.peek(client.protect_request(post())[0])[2] == b"\x40"
    last = terminal(sequence=limits.MAX_SEQUENCE)
    last.protect_request(post())
    with raises(Misuse):
        last.protect_request(post())


def test_the_nonce_of_a_request_is_spent_once():
    server = gateway()
    outer, _ = terminal().protect_request(post())
    request, binding = server.unprotect_request(outer)
    server.protect_response(answer(request), binding)
    with raises(Misuse):
        server.protect_response(answer(request, payload=b"another"), binding)
    server.protect_response(answer(request), binding, fresh=True)
    assert server.sequence == 1


def test_outer_options_that_belong_inside_are_discarded():
    outer, _ = terminal().protect_request(post())
    added = [(coap.URI_HOST, b"host"), (coap.URI_PATH, b"evil"), (coap.OBSERVE, b"")]
    outer.options = sorted(outer.options + added)
    inner, binding = gateway().unprotect_request(outer)
    assert inner.options == [(coap.URI_HOST, b"host"), (coap.URI_PATH, b"f")]
    assert not binding.observe


def protected(value, payload=bytes(20)):
    return Message(coap.CON, coap.POST, 1, b"", [(coap.OSCORE, value)], payload)


def test_broken_options_are_malformed():
    broken = "00 20 80 06000000000000 09 0a00 020014 0114ff 1914 1914ff01 191402aa"
    for value in broken.split():
        with raises(Malformed):
            oscore.peek(protected(unhexlify(value)))
    twice = protected(b"\x09\x14")
    twice.options = twice.options * 2
    with raises(Malformed):
        oscore.peek(twice)


def test_requests_need_kid_partial_iv_and_room_for_a_tag():
    for value in (b"", b"\x01\x00", b"\x08" + TERMINAL):
        with raises(Malformed):
            gateway().unprotect_request(protected(value))
    for size in (0, 1, 8):
        with raises(Malformed):
            gateway().unprotect_request(protected(b"\x09\x00" + TERMINAL, bytes(size)))


def sealed(context, plaintext, sequence):
    """A request whose plaintext no honest terminal would make."""
    nonce = context._nonce(TERMINAL, bytes([sequence]))
    external = cbor.encode([1, [10], TERMINAL, bytes([sequence]), b""])
    ciphertext = AEAD.seal(context.sender_key, nonce, cbor.encode(["Encrypt0", b"", external]), plaintext)
    return protected(bytes([9, sequence]) + TERMINAL, ciphertext)


def test_an_authentic_but_broken_inside_is_malformed_and_marked():
    client, server = terminal(), gateway()
    for sequence, plaintext in enumerate((b"\x45", b"\x00", b"\x02\xff", b"\x02\xb3f", b"\xe1")):
        message = sealed(client, plaintext, sequence)
        with raises(Malformed) as caught:
            server.unprotect_request(message)
        assert not isinstance(caught.value, Unauthentic)
        with raises(Replayed):
            server.unprotect_request(message)


def test_our_own_mistakes_are_named():
    with raises(Misuse):
        Context(SECRET, SALT, bytes(8), GATEWAY, AEAD)
    with raises(Misuse):
        Context(SECRET, SALT, GATEWAY, GATEWAY, AEAD)
    with raises(Misuse):
        terminal().protect_request(answer(post()))
    with raises(Misuse):
        terminal().protect_request(post(options=[(coap.PROXY_URI, b"coap://x")]))
    outer, _ = terminal().protect_request(post())
    server = gateway()
    _, binding = server.unprotect_request(outer)
    with raises(Misuse):
        server.protect_response(post(), binding)


def test_id_context_must_match_where_it_is_said():
    client = Context(SECRET, SALT, TERMINAL, GATEWAY, AEAD, b"one")
    outer, _ = client.protect_request(post())
    with raises(Unauthentic):
        gateway().unprotect_request(outer)
    with raises(Unauthentic):
        Context(SECRET, SALT, GATEWAY, TERMINAL, AEAD, b"two").unprotect_request(outer)
    Context(SECRET, SALT, GATEWAY, TERMINAL, AEAD, b"one").unprotect_request(outer)
