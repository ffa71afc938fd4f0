# runs on: both
"""The terminal's side of exchanges, as in the flows of RFC 7252, appendix A."""

import binascii

from protocol import coap
from protocol.coap import CON, GET, Message
from protocol.exchange import BULK, RESPONSE, Client
from tests.portable import load_json, vectors


def flow(figure):
    for item in load_json(vectors("coap/rfc7252_appendix_a.json"))["flows"]:
        if item["figure"] == figure:
            return [(m["from"], binascii.unhexlify(m["hex"])) for m in item["messages"] if "hex" in m]
    raise AssertionError("no figure %d" % figure)


def start_as_in(figure):
    """A client that has just sent the figure's request; token and message id are set to the figure's."""
    messages = flow(figure)
    request = coap.decode(messages[0][1])
    it = Client(lambda: 0)
    handle = it.request(Message(CON, GET, 0, b"", request.options), BULK, 0)
    handle.message_id, handle.token, handle.datagram = request.message_id, request.token, request.encode()
    assert [data for data, _ in it.due(0)] == [messages[0][1]]
    return it, handle, messages


def test_figures_16_and_17_piggybacked():
    for figure in (16, 17):
        it, handle, messages = start_as_in(figure)
        ((kind, whose, message),) = it.receive(messages[1][1], 10)
        assert (kind, whose, message.payload) == (RESPONSE, handle, b"22.3 C")
        it.done(handle)
        assert it.wait_ms(10) is None and it.due(100000) == []


def test_figure_18_and_19_the_same_bytes_again_after_the_timeout():
    for figure in (18, 19):
        it, handle, messages = start_as_in(figure)
        assert it.wait_ms(0) == 2000 and it.due(1999) == []
        requests = [data for sender, data in messages if sender == "client"]
        assert [data for data, _ in it.due(2000)] == requests[1:]
        ((kind, whose, message),) = it.receive(messages[-1][1], 2010)
        assert (kind, message.payload) == (RESPONSE, b"22.3 C")


def test_figure_20_separate_response_is_acknowledged_and_a_repeat_of_it_again():
    it, handle, messages = start_as_in(20)
    assert it.receive(messages[1][1], 10) == []
    assert it.due(29000) == [], "after an empty acknowledgement nothing is repeated"
    for first in (True, False):
        events = it.receive(messages[2][1], 29100)
        assert [data for data, _ in it.due(29100)] == [messages[3][1]]
        assert [(kind, m.payload) for kind, _, m in events] == ([(RESPONSE, b"22.3 C")] if first else [])


def test_figure_21_a_response_nobody_waits_for_is_reset():
    _, _, messages = start_as_in(21)
    fresh = Client(lambda: 0)
    assert fresh.receive(messages[1][1], 0) == [] and fresh.due(0) == []
    assert fresh.receive(messages[2][1], 0) == []
    assert [data for data, _ in fresh.due(0)] == [messages[3][1]]
    assert fresh.unexpected == 2


def test_a_separate_response_that_overtakes_its_acknowledgement():
    it, handle, messages = start_as_in(20)
    ((kind, _, _),) = it.receive(messages[2][1], 10)
    assert kind == RESPONSE
    it.done(handle)
    assert it.receive(messages[1][1], 11) == []
