# runs on: both
"""OSCORE and Observe: notifications are fresh, in order and never repeated."""

from protocol import coap
from protocol.coap import Message
from protocol.errors import Unauthentic
from protocol.oscore import Replayed
from tests.portable import raises
from tests.protocol.pair import gateway, over_the_air, terminal


def observed():
    client, server = terminal(), gateway()
    get = Message(coap.CON, coap.GET, 1, b"tok", [(coap.OBSERVE, b""), (coap.URI_PATH, b"c")])
    outer, asked = client.protect_request(get)
    assert outer.code == coap.FETCH and outer.option(coap.OBSERVE) == b""
    request, binding = server.unprotect_request(over_the_air(outer))
    assert request == get and binding.observe
    return client, server, asked, binding, request


def notification(server, binding, request, n, fresh=True):
    options = [(coap.OBSERVE, coap.uint_option(n))]
    plain = Message(coap.CON, coap.CONTENT, 100 + n, request.token, options, b"command %d" % n)
    outer = server.protect_response(plain, binding, fresh)
    assert outer.code == coap.CONTENT and outer.option(coap.OBSERVE) == coap.uint_option(n)
    return over_the_air(outer)


def test_notifications_come_in_order_and_once():
    client, server, asked, binding, request = observed()
    notes = [notification(server, binding, request, n) for n in range(4)]
    for n in (0, 2):
        got = client.unprotect_response(notes[n], asked)
        assert got.payload == b"command %d" % n
        assert got.uint(coap.OBSERVE) == n  # the Partial IV, not the outer value
    for n in (0, 1, 2):
        with raises(Replayed):
            client.unprotect_response(notes[n], asked)
    assert client.unprotect_response(notes[3], asked).payload == b"command 3"


def test_a_registration_may_be_answered_without_partial_iv_but_not_later():
    client, server, asked, binding, request = observed()
    first = notification(server, binding, request, 0, fresh=False)
    second = notification(server, binding, request, 1)
    assert client.unprotect_response(first, asked).uint(coap.OBSERVE) == 0
    client.unprotect_response(second, asked)
    with raises(Replayed):
        client.unprotect_response(first, asked)


def test_a_forged_notification_moves_nothing():
    client, server, asked, binding, request = observed()
    note = notification(server, binding, request, 0)
    forged = Message(note.type, note.code, 1, note.token, [(coap.OSCORE, b"\x01\x50")], note.payload)
    with raises(Unauthentic):
        client.unprotect_response(forged, asked)
    client.unprotect_response(note, asked)


def test_the_end_of_an_observation_is_no_registration():
    client, server = terminal(), gateway()
    get = Message(coap.CON, coap.GET, 1, b"tok", [(coap.OBSERVE, b"\x01"), (coap.URI_PATH, b"c")])
    outer, _ = client.protect_request(get)
    request, binding = server.unprotect_request(outer)
    assert request.uint(coap.OBSERVE) == 1 and not binding.observe
