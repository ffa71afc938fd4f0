# runs on: both
"""The gateway's side of exchanges: repeats, separate responses, notifications, and bounded memory."""

import binascii

from protocol import coap
from protocol.coap import ACK, CHANGED, CON, CONTENT, POST, RST, Message
from protocol.responder import ACKED, FAILED, RESET, Reply, Request, Server
from tests.portable import load_json, vectors

CAR = ("10.0.0.7", 5683)
OTHER = ("10.0.0.8", 5683)


def server(**more):
    return Server(lambda: 0, **more)


def request(message_id=1, payload=b"x", kind=CON, token=b"tk"):
    return Message(kind, POST, message_id, token, [(coap.URI_PATH, b"f")], payload).encode()


def flow(figure):
    for item in load_json(vectors("coap/rfc7252_appendix_a.json"))["flows"]:
        if item["figure"] == figure:
            return [(m["from"], binascii.unhexlify(m["hex"])) for m in item["messages"] if "hex" in m]
    raise AssertionError("no figure %d" % figure)


def content(payload=b"22.3 C"):
    return Message(CON, CONTENT, 0, b"", (), payload)


def notice(payload):
    return Message(CON, CONTENT, 0, b"", [(coap.OBSERVE, b"\1")], payload)


def test_figures_16_and_17_piggybacked():
    for figure in (16, 17):
        messages = flow(figure)
        it = server()
        asked = it.receive(messages[0][1], CAR, 0)
        assert isinstance(asked, Request) and asked.message.path() == "/temperature" and asked.source == CAR
        assert it.respond(asked, content()) == messages[1][1]


def test_figure_19_a_repeat_gets_the_same_answer_and_is_not_a_second_request():
    messages = flow(19)
    it = server()
    assert it.respond(it.receive(messages[0][1], CAR, 0), content()) == messages[1][1]
    again = it.receive(messages[2][1], CAR, 2000)
    assert isinstance(again, Reply) and again.datagram == messages[3][1] and again.reason is None


def test_figure_20_separate_response_until_acknowledged():
    messages = flow(20)
    it = server()
    it._message_id = 44410
    asked = it.receive(messages[0][1], CAR, 0)
    assert it.ack(asked) == messages[1][1]
    assert it.receive(messages[0][1], CAR, 900).datagram == messages[1][1]
    assert it.respond(asked, content(), now_ms=1000) == messages[2][1]
    assert it.due(2999) == [] and it.wait_ms(2999) == 1
    assert it.due(3000) == [(messages[2][1], CAR)]
    assert it.receive(messages[3][1], OTHER, 3100) is None and it.outcomes() == []
    assert it.receive(messages[3][1], CAR, 3200) is None
    assert it.outcomes() == [(ACKED, CAR, b"\x53")]
    assert it.due(99999) == [] and it.wait_ms(99999) is None


def test_figure_21_reset_ends_the_separate_response():
    messages = flow(21)
    it = server()
    it._message_id = 44411
    asked = it.receive(messages[0][1], CAR, 0)
    assert [it.ack(asked), it.respond(asked, content())] == [messages[1][1], messages[2][1]]
    it.receive(messages[3][1], CAR, 100)
    assert it.outcomes() == [(RESET, CAR, b"\x64")] and it.due(60000) == []


def test_figure_22_non_confirmable():
    messages = flow(22)
    it = server()
    it._message_id = 44412
    assert it.respond(it.receive(messages[0][1], CAR, 0), content()) == messages[1][1]
    assert it.receive(messages[0][1], CAR, 10) is None


def test_a_repeat_is_dropped_while_the_first_is_being_worked_on():
    it = server()
    asked = it.receive(request(), CAR, 0)
    it.begin(asked)
    assert it.receive(request(), CAR, 500) is None
    datagram = it.respond(asked, Message(ACK, CHANGED))
    assert it.receive(request(), CAR, 1000).datagram == datagram


def test_the_same_number_from_another_source_or_with_other_bytes_is_a_new_request():
    it = server()
    it.respond(it.receive(request(), CAR, 0), Message(ACK, CHANGED))
    assert isinstance(it.receive(request(), OTHER, 1), Request)
    assert isinstance(it.receive(request(payload=b"y"), CAR, 2), Request)
    assert isinstance(it.receive(request(), CAR, 3), Reply)


def test_an_answer_is_remembered_for_its_lifetime():
    it = server(lifetime_ms=1000)
    it.respond(it.receive(request(), CAR, 0), Message(ACK, CHANGED))
    assert isinstance(it.receive(request(), CAR, 999), Reply)
    assert isinstance(it.receive(request(), CAR, 1000), Request)


def test_nothing_is_kept_for_whoever_has_not_proved_himself():
    it = server()
    for n in range(2000):
        asked = it.receive(request(n), CAR, 0)
        it.respond(asked, Message(ACK, coap.UNAUTHORIZED), remember=False)
    assert len(it._cache) == 0
    assert isinstance(it.receive(request(5), CAR, 1), Request)


def test_the_cache_is_bounded_and_the_oldest_gives_way():
    it = server(limit=10)
    for n in range(25):
        it.respond(it.receive(request(n), CAR, n), Message(ACK, CHANGED))
        it.respond(it.receive(request(n, b"other bytes, same number"), CAR, n), Message(ACK, CHANGED))
    assert len(it._cache) == 10
    kept = [
        n
        for n in range(25)
        if isinstance(it.receive(request(n, b"other bytes, same number"), CAR, 30), Reply)
    ]
    assert kept == list(range(15, 25))


