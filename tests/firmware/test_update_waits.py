# runs on: micropython
"""When an update waits, what a reset leaves of it, and what may go wrong in the middle."""

from firmware import statefile, update_row
from protocol import coap, update
from tests.firmware.update_bench import (
    DONE,
    LATER,
    NEW,
    NOT_SUPPORTED,
    OLD,
    REFUSED,
    Bench,
    Reset,
    ready,
    refused,
    said,
)
from tests.portable import raises

KEEP = 16384


def test_resumed_after_a_reset():
    image = bytes(n * 7 & 255 for n in range(40000))
    with Bench() as bench:
        bench.serve(NEW, image)
        bench.order()
        assert bench.run(lambda: bench.update.row.offset >= 30000)
        bench.boot(OLD)
        before = len(bench.slots.writes)
        assert bench.run(lambda: bench.state == update.READY)
        assert bench.slots.writes[before] == KEEP, "from what is surely on flash"
        assert bytes(bench.slots.data[: len(image)]) == image
        names = [bytes(a.options[0][1]) for a in bench.link.asked if a.code == coap.GET]
        assert not any(name.endswith(b".suit") for name in names), "the manifest is not asked for again"


def test_what_is_said_to_be_on_flash_is_there():
    """Whenever power fails: before each write of a block, /update says no more than was written before it."""
    image = bytes(n * 7 & 255 for n in range(40000))
    with Bench() as bench:
        bench.serve(NEW, image)
        write = bench.slots.write
        kept = []

        def watched(offset, data):
            kept.append(bench.row[4])
            assert kept[-1] <= offset
            write(offset, data)

        bench.slots.write = watched
        bench.order()
        assert bench.run(lambda: bench.state == update.READY)
        assert kept[0] == 0 and KEEP in kept and bench.row[4] == len(image)


def test_nothing_while_an_alarm_is_open():
    for alarm in (
        lambda bench: setattr(bench.app.modem, "panic_active", True),
        lambda bench: bench.panics.open.append(1),
        lambda bench: setattr(bench, "urgent", 1),
    ):
        with Bench() as bench:
            bench.order()
            assert bench.run(lambda: bench.state == update.FETCHING)
            bench.update.step()
            bench.answer()  # a block that was under way
            asked, written = len(bench.link.asked), len(bench.slots.writes)
            alarm(bench)
            for _ in range(20):
                bench.now += bench.update.step() or 1000
            assert (len(bench.link.asked), len(bench.slots.writes)) == (asked, written)
            bench.app.modem.panic_active = False
            if bench.panics.open:
                assert bench.update.due == -1, "it may go meanwhile"
                bench.panics.open.clear()
                bench.reload(OLD)
            bench.urgent = 0
            assert bench.run(lambda: bench.state == update.READY)


def test_nothing_without_a_link_and_in_safe_mode():
    with Bench() as bench:
        bench.order()
        bench.is_linked = False
        for _ in range(10):
            bench.now += bench.update.step()
        assert bench.link.asked == []
        bench.is_linked = True
        bench.app.safe = 1
        for _ in range(10):
            bench.now += bench.update.step()
        assert bench.link.asked == []
        bench.app.safe = 0
        assert bench.run(lambda: bench.state == update.READY)


def test_when_it_starts_anew():
    """Parked and nothing unsent; off duty at once, available after ten minutes, at work never."""
    for status, minutes in ((None, 0), (5, 0), (1, 10), (2, None), (3, None), (4, None)):
        with Bench() as bench:
            ready(bench)
            bench.app.builder.status = status
            bench.app.beat.quiet = True
            bench.bulk = 1
            since = bench.now
            for _ in range(100):
                bench.now += bench.update.step() or 1000
                if bench.said[-1:] != [(NEW, update.READY, "")] and bench.link.asked:
                    bench.answer()
            bench.bulk = 0
            since = bench.now
            started = None
            for _ in range(200):
                try:
                    bench.now += bench.update.step()
                except Reset:
                    started = bench.now - since
                    break
            if minutes is None:
                assert started is None, status
            else:
                assert started is not None and minutes * 60000 <= started <= minutes * 60000 + 30000, status


def test_what_is_in_memory_alone_is_waited_for():
    """Flash refused a status, or the heap had no room for storing it: a start would lose it."""
    for where in (lambda bench: bench.app.uplink.urgent.jobs, lambda bench: bench.app.builder.held):
        with Bench() as bench:
            ready(bench)
            bench.app.beat.quiet = True
            where(bench).append(1)
            for _ in range(50):
                bench.now += bench.update.step()
                if bench.link.asked and bench.said[-1][1] != update.READY:
                    bench.answer()
            assert bench.state == update.READY and not bench.slots.staged
            where(bench).clear()
            with raises(Reset):
                bench.run()


