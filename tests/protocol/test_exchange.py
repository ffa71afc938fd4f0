# runs on: both
"""The terminal's side of exchanges: the two lanes, observations, and what a forged answer can't do."""

from protocol import coap
from protocol.coap import ACK, CHANGED, CON, CONTENT, GET, NON, POST, RST, Message
from protocol.errors import Misuse
from protocol.exchange import BULK, FAILED, NOTIFICATION, RESET, RESPONSE, URGENT, Client, first_timeout_ms
from tests.portable import raises


def client(**more):
    return Client(lambda: 0, **more)


def post(payload=b"x"):
    return Message(CON, POST, 0, b"", [(coap.URI_PATH, b"f")], payload)


def observe():
    return Message(CON, GET, 0, b"", [(coap.OBSERVE, b""), (coap.URI_PATH, b"c")])


def answer(handle, code=CHANGED, payload=b"", token=None):
    return Message(
        ACK, code, handle.message_id, handle.token if token is None else token, (), payload
    ).encode()


def notification(handle, message_id, payload, kind=CON):
    return Message(kind, CONTENT, message_id, handle.token, [(coap.OBSERVE, b"\x01")], payload).encode()


def sent_times(it, handle, until_ms, step=1):
    """When the datagrams of one exchange are handed out, asked every `step` ms."""
    times = []
    for now in range(0, until_ms, step):
        times += [now for data, whose in it.due(now) if whose is handle]
    return times


def test_bulk_lane_backs_off_and_gives_up():
    """RFC 7252 4.2: 2 s doubled, four repeats, 62 s until it has failed (93 s at most)."""
    for random16, factor in ((0, 2000), (65535, 2999)):
        it = Client(lambda drawn=random16: drawn)
        handle = it.request(post(), BULK, 0)
        assert first_timeout_ms(random16) == factor
        assert sent_times(it, handle, 94000) == [0, factor, 3 * factor, 7 * factor, 15 * factor]
        assert it.events() == [(FAILED, handle, None)]
        assert it.wait_ms(94000) is None


def test_urgent_lane_repeats_the_same_bytes_every_half_second_without_limit():
    it = client()
    it.request(post(), URGENT, 0)
    times = []
    seen = []
    for now in range(0, 600000, 100):
        for data, _ in it.due(now):
            times.append(now)
            if data not in seen:
                seen.append(data)
    assert times == list(range(0, 600000, 500)) and len(seen) == 1 and it.events() == []


def test_urgent_is_sent_at_once_and_first_while_bulk_is_under_way():
    it = client()
    bulk = it.request(post(b"bulk"), BULK, 0)
    it.due(0)
    urgent = it.request(post(b"urgent"), URGENT, 700)
    assert it.wait_ms(700) == 0
    assert [whose for _, whose in it.due(700)] == [urgent]
    it.receive(b"\x40\0\0\1", 2000)
    assert [whose for _, whose in it.due(2000)] == [None, urgent, bulk]


def test_an_answer_does_not_end_an_exchange_until_its_owner_says_it_is_authentic():
    for lane in (URGENT, BULK):
        it = client()
        handle = it.request(post(), lane, 0)
        it.due(0)
        for _ in range(3):
            ((kind, _, _),) = it.receive(answer(handle, coap.UNAUTHORIZED), 10)
            assert kind == RESPONSE
        assert [whose for _, whose in it.due(5000)] == [handle]
        it.done(handle)
        assert it.due(60000) == [] and it.receive(answer(handle), 60000) == []


def test_forged_empty_acknowledgement_and_reset_do_not_silence_the_urgent_lane():
    it = client()
    handle = it.request(post(), URGENT, 0)
    it.due(0)
    assert it.receive(Message(ACK, 0, handle.message_id).encode(), 10) == []
    assert it.receive(Message(RST, 0, handle.message_id).encode(), 10) == [(RESET, handle, None)]
    assert sent_times(it, handle, 2001) == [500, 1000, 1500, 2000]


def test_reset_ends_a_bulk_exchange():
    it = client()
    handle = it.request(post(), BULK, 0)
    it.due(0)
    assert it.receive(Message(RST, 0, handle.message_id ^ 1).encode(), 10) == []
    assert it.receive(Message(RST, 0, handle.message_id).encode(), 10) == [(RESET, handle, None)]
    assert it.due(60000) == []


def test_empty_acknowledgement_and_then_nothing_fails_the_bulk_exchange():
    it = client()
    handle = it.request(post(), BULK, 0)
    it.due(0)
    it.receive(Message(ACK, 0, handle.message_id).encode(), 1000)
    assert it.wait_ms(1000) == 30000
    assert it.due(31000) == [] and it.events() == [(FAILED, handle, None)]


def test_an_answer_with_the_wrong_token_or_to_what_was_not_sent_yet_is_nothing():
    it = client()
    handle = it.request(post(), BULK, 0)
    assert it.receive(answer(handle), 0) == []
    it.due(0)
    assert it.receive(answer(handle, token=b"zzzz"), 0) == []
    assert it.receive(answer(handle, token=b""), 0) == []
    assert it.unexpected == 3
    assert len(it.receive(answer(handle), 0)) == 1


