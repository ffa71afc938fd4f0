# runs on: micropython
"""Frames on their way: urgent at once, bulk in batches, and out of the journal only on an authentic 2.04."""

from protocol import coap
from protocol.coap import CON, Message
from protocol.report import KIND_EVENT, KIND_PANIC, KIND_STATUS, KIND_TRACK
from tests.firmware.uplink_bench import Bench, gaps, left, linked
from tests.firmware.uplink_frames import UTC_MS


def test_a_panic_is_sent_in_the_same_step_and_told_in_order():
    bench = linked()
    pressed = bench.now
    bench.say(0, KIND_PANIC)
    bench.run(1000)
    assert bench.when("sent", 0) == pressed
    assert bench.when("stored", 0) == pressed + 80, "one round trip"
    assert bench.events == [(pressed, "sent", 1, 0), (pressed + 80, "stored", 1, 0)]
    assert bench.stored == {(1, 0): 1} and left(bench) == (0, 0)
    assert [urgent for _, urgent, _ in bench.sent_log] == [True], "and nothing else was sent"


def test_urgent_is_repeated_every_half_second_with_the_same_bytes_and_renewed_after_twenty():
    bench = linked()
    bench.deaf = True
    start = bench.now
    bench.say(0, KIND_PANIC)
    bench.run(60900)
    sent = [(when - start, data) for when, urgent, data in bench.sent_log if urgent]
    assert [when for when, _ in sent] == list(range(0, 61000, 500))
    versions = []
    for when, data in sent:
        if not versions or versions[-1][1] != data:
            versions.append((when, data))
    assert [when for when, _ in versions] == [0, 20000, 40000, 60000]
    assert bench.when("stored", 0) is None and left(bench) == (1, 0)
    bench.deaf = False
    bench.run(1000)
    assert bench.when("stored", 0) is not None and left(bench) == (0, 0)


def test_a_path_slower_than_the_renewal_still_brings_the_answer():
    bench = linked()
    bench.delay_ms = 15000
    start = bench.now
    bench.say(0, KIND_PANIC)
    bench.run(31000)
    assert bench.when("stored", 0) == start + 30000


def test_urgent_does_not_wait_for_a_bulk_exchange_under_way():
    bench = linked()
    bench.wish = lambda frames, message: "nothing" if frames[0][1] == 0 else None
    bench.say(0)
    bench.run(300)
    assert bench.stored == {}
    pressed = bench.now
    bench.say(1, KIND_STATUS)
    bench.run(200)
    assert bench.when("stored", 1) == pressed + 80


def test_bulk_goes_in_batches_within_one_datagram():
    bench = Bench()
    for seq in range(20):
        bench.say(seq)
    for seq in range(20, 24):
        bench.say(seq, KIND_TRACK, size=12)
    seen = []
    bench.wish = lambda frames, message: seen.append(([seq for _, seq in frames], len(message.payload)))
    bench.run(5000)
    assert [seq for batch, _ in seen for seq in batch] == list(range(24))
    assert [len(batch) for batch, _ in seen[:3]] == [6, 6, 6]
    assert all(size <= 1087 for _, size in seen) and len(seen) < 9
    assert all(len(data) <= 1152 for _, _, data in bench.sent_log)
    assert left(bench) == (0, 0) and not any(urgent for _, urgent, _ in bench.sent_log)
    assert len(bench.events) == 0, "on_sent and on_stored speak of urgent frames"


def test_nothing_leaves_the_journal_without_an_authentic_answer():
    """4.01, a forged 2.04, a 2.04 for another request, a Reset: each is at most a hint."""
    bench = linked()

    def forge(code):
        def at_gateway(datagram):
            message = coap.decode(datagram)
            if code is None:
                answer = Message(coap.RST, 0, message.message_id)
            else:
                answer = Message(coap.ACK, code, message.message_id, message.token, payload=b"\xa0")
            bench.air.append((bench.now + 40, False, answer.encode()))

        return at_gateway

    honest = bench._at_gateway
    bench.say(0, KIND_PANIC)
    bench.say(1)
    for code in (coap.UNAUTHORIZED, coap.CHANGED, coap.FORBIDDEN, coap.BAD_REQUEST, None):
        bench._at_gateway = forge(code)
        bench.run(8000)
        assert left(bench) == (1, 1) and bench.when("stored", 0) is None
        assert not bench.uplink.suspended and bench.uplink.refused == 0
    times = [when for when, urgent, _ in bench.sent_log if urgent]
    assert max(gaps(times)) <= 500, "no hint slows the urgent lane"
    starts = []
    for when, urgent, data in bench.sent_log:
        if urgent and data not in [d for _, d in starts]:
            starts.append((when, data))
    assert min(gaps([when for when, _ in starts])) >= 1000, "at most one fresh one a second"
    assert len(starts) >= 4
    bench._at_gateway = honest
    bench.run(30000)
    assert left(bench) == (0, 0) and bench.stored == {(1, 0): 1, (1, 1): 1}