def test_driving_it_never_does():
    with Bench() as bench:
        ready(bench)
        for _ in range(200):
            bench.now += bench.update.step()
            if bench.link.asked and bench.said[-1][1] != update.READY:
                bench.answer()
        assert not bench.slots.staged


def test_a_pause_and_a_withdrawal_at_the_last_moment():
    """READY is a question: the gateway may say not now, or never."""
    with Bench() as bench:
        ready(bench)
        bench.app.beat.quiet = True
        bench.update.step()
        bench.answer(coap.SERVICE_UNAVAILABLE, b"", ((coap.MAX_AGE, b"\x02\x58"),))
        asked = len(bench.link.asked)
        since = bench.now
        while len(bench.link.asked) == asked:
            bench.now += bench.update.step()
        assert bench.now - since >= 600000 and not bench.slots.staged
        bench.answer(coap.NOT_FOUND)
        assert bench.update.step() is None and bench.state is None and not bench.slots.staged


def test_withdrawn_in_the_middle():
    with Bench() as bench:
        bench.order()
        assert bench.run(lambda: bench.update.row.offset >= 4096)
        bench.served.clear()
        refused(bench, "withdrawn", written=True)


def test_flash_that_fails():
    """Once: it goes on from what is surely there. Again and again: it is told."""
    with Bench() as bench:
        bench.order()
        assert bench.run(lambda: bench.update.row.offset >= 5120)
        bench.slots.trouble = OSError(5)
        assert bench.run(lambda: bench.state == update.READY)
    with Bench() as bench:
        bench.order()
        bench.slots.write = fail
        refused(bench, "EIO" if "EIO" in repr(OSError(5)) else "5")


def fail(offset, data):
    raise OSError(5)


def test_answers_that_do_not_come():
    with Bench() as bench:
        bench.order()
        bench.wait(70000)
        bench.update.step()
        first = bench.link.asked[-1]
        first.owner.failed(first)
        assert bench.update.step() > 0
        bench.wait(600000)
        bench.update.step()
        assert bench.link.asked[-1] is not first
        bench.link.asked[-1].owner.hinted(bench.link.asked[-1])  # a Reset, by whomever
        assert bench.link.cancelled[-1] is bench.link.asked[-1]
        first.owner.answered(first, None)  # what was given up is not listened to
        bench.wait(600000)
        bench.link.none = True
        bench.update.step()  # no number to protect it with
        bench.wait(600000)
        bench.link.none = False
        assert bench.run(lambda: bench.state == update.READY)


def test_notices():
    with Bench() as bench:
        for body in (None, {}, [], {0: 0}, {0: 1 << 24}, {0: True}, {0: "0.2.0"}):
            assert bench.update.asked(body) == REFUSED
        assert bench.order() == DONE and bench.order() == DONE
        # A later one takes its place.
        bench.serve(0x000300)
        assert bench.run(lambda: bench.state == update.FETCHING)
        assert bench.order(0x000300) == DONE
        assert bench.run(lambda: bench.state == update.READY)
        assert bench.slots.finished[1] == 0x000300
        bench.boot(0x000300, trial=True)
        assert bench.order(0x000400) == LATER, "first this one has to prove itself"
        bench.update._slots = None
        bench.update.row = None
        assert bench.order() == NOT_SUPPORTED


def test_a_file_of_another_version():
    with Bench() as bench:
        ready(bench)
        for data in (b"", b"\x80", b"\x87\x01\x02\x03\x04\x05\x06", b"\x61x", bytes(300)):
            statefile.write(update_row.FILE, data)
            bench.boot(OLD)
            assert bench.update.step() is None


def test_a_cable_was_quicker():
    with Bench() as bench:
        bench.order()
        assert bench.run(lambda: bench.update.row.offset >= 4096)
        bench.boot(NEW)
        assert bench.run() and said(bench)[-1] == update.DONE


def _on_trial_without_link(bench):
    """The new program runs, reaches nobody, and a key is down."""
    ready(bench)
    bench.app.beat.quiet = True
    with raises(Reset):
        bench.run()
    bench.boot(NEW, trial=True)
    bench.is_linked = False
    bench.pressed = True


def test_it_does_not_give_way_in_the_middle_of_a_press():
    """A hold that is not long enough yet, taps that are still counted: a reset would forget them."""
    with Bench() as bench:
        _on_trial_without_link(bench)
        bench.now = 1000000
        bench.update.step()
        assert not bench.slots.given_up
        bench.pressed = False
        with raises(Reset):
            bench.update.step()
        assert bench.slots.given_up


def test_a_key_that_chatters_for_ever_does_not_keep_a_bad_program():
    with Bench() as bench:
        _on_trial_without_link(bench)
        bench.now = 1799000
        bench.update.step()
        assert not bench.slots.given_up
        bench.now = 1800000
        with raises(Reset):
            bench.update.step()
        assert bench.slots.given_up