def test_broken_messages_get_a_reset_or_nothing_and_a_reason():
    it = server()
    for data, reset in (
        (b"\x40\x02\x12\x34\xff", b"\x70\x00\x12\x34"),
        (b"\x4f\x02\x12\x34", b"\x70\x00\x12\x34"),
        (b"\x40\x20\x12\x34", b"\x70\x00\x12\x34"),
        (b"\x40\x45\x12\x34", b"\x70\x00\x12\x34"),
        (b"\x50\x02\x12\x34\xff", None),
        (b"\x50\x45\x12\x34", None),
        (b"", None),
        (b"\x40\x02\x12", None),
        (b"\x80\x02\x12\x34", None),
        (b"\x70\x02\x12\x34", None),
        (b"\x60\x02\x12\x34", None),
    ):
        reply = it.receive(data, CAR, 0)
        assert reply.datagram == reset and reply.reason.startswith("coap "), data
    ping = it.receive(b"\x40\x00\x12\x34", CAR, 0)
    assert ping.datagram == b"\x70\x00\x12\x34" and ping.reason is None


def test_a_reset_is_never_larger_than_what_it_answers():
    it = server()
    for size in range(40):
        for first in (0x40, 0x4F, 0x50, 0x60, 0x70, 0xFF):
            reply = it.receive(bytes([first]) + bytes([2]) * size, CAR, 0)
            if isinstance(reply, Reply) and reply.datagram is not None:
                assert len(reply.datagram) <= 1 + size


def test_notification_is_repeated_with_back_off_until_acknowledged():
    it = server()
    it.notify(CAR, b"ob", notice(b"1"), 0)
    assert it.wait_ms(0) == 0
    ((data, source),) = it.due(0)
    assert source == CAR and coap.decode(data).type == CON and coap.decode(data).token == b"ob"
    times = [now for now in range(1, 16000) if it.due(now) == [(data, CAR)]]
    assert times == [2000, 6000, 14000]
    it.receive(Message(ACK, 0, coap.decode(data).message_id).encode(), CAR, 15000)
    assert it.outcomes() == [(ACKED, CAR, b"ob")]
    assert it.due(100000) == [] and it.outcomes() == []


def test_notification_nobody_acknowledges_fails_and_reset_is_told():
    it = server()
    it.notify(CAR, b"ob", notice(b"1"), 0)
    sent = [now for now in range(63000) if it.due(now)]
    assert sent == [0, 2000, 6000, 14000, 30000]
    assert it.outcomes() == [(FAILED, CAR, b"ob")] and it.wait_ms(63000) is None
    it.notify(CAR, b"ob", notice(b"2"), 70000)
    ((data, _),) = it.due(70000)
    it.receive(Message(RST, 0, coap.decode(data).message_id).encode(), CAR, 70010)
    assert it.outcomes() == [(RESET, CAR, b"ob")] and it.due(200000) == []


def test_a_newer_notification_takes_the_place_of_one_not_acknowledged_and_keeps_its_back_off():
    """RFC 7641 4.5.2: no second one in flight, and the newest state is what is repeated."""
    it = server()
    it.notify(CAR, b"ob", notice(b"1"), 0)
    ((first, _),) = it.due(0)
    it.notify(CAR, b"ob", notice(b"2"), 100)
    it.notify(CAR, b"ob", notice(b"3"), 200)
    assert it.due(1999) == []
    ((second, _),) = it.due(2000)
    assert coap.decode(second).payload == b"3"
    assert coap.decode(second).message_id != coap.decode(first).message_id
    assert it.due(5999) == [] and it.due(6000) == [(second, CAR)]
    it.receive(Message(ACK, 0, coap.decode(first).message_id).encode(), CAR, 6100)
    assert it.outcomes() == [], "the old one's acknowledgement says nothing about the new one"
    it.receive(Message(ACK, 0, coap.decode(second).message_id).encode(), CAR, 6200)
    assert it.outcomes() == [(ACKED, CAR, b"ob")]


def test_a_newer_notification_goes_out_when_the_older_is_acknowledged():
    it = server()
    it.notify(CAR, b"ob", notice(b"1"), 0)
    ((first, _),) = it.due(0)
    it.notify(CAR, b"ob", notice(b"2"), 100)
    it.receive(Message(ACK, 0, coap.decode(first).message_id).encode(), CAR, 150)
    ((second, _),) = it.due(150)
    assert coap.decode(second).payload == b"2"


def test_separate_responses_beyond_the_bound_are_sent_once():
    it = server(limit=2)
    for n in range(3):
        asked = it.receive(request(n), CAR, 0)
        it.ack(asked)
        assert coap.decode(it.respond(asked, content(), now_ms=0)).type == CON
    assert len(it.due(3000)) == 2


def test_forgotten_observers_hear_no_more_and_others_do():
    it = server()
    it.notify(CAR, b"ob", notice(b"1"), 0)
    it.notify(OTHER, b"ob", notice(b"1"), 0)
    it.forget(CAR, b"ob")
    it.forget(CAR, b"unknown")
    assert [source for _, source in it.due(0)] == [OTHER]


def test_the_number_of_notifications_under_way_is_bounded():
    it = server(limit=4)
    for n in range(6):
        it.notify(CAR, bytes([n]), notice(b"1"), 0)
    assert len(it.due(0)) == 4
    assert it.outcomes() == [(FAILED, CAR, b"\4"), (FAILED, CAR, b"\5")]