def test_what_the_bearer_refused_is_due_again_and_not_counted():
    it = client()
    handle = it.request(post(), BULK, 0)
    for now in (0, 10, 20):
        assert [whose for _, whose in it.due(now)] == [handle]
        it.unsent(handle)
        assert handle.sent == 0 and it.wait_ms(now) == 0
    it.due(30)
    assert handle.sent == 1 and it.wait_ms(30) == 2000
    it.due(2030)
    it.unsent(handle)
    assert it.wait_ms(2031) == 0
    it.due(2040)
    assert handle.sent == 2 and it.wait_ms(2040) == 4000


def test_quiet_sends_no_more_but_takes_a_late_answer():
    it = client()
    handle = it.request(post(), URGENT, 0)
    it.due(0)
    it.quiet(handle)
    assert it.due(5000) == [] and it.wait_ms(5000) is None
    ((kind, whose, _),) = it.receive(answer(handle), 26000)
    assert kind == RESPONSE and whose is handle


def test_observation_goes_on_after_its_first_answer_until_cancelled():
    it = client()
    handle = it.request(observe(), BULK, 0)
    it.due(0)
    ((kind, _, _),) = it.receive(answer(handle, CONTENT), 50)
    assert kind == RESPONSE
    it.done(handle)
    assert it.due(10000) == [] and it.wait_ms(10000) is None
    for n in range(40):
        ((kind, whose, message),) = it.receive(notification(handle, 500 + n, b"%d" % n), 20000 + n)
        assert (kind, whose, message.payload) == (NOTIFICATION, handle, b"%d" % n)
        assert it.due(20000 + n) == [(Message(ACK, 0, 500 + n).encode(), None)]
    assert it.receive(answer(handle, CONTENT), 30000) == [], (
        "the registration's answer again says nothing new"
    )
    it.cancel(handle)
    assert it.receive(notification(handle, 900, b"late"), 40000) == []
    assert it.due(40000) == [(Message(RST, 0, 900).encode(), None)]
    assert it.receive(notification(handle, 901, b"late", NON), 40000) == [] and it.due(40000) == []


def test_a_repeated_notification_is_acknowledged_and_told_once():
    it = client()
    handle = it.request(observe(), BULK, 0)
    it.due(0)
    it.receive(answer(handle, CONTENT), 50)
    it.done(handle)
    data = notification(handle, 7, b"one")
    assert len(it.receive(data, 100)) == 1
    assert it.receive(data, 200) == [] and len(it.due(200)) == 2
    assert len(it.receive(notification(handle, 7, b"two"), 300)) == 1, (
        "same number, other bytes: a restarted gateway"
    )
    assert len(it.receive(data, 100 + 247000)) == 1, "after EXCHANGE_LIFETIME a number means something new"


def test_ping_and_requests_and_broken_messages_are_answered_with_reset():
    it = client()
    assert it.receive(b"\x40\x00\x12\x34", 0) == []
    assert it.receive(b"\x40\x01\x12\x35\xb1c", 0) == []
    assert it.receive(b"\x40\x01\x12\x36\xff", 0) == []
    assert it.due(0) == [(b"\x70\x00\x12" + bytes((n,)), None) for n in (0x34, 0x35, 0x36)]
    for silent in (
        b"",
        b"\x40",
        b"\x50\x01\x12\x37",
        b"\x50\x01\x12\x37\xff",
        b"\xc0\x01\x12\x38",
        b"\x60\x01\x12\x39",
    ):
        assert it.receive(silent, 0) == [] and it.due(0) == [], silent
    assert it.malformed == 6


def test_a_flood_of_pings_fills_no_memory():
    it = client()
    for n in range(1000):
        it.receive(bytes((0x40, 0, n >> 8, n & 255)), 0)
    assert len(it.due(0)) == 16 and it.due(0) == []


def test_the_number_of_exchanges_is_bounded():
    it = client(limit=3)
    handles = [it.request(post(), BULK, 0) for _ in range(3)]
    with raises(Misuse):
        it.request(post(), URGENT, 0)
    it.cancel(handles[1])
    it.request(post(), URGENT, 0)


def test_message_ids_and_tokens_of_living_exchanges_differ():
    """Also after 65536 requests, when the counters have come round to an exchange that is still alive."""
    it = client()
    old = it.request(observe(), BULK, 0)
    seen = []
    for _ in range(65537):
        handle = it.request(post(b""), BULK, 0)
        assert handle.message_id != old.message_id
        if len(seen) < 300:
            assert handle.token not in seen and handle.token != old.token
            seen.append(handle.token)
        it.cancel(handle)


def test_schedules_hold_across_the_wrap_of_a_30_bit_tick_counter():
    period = 1 << 30

    def diff(a, b):
        return ((a - b + (period >> 1)) & (period - 1)) - (period >> 1)

    for lane, spans in ((URGENT, [0, 500, 1000, 1500]), (BULK, [0, 2000, 6000, 14000])):
        it = client(diff=diff)
        start = period - 700
        handle = it.request(post(), lane, start)
        times = []
        for after in range(0, spans[-1] + 1, 100):
            now = (start + after) & (period - 1)
            times += [after for _, whose in it.due(now) if whose is handle]
            assert 0 <= it.wait_ms(now) <= 16000
        assert times == spans, lane
