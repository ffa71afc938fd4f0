"""A day, and a month, of keys: the terminal's pieces against lakers over a bad network, in virtual time.

What has to hold at every moment: the context that the terminal protects with is one that the gateway holds.
"""

import pytest

from tests.protocol.keys_road import DAY, HOUR, MIN, Road, S, check


@pytest.mark.parametrize("loss", [0, 10, 30, 50])
def test_a_day_with_a_renewal_every_ten_minutes(loss):
    """The gateway asks for it. Never a moment without keys that both have; no request is ever unreadable."""
    road = Road(seed=loss, loss=loss)
    road.every(10 * MIN, lambda: setattr(road.gateway, "asks", True))
    road.run(DAY)
    (start, first_ms), *gaps = road.holes
    assert start == 0 and first_ms < (2 * S if loss < 30 else 90 * S), "the first keys"
    assert gaps == [] and road._hole_since is None
    check(road)
    made = len(road.terminal.established)
    assert made >= (100 if loss < 50 else 60), (made, road.terminal.failures)
    assert road.gateway.established >= made
    assert road.gateway.refused == 0, "late repeats under an old context are still read"
    slow = max(ms for name, ms in road.terminal.answered if name.startswith(b"panic"))
    assert slow < (3 * S if loss == 0 else 40 * S)


@pytest.mark.parametrize("loss", [0, 20])
def test_a_month(loss):
    """One renewal a day by the terminal's own clock, and no gap."""
    road = Road(seed=100 + loss, loss=loss, report_ms=20 * MIN, urgent_ms=6 * HOUR)
    road.run(30 * DAY)
    (start, _), *gaps = road.holes
    assert start == 0 and gaps == [] and road._hole_since is None
    check(road)
    made = road.terminal.established
    assert 30 <= len(made) <= 33
    spans = [b - a for a, b in zip(made, made[1:], strict=False)]
    assert all(23 * HOUR - MIN <= span <= 24 * HOUR + (0 if loss == 0 else 10 * MIN) + MIN for span in spans)


def test_a_gateway_that_asks_in_every_answer():
    """Each context is used before the next is asked for, so none is forgotten that the terminal relies on."""
    road = Road(seed=6, loss=40, report_ms=3 * S, urgent_ms=10 * MIN, delay_ms=2000)
    road.every(S, lambda: setattr(road.gateway, "asks", True))
    road.run(3 * HOUR)
    assert road.holes[1:] == [] and road._hole_since is None
    assert len(road.terminal.established) > 150
    check(road)


def test_the_gateway_loses_its_store_again_and_again():
    """The terminal finds its way back by itself, an alarm included, and nothing urgent is lost."""
    road = Road(seed=7, loss=10, urgent_ms=3 * MIN)
    road.every(HOUR, road.gateway.lose_store)
    road.run(DAY)
    assert len(road.holes) == 24
    # At worst: a minute to the next request, 3 s of silence, 10 s of jitter, a handshake over a bad road.
    assert max(ms for _, ms in road.holes[1:]) < 110 * S
    check(road)
    assert len(road.terminal.established) < 24 * 4


def test_the_gateway_restarts_in_the_middle_of_handshakes():
    """What was not durable is gone: the handshake fails, the old keys serve, and a later one works."""
    road = Road(seed=8, loss=10)
    road.every(10 * MIN, lambda: setattr(road.gateway, "asks", True))
    first = road.gateway._first

    def falls(message_1, now):
        answer = first(message_1, now)
        if road.rng.randrange(2):
            road.gateway.restart()
        return answer

    road.gateway._first = falls
    road.run(DAY)
    assert road.holes[1:] == [] and road._hole_since is None
    check(road)
    assert sum(road.terminal.failures.values()) > 20 and len(road.terminal.established) > 20


@pytest.mark.parametrize("clock", [False, True])
def test_the_terminal_loses_power_all_the_time(clock):
    """In the middle of handshakes too: what is in flash is what the gateway holds, or held before."""
    road = Road(seed=13, loss=10)
    road.every(10 * MIN, lambda: setattr(road.gateway, "asks", True))
    road.every(7 * MIN + 77, lambda: road.terminal.reboot(road.now, clock))
    begin = road.terminal._begin

    def falls(now):
        begin(now)
        if road.rng.randrange(2):
            road.at(now + road.rng.randrange(3 * S), lambda: road.terminal.reboot(road.now, clock))

    road.terminal._begin = falls
    road.run(DAY)
    assert road.holes[1:] == [] and road._hole_since is None
    check(road)
    assert len(road.terminal.established) > 40


