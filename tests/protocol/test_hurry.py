# runs on: both
"""After something authentic came: what waits for a repetition goes out at once, and its pauses begin anew."""

from protocol import coap
from protocol.coap import CON, POST, Message
from protocol.exchange import BULK, FAILED, URGENT, Client


def started(lane=BULK):
    client = Client(lambda: 0)
    message = Message(CON, POST, 0, b"", [(coap.URI_PATH, b"f")], b"x")
    return client, client.request(message, lane, 0)


def play(client, since_ms, until_ms):
    """When datagrams went out, and the events, step by step as a clock would."""
    sent, events = [], []
    for now in range(since_ms, until_ms, 100):
        sent += [now for _ in client.due(now)]
        events += client.events()
    return sent, events


def test_pauses_begin_anew():
    client, handle = started()
    assert play(client, 0, 20_000)[0] == [0, 2000, 6000, 14000]
    client.hurry(20_000)
    sent, events = play(client, 20_000, 90_000)
    assert sent == [20_000, 24_000, 32_000, 48_000], "4, 8, 16 s between them, and not 32 s after the first"
    assert [(kind, whose) for kind, whose, _ in events] == [(FAILED, handle)]


def test_what_was_sent_a_moment_ago_is_left_alone():
    client, _ = started()
    assert play(client, 0, 3000)[0] == [0, 2000]
    client.hurry(3000)
    assert play(client, 3000, 7000)[0] == [6000]


def test_a_first_sending_and_the_urgent_lane_are_left_alone():
    client, _ = started()
    assert play(client, 0, 1900)[0] == [0]
    client.hurry(1900)
    assert play(client, 1900, 3000)[0] == [2000]
    client, _ = started(URGENT)
    assert play(client, 0, 1100)[0] == [0, 500, 1000]
    client.hurry(1100)
    assert play(client, 1100, 2100)[0] == [1500, 2000]
