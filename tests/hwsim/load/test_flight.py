"""When a run is over: all answered and every frame heard, or nothing came any more."""

import socket
from types import SimpleNamespace

import pytest

from hwsim.load.flight import Flight
from tests.hwsim.load.small import stock

END_S, DRAIN_S = 100.0, 5.0


def ear(frames, different):
    return SimpleNamespace(frames=frames, different=lambda: different, socks=())


@pytest.fixture
def flight():
    made = Flight(stock(2, rate=10, seconds=1), None)
    made.done[:] = b"\1" * made.stock.total
    return made


def over(flight, now_s):
    return flight._over(now_s, END_S, DRAIN_S)


def test_it_ends_when_all_is_answered_and_nobody_listens(flight):
    assert not over(flight, END_S - 0.1)
    assert over(flight, END_S + 0.1)


def test_it_waits_for_an_answer_and_not_for_ever(flight):
    flight.done[3] = 0
    assert not over(flight, END_S + DRAIN_S - 0.1)
    assert over(flight, END_S + DRAIN_S + 0.1)


def test_it_waits_for_what_is_to_be_heard_as_long_as_something_comes(flight):
    flight.ear = ear(9, 9)
    assert not over(flight, END_S + DRAIN_S - 0.1)
    flight.ear.frames = 9
    assert over(flight, END_S + 2 * DRAIN_S)
    flight.ear = ear(8, 8)
    flight._heard = 7
    assert not over(flight, END_S + 2 * DRAIN_S)  # one more came just now
    flight.ear = ear(10, 10)
    assert over(flight, END_S + 2 * DRAIN_S + 0.1)


def test_a_frame_that_came_twice_does_not_stand_for_one_that_is_missing(flight):
    flight.ear = ear(10, 9)
    assert not over(flight, END_S + 0.1)
    flight.ear = ear(11, 10)
    assert over(flight, END_S + 0.2)


def test_an_answer_to_an_earlier_run_is_none_of_this_one():
    """Both runs use the same wires, and a peer in overload answers late."""
    earlier = stock(2, rate=40, seconds=1)
    flight = Flight(stock(2, rate=10, seconds=1, token=earlier.total), None)
    ours, gateway = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, gateway:
        for data in (earlier.data[3], earlier.data[39], flight.stock.data[3]):
            gateway.send(b"\x64\x44" + data[2:8])  # 2.04, acknowledged with the same message id and token
        flight.receive(ours, began_s=0.0)
    assert [index for index, at_s in enumerate(flight.answered) if at_s >= 0] == [3]
    assert [index for index, _ in flight.answers] == [3]
    assert bytes(flight.done) == bytes(3) + b"\1" + bytes(6)


def test_a_refusal_is_no_end_and_an_answer_in_a_message_of_its_own_is_acknowledged():
    sent = []
    wires = SimpleNamespace(send=lambda *row: sent.append(row))
    flight = Flight(stock(2, rate=10, seconds=1), wires)
    flight.stock.listening[0x0A0B0C] = 1
    ours, gateway = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, gateway:
        gateway.send(b"\x64\xa3" + flight.stock.data[3][2:8] + b"\xd1\x01\x02")
        gateway.send(b"\x44\x44\x12\x34" + flight.stock.data[5][4:8] + bytes(20))
        gateway.send(b"\x43\x45\x56\x78\x0a\x0b\x0c" + bytes(300))
        gateway.send(b"\x43\x45\x56\x79\x0f\x0b\x0c" + bytes(30))  # nobody's
        flight.receive(ours, began_s=0.0)
    assert (flight.refused, flight.notifications) == (1, 2)
    assert [index for index in range(10) if flight.done[index]] == [5]
    assert sent == [(1, 0, b"\x60\x00\x12\x34"), (1, 0, b"\x60\x00\x56\x78")]
    assert [(index, len(data)) for index, data in flight.answers] == [(3, 11), (5, 28)]
