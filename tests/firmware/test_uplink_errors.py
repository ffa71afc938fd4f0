# runs on: micropython
"""Authentic answers that are not a 2.04: each frame is kept, and no frame blocks another."""

from protocol import coap
from protocol.coap import CON, Message
from protocol.report import KIND_PANIC, KIND_STATUS, KIND_TRACK
from tests.firmware.uplink_bench import Bench, gaps, left, linked


def says(code, *options):
    return lambda frames, message: Message(CON, code, options=list(options))


def requests(bench, urgent):
    """Times of the first datagram of each request."""
    seen = {}
    for when, lane, data in bench.sent_log:
        if lane == urgent and data not in seen:
            seen[data] = when
    return sorted(seen.values())


def test_suspended_terminal_keeps_its_frames_slows_down_and_comes_back():
    bench = linked()
    bench.suspend = True
    changes = []
    bench.uplink.on_change = lambda: changes.append((bench.now, bench.uplink.suspended))
    bench.say(0, KIND_STATUS)
    bench.say(1)
    bench.run(600000)
    assert bench.uplink.suspended and left(bench) == (1, 1) and bench.uplink.refused == 0
    assert min(gaps(requests(bench, True))) >= 30000 and len(requests(bench, True)) <= 21
    bench.say(2, KIND_PANIC)
    bench.run(60000)
    assert bench.uplink.suspended and bench.when("stored", 2) is None
    bench.suspend = False
    bench.run(10500)
    assert bench.when("stored", 2) is not None, "a panic asks every ten seconds"
    bench.run(300000)
    assert left(bench) == (0, 0)
    assert [suspended for _, suspended in changes] == [True, False]


def test_overloaded_gateway_is_left_alone_for_its_max_age_and_a_panic_asks_sooner():
    for age, pause in ((b"\x14", 20000), (b"\x01\x2c", 300000), (None, 60000)):
        bench = linked()
        bench.wish = says(coap.SERVICE_UNAVAILABLE, *([] if age is None else [(coap.MAX_AGE, age)]))
        bench.say(0, KIND_STATUS)
        bench.say(1)
        bench.run(2000)
        bench.sent_log.clear()
        bench.run(pause - 4000)
        assert requests(bench, True) == [], "the urgent lane honours it as well"
        assert left(bench) == (1, 1)
        bench.say(2, KIND_PANIC)
        bench.run(21000)
        assert len(requests(bench, True)) in (5, 6), "5 s at most for a panic, then again with a fresh number"
        bench.wish = None
        bench.run(5000 + pause)
        assert left(bench) == (0, 0)


def test_a_batch_that_is_too_large_is_split_and_grows_again():
    bench = Bench()
    for seq in range(20):
        bench.say(seq)
    sizes = []

    def narrow(frames, message):
        sizes.append(len(frames))
        return Message(CON, coap.TOO_LARGE) if len(frames) > 2 else None

    bench.wish = narrow
    bench.run(20000)
    assert sizes[:3] == [6, 3, 1] and max(sizes[3:]) <= 6
    assert left(bench) == (0, 0) and bench.uplink.refused == 0
    assert bench.stored == dict([((1, seq), 1) for seq in range(20)])


def test_one_bad_frame_in_a_batch_is_found_and_set_aside():
    bench = Bench()
    for seq in range(15):
        bench.say(seq)
    bench.wish = lambda frames, message: Message(CON, coap.BAD_REQUEST) if (1, 8) in frames else None
    bench.run(60000)
    assert sorted(bench.stored) == [(1, seq) for seq in range(15) if seq != 8]
    assert left(bench) == (0, 1), "it stays on flash"
    assert bench.uplink.refused == 1
    bench.sent_log.clear()
    bench.run(30000)
    assert bench.uplink.refused == 1
    bench.say(15)
    bench.run(2000)
    assert (1, 15) in bench.stored


def test_a_bad_urgent_frame_is_set_aside_and_the_next_ones_pass():
    bench = linked()
    bench.wish = lambda frames, message: Message(CON, coap.BAD_REQUEST) if frames[0][1] < 6 else None
    for seq in range(12):
        bench.say(seq, KIND_STATUS)
    bench.run(30000)
    assert sorted(bench.stored) == [(1, seq) for seq in range(6, 12)]
    assert left(bench) == (6, 0) and bench.uplink.refused == 6
    bench.say(12, KIND_PANIC)
    bench.run(500)
    assert (1, 12) in bench.stored
    assert len([text for text in bench.log if "set aside" in text]) == 6
    # In the next boot they are tried again: perhaps it was the gateway that was wrong.
    bench.wish = None
    bench.flash.power_on()
    bench.boot()
    bench.run(10000)
    assert left(bench) == (0, 0) and len(bench.stored) == 13


def test_every_frame_refused_does_not_become_a_storm():
    bench = linked()
    bench.wish = says(coap.BAD_REQUEST)
    for seq in range(60):
        bench.say(seq, KIND_STATUS if seq & 1 else 1)
    bench.run(120000)
    assert left(bench) == (30, 30)
    assert len(bench.sent_log) < 240, len(bench.sent_log)


def test_an_odd_answer_is_tried_again_ever_more_slowly():
    for code in (coap.NOT_FOUND, coap.INTERNAL_ERROR, coap.METHOD_NOT_ALLOWED, coap.CONTENT):
        bench = linked()
        bench.wish = says(code)
        bench.say(0, KIND_STATUS)
        bench.say(1, KIND_TRACK, size=3)
        bench.run(300000)
        assert left(bench) == (1, 1) and bench.uplink.refused == 0
        assert len(requests(bench, True)) < 16
        bench.say(2, KIND_PANIC)
        bench.run(30000)
        bench.wish = None
        bench.run(6000)
        assert bench.when("stored", 2) is not None, "a panic is not slowed beyond five seconds"


def test_flash_that_will_not_drop_a_frame_does_not_make_a_storm():
    bench = linked()
    bench.say(0, KIND_STATUS)
    bench.say(1)
    bench.wear_out_flash()
    bench.run(120000)
    assert bench.stored == {(1, 0): 1, (1, 1): 1}
    bench.wear_out_flash(False)
    bench.flash.power_on()
    bench.boot()
    bench.run(5000)
    assert left(bench) == (0, 0)