@pytest.mark.parametrize("clock", [False, True])
def test_many_short_shifts(clock):
    """Twice a day for two hours. With a clock the keys are made anew once a day; without one once in each
    shift, as nobody can say how old they are."""
    road = Road(seed=14, loss=0, report_ms=5 * MIN, urgent_ms=10 * DAY)
    road.run(HOUR)
    for half_day in range(1, 20):
        road.cut = True
        road.now = half_day * DAY // 2
        road.terminal.reboot(road.now, clock)
        road.cut = False
        road.run(road.now + 2 * HOUR)
    assert road.holes[1:] == []
    made = len(road.terminal.established)
    assert made == 20 if not clock else 9 <= made <= 11


def test_a_dead_road_for_hours():
    road = Road(seed=9, loss=10, urgent_ms=10 * DAY)
    road.run(3 * HOUR)
    road.cut = True
    road.run(40 * HOUR)
    attempts = sum(road.terminal.failures.values())
    assert attempts < 60, "the day ended while the road was dead: few attempts, and with pauses"
    road.cut = False
    road.run(42 * HOUR)
    assert road.holes[1:] == [] and len(road.terminal.established) == 2
    check(road)


def spoil(datagram, code, payload=b""):
    """An answer to a request that somebody saw go by: its message id, its token, and what he likes."""
    token = datagram[0] & 15
    return bytes([0x60 | token, code]) + datagram[2 : 4 + token] + (b"\xff" + payload if payload else b"")


def test_forged_hints_beside_true_answers_change_nothing():
    """Whoever sees each request answers it with 4.01, faster than the gateway."""
    road = Road(seed=10, loss=0)
    forged = []

    def forge(up, datagram):
        if up and datagram[1] == 0x02:
            forged.append(1)
            road.deliver(False, spoil(datagram, 0x81), 0)

    road.run(MIN)
    road.forger = forge
    road.run(DAY // 2)
    assert len(forged) > 700 and len(road.terminal.established) == 1 and not road.terminal.failures
    check(road)
    assert max(ms for _, ms in road.terminal.answered) < 3 * S


def test_forged_hints_while_the_true_answers_are_swallowed():
    """He gets few handshakes for it, and the old keys serve as soon as he lets an answer through."""
    road = Road(seed=11, loss=0, urgent_ms=10 * DAY)
    road.run(MIN)
    receive = road.gateway.receive
    silent = []

    def swallow(datagram, now):
        answers = receive(datagram, now)
        return [] if silent else answers

    def forge(up, datagram):
        if up and silent:
            road.deliver(False, spoil(datagram, 0x81), 0)

    road.gateway.receive, road.forger = swallow, forge
    silent.append(1)
    road.run(6 * HOUR)
    attempts = sum(road.terminal.failures.values())
    assert 5 < attempts < 6 * 12 + 10, road.terminal.failures
    assert len(road.terminal.established) == 1
    silent.clear()
    before = len(road.terminal.answered)
    road.run(6 * HOUR + 3 * MIN)
    assert len(road.terminal.answered) > before + 1 and road.holes[1:] == []


def test_forged_messages_in_every_handshake():
    """Each request of a handshake is answered at once by two forgeries; the true answer comes after them."""
    road = Road(seed=12, loss=0, delay_ms=100)
    road.every(10 * MIN, lambda: setattr(road.gateway, "asks", True))
    forged = []

    def forge(up, datagram):
        if up and b"edhoc" in datagram:
            forged.append(1)
            point = road.terminal.own.x
            for payload in (b"\x58\x37" + point + bytes(23), b"\x48" + bytes(8), b"\x01\x61x"):
                road.deliver(False, spoil(datagram, 0x44, payload), 0)
            road.deliver(False, spoil(datagram, 0x80, b"\x03\xf5"), 0)

    road.forger = forge
    road.run(DAY // 4)
    assert len(forged) > 60 and len(road.terminal.established) > 30
    assert not road.terminal.failures and road.holes[1:] == []
    check(road)
