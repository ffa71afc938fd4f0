"""A run is judged frame by frame: what was lost, doubled, late or never answered shows."""

import math
from types import SimpleNamespace

import pytest

from hwsim.load import figures
from protocol import coap
from protocol.cbor import encode
from tests.hwsim.load.small import headquarters, stock

NEVER = -1.0


class Heard:
    def __init__(self, rows):
        self._rows = rows

    def names(self):
        return iter(self._rows)


@pytest.fixture
def made():
    return stock(2, rate=10, seconds=1, urgent=0)


def answer(made, index, code=coap.CHANGED):
    """As the gateway seals it."""
    desk = headquarters(made.cars[index % len(made.cars)])
    request = coap.decode(made.data[index])
    _, binding = desk.unprotect_request(request)
    outer = desk.protect_response(coap.Message(coap.ACK, code, payload=encode({0: 1, 1: 3})), binding)
    outer.type, outer.message_id, outer.token = coap.ACK, request.message_id, request.token
    return index, outer.encode()


def heard(made, skip=()):
    """Everything comes 20 ms after it was due."""
    rows = []
    for index in range(made.total):
        if index not in skip:
            car = made.cars[index % 2]
            rows.append((index / made.rate + 0.02, car.kid, made.boot, made.first[index]))
    return rows


def judged(made, answers=None, answered=None, rows=None, flood=None):
    flight = SimpleNamespace(
        answers=[answer(made, i) for i in range(made.total)] if answers is None else answers,
        answered=answered or [i / made.rate + 0.01 for i in range(made.total)],
        flood=flood,
        repeats=0,
        apart=False,
        notifications=0,
        lag=[0.0],
        cpu_s=0.1,
        lasted_s=1.0,
        blocked=0,
        dropped=0,
    )
    return figures.Figures(made, flight, Heard(heard(made) if rows is None else rows), 0).document()


def test_all_is_well(made):
    document = judged(made)
    assert (document["answered"], document["unanswered"], document["lost"], document["doubled"]) == (
        made.total,
        0,
        0,
        0,
    )
    assert document["answer_ms"]["all"]["p99"] == pytest.approx(10)
    assert document["arrival_ms"]["all"]["max"] == pytest.approx(20)
    assert document["frames_per_s"] == 10
    assert figures.broken(document) == []


def test_what_was_answered_and_never_arrived_is_lost(made):
    document = judged(made, rows=heard(made, skip={4}))
    assert document["lost"] == 1
    assert document["arrival_ms"]["all"]["max"] is None
    assert "1 datagrams were answered 2.04" in figures.broken(document)[0]


def test_what_was_not_answered_is_not_lost_but_late_for_ever(made):
    answers = [answer(made, i) for i in range(made.total) if i != 4]
    document = judged(made, answers, rows=heard(made, skip={4}))
    assert (document["lost"], document["unanswered"]) == (0, 1)
    assert document["answer_ms"]["all"]["max"] is None


def test_a_frame_that_comes_again_is_counted(made):
    rows = heard(made)
    assert judged(made, rows=[*rows, rows[3]])["doubled"] == 1


def test_frames_of_another_run_are_told_apart(made):
    rows = heard(made)
    at_s, kid, boot, seq = rows[0]
    document = judged(made, rows=[(at_s, kid, boot - 1, seq), (at_s, bytes(8), boot, seq), *rows])
    assert (document["foreign"], document["lost"], document["doubled"]) == (2, 0, 0)


def test_an_answer_under_the_seal_of_another_is_no_answer(made):
    answers = [answer(made, i) for i in range(made.total) if i != 4]
    _, data = answer(made, 6)
    document = judged(made, [*answers, (4, data)])
    assert (document["not_authentic"], document["unanswered"]) == (1, 1)
    assert "sealed by nobody" in figures.broken(document)[0]


def test_a_refusal_inside_is_no_answer(made):
    answers = [answer(made, i, coap.BAD_REQUEST if i == 4 else coap.CHANGED) for i in range(made.total)]
    document = judged(made, answers)
    assert document["codes"] == {"2.04": made.total - 1, "4.00": 1}
    assert document["unanswered"] == 1


def test_strangers_who_get_more_than_they_send_are_a_broken_promise(made):
    flood = SimpleNamespace(rate=1, sent=1, sent_bytes=10, answers=1, answered_bytes=11)
    assert "strangers got 11 bytes for 10" in figures.broken(judged(made, flood=flood))[0]
    flood.answered_bytes = 10
    assert figures.broken(judged(made, flood=flood)) == []


def test_a_quantile_is_never_better_than_what_was_measured():
    assert figures.quantiles([0.001 * n for n in range(1, 101)])["p99"] == pytest.approx(99)
    assert figures.quantiles([0.001, math.inf])["p50"] == pytest.approx(1)
    assert figures.quantiles([0.001, 0.002, math.inf])["p90"] is None
    assert figures.quantiles([]) == {"n": 0}


def test_it_is_told_in_lines(made):
    text = "\n".join(figures.lines(judged(made, rows=heard(made, skip={4}))))
    assert "lost 1" in text
    assert "never" in text