def test_a_replay_is_refused_by_the_gateway_and_mended_with_a_fresh_number():
    """The gateway lost its cache of answers, not its window: 4.01 to the same bytes, 2.04 to fresh ones."""
    bench = linked()
    bench.wish = lambda frames, message: "nothing"
    bench.say(0, KIND_PANIC)
    bench.run(300)
    bench.wish = None
    start = bench.now
    bench.run(2500)
    assert bench.rejected >= 1 and bench.when("stored", 0) is not None
    assert bench.when("stored", 0) - start < 2000


def test_every_frame_arrives_once_in_effect_over_a_bad_network():
    for seed in range(4):
        bench = Bench(seed, loss=35, duplicate=15, delay_ms=500)
        for seq in range(40):
            bench.say(seq, (KIND_PANIC, KIND_EVENT)[seq & 1] if seq % 10 == 0 else 1)
            bench.run(900)
        bench.run(240000)
        assert left(bench) == (0, 0), seed
        assert sorted(bench.stored) == [(1, seq) for seq in range(40)], seed
        assert sorted([e[3] for e in bench.events if e[1] == "stored"]) == [0, 10, 20, 30], seed


def test_without_a_bearer_nothing_is_sent_and_then_the_panic_first():
    bench = Bench()
    bench.modem.set_up(False)
    for seq in range(12):
        bench.say(seq, KIND_STATUS)
    for seq in range(12, 20):
        bench.say(seq)
    bench.run(100000)
    bench.say(20, KIND_PANIC)
    bench.run(100000)
    assert bench.sent_log == [] and left(bench) == (13, 8)
    up = bench.now
    bench.modem.set_up(True)
    bench.run(5000)
    assert left(bench) == (0, 0)
    first = [event for event in bench.events if event[1] == "sent"][0]
    assert first == (up, "sent", 1, 20) and bench.when("stored", 20) == up + 80
    assert bench.uplink.linked


def test_a_backlog_is_sent_after_a_restart_under_its_own_names():
    bench = Bench()
    bench.modem.set_up(False)
    for seq in range(8):
        bench.say(seq, KIND_STATUS if seq & 1 else 1)
    bench.run(1000)
    bench.flash.power_on()
    bench.boot()
    bench.modem.set_up(True)
    bench.say(0, KIND_PANIC)
    bench.run(4000)
    assert sorted(bench.stored) == [(1, seq) for seq in range(8)] + [(2, 0)] and left(bench) == (0, 0)
    assert bench.events[0][1:] == ("sent", 2, 0)


def test_a_full_modem_delays_and_loses_nothing():
    bench = linked()
    bench.modem.full = True
    start = bench.now
    bench.say(0, KIND_PANIC)
    bench.run(5000)
    assert bench.when("sent", 0) is None and bench.sent_log == []
    bench.modem.full = False
    bench.run(1000)
    assert 0 <= bench.when("sent", 0) - (start + 5000) <= 50
    assert bench.stored == {(1, 0): 1}


def test_four_slots_repeat_at_a_time_and_a_panic_takes_one():
    bench = linked()
    bench.deaf = True
    for seq in range(10):
        bench.say(seq, KIND_STATUS)
    bench.run(3000)
    bench.sent_log.clear()
    bench.say(10, KIND_PANIC)
    pressed = bench.now
    bench.run(1990)
    assert bench.when("sent", 10) == pressed
    times = {}
    for when, _, data in bench.sent_log:
        times.setdefault(data, []).append(when - pressed)
    assert sorted(times.values()) == [[0, 500, 1000, 1500]] + 3 * [[500, 1000, 1500]], times
    bench.deaf = False
    bench.run(20000)
    assert left(bench) == (0, 0) and len(bench.stored) == 11


def test_gateway_time_comes_with_its_round_trip_and_not_when_it_is_old():
    bench = linked()
    bench.say(0, KIND_STATUS)
    bench.run(1000)
    assert len(bench.times) == 1
    utc_ms, rtt_ms = bench.times[0]
    assert rtt_ms == 80 and utc_ms == UTC_MS + bench.when("stored", 0) - 40
    bench.delay_ms = 4000
    bench.say(1, KIND_STATUS)
    bench.run(9000)
    assert bench.when("stored", 1) is not None and len(bench.times) == 1


def test_an_answer_without_gateway_time_is_still_an_answer():
    for payload in (b"", b"\xff", b"\x01", b"\xa1\x00\x61x", b"\x80"):
        bench = linked()
        bench.wish = lambda frames, message, payload=payload: Message(CON, coap.CHANGED, payload=payload)
        bench.say(0, KIND_PANIC)
        bench.run(500)
        assert bench.when("stored", 0) is not None and left(bench) == (0, 0) and bench.times == []


def test_after_an_outage_bulk_does_not_wait_out_its_pause():
    """Twenty minutes of silence let the pauses grow to minutes; the first authentic word ends them."""
    bench = linked()
    bench.deaf = True
    bench.say(0)
    bench.run(1200000)
    sent = [when for when, urgent, _ in bench.sent_log if not urgent]
    assert len(sent) < 150, "bulk and keep-alive do back off"
    bench.deaf = False
    bench.say(1, KIND_STATUS)
    bench.run(1500)
    assert left(bench) == (0, 0) and len(bench.stored) == 2
