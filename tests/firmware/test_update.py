# runs on: micropython
"""An update as the terminal does it: from the notice to the start, and what proves a program or ends it."""

from protocol import update
from tests.firmware.update_bench import (
    DONE,
    IMAGE,
    NEW,
    OLD,
    Bench,
    Reset,
    ready,
    refused,
    said,
    sha256,
)
from tests.portable import raises


def test_from_the_notice_to_the_start():
    with Bench() as bench:
        assert bench.update.step() is None, "nothing is under way"
        ready(bench)
        assert bytes(bench.slots.data[: len(IMAGE)]) == IMAGE
        assert bench.slots.finished == (len(IMAGE), NEW, sha256(IMAGE), "SIM")
        assert not bench.slots.staged
        bench.app.beat.quiet = True
        with raises(Reset):
            bench.run()
        assert bench.slots.staged == 1 and bench.state == update.TRYING
        assert said(bench) == [update.FETCHING, update.READY]


def test_the_new_one_proves_itself():
    with Bench() as bench:
        ready(bench)
        bench.app.beat.quiet = True
        bench.app.builder.status = 5
        with raises(Reset):
            bench.run()
        bench.boot(NEW, trial=True)
        assert bench.app.builder.status == 5, "what the officer said last is said on"
        assert bench.run()
        assert bench.slots.confirmed and bench.now >= 60000
        assert said(bench)[-2:] == [update.TRYING, update.DONE] and bench.state is None


def test_the_new_one_waits_for_all_it_has_to_show():
    """No link, something unsent, a task that died: each alone keeps it from being confirmed."""
    for trouble in ("is_linked", "bulk", "dead"):
        with Bench() as bench:
            ready(bench)
            bench.app.beat.quiet = True
            with raises(Reset):
                bench.run()
            bench.boot(NEW, trial=True)
            setattr(bench, trouble, trouble != "is_linked")
            for _ in range(70):
                bench.now += 15000
                if bench.now >= 900000:
                    break
                bench.update.step()
                assert not bench.slots.confirmed
            with raises(Reset):
                bench.update.step()
            assert bench.slots.given_up
            # The one before tells why.
            bench.boot(OLD)
            assert bench.state == update.FELL_BACK
            assert bench.run()
            words = {"is_linked": "no link", "bulk": "unsent", "dead": "tasks died"}
            assert bench.said[-1][1:] == (update.FELL_BACK, words[trouble])


def test_an_alarm_that_is_served_is_not_cut():
    """The new one has lost a task and will give way; not in an alarm that it can tell of."""
    with Bench() as bench:
        ready(bench)
        bench.app.beat.quiet = True
        with raises(Reset):
            bench.run()
        bench.boot(NEW, trial=True)
        bench.dead = 1
        bench.panics.open.append(1)
        bench.now = 1000000
        bench.update.step()
        assert not bench.slots.given_up and not bench.slots.confirmed
        bench.is_linked = False
        with raises(Reset):
            bench.update.step()
        bench.slots.given_up = False
        bench.is_linked = True
        bench.panics.open.clear()
        with raises(Reset):
            bench.update.step()
        assert bench.slots.given_up


def test_a_key_pressed_at_the_last_moment():
    """While the image is read once more, interrupts alone see the keys: a reset would forget the press."""
    with Bench() as bench:
        ready(bench)
        bench.run(lambda: bench.said[-1][1] == update.READY)
        staging = bench.slots.staging

        def pressed():
            bench.pressed = True
            return staging()

        bench.slots.staging = pressed
        bench.app.beat.quiet = True
        while not bench.slots.staged:
            bench.now += bench.update.step()
        assert bench.state == update.READY
        # The key's task has had its turn, and there was no alarm in it.
        bench.pressed = False
        bench.slots.staging = staging
        with raises(Reset):
            bench.run()
        assert bench.state == update.TRYING


def test_an_alarm_at_the_last_moment():
    """While the image is read once more PANIC was pressed, or its lamp has just changed: no reset now."""
    with Bench() as bench:
        ready(bench)
        bench.run(lambda: bench.said[-1][1] == update.READY)
        staging = bench.slots.staging

        def pressed():
            bench.waits = True
            return staging()

        bench.slots.staging = pressed
        bench.app.beat.quiet = True
        while not bench.slots.staged:
            bench.now += bench.update.step()
        for _ in range(5):  # as long as that lasts
            bench.now += bench.update.step()
        assert bench.state == update.READY
        bench.waits = False
        bench.slots.staging = staging
        with raises(Reset):
            bench.run()
        assert bench.state == update.TRYING


def test_a_new_one_that_never_came_up():
    with Bench() as bench:
        ready(bench)
        bench.app.beat.quiet = True
        with raises(Reset):
            bench.run()
        bench.boot(OLD)
        assert bench.run()
        assert bench.said[-1] == (NEW, update.FELL_BACK, "it never came up")
        # It is not tried again by itself; when it is asked for, it is.
        assert bench.update.step() is None
        assert bench.order() == DONE


def test_a_new_one_that_came_up_and_died():
    with Bench() as bench:
        ready(bench)
        bench.app.beat.quiet = True
        with raises(Reset):
            bench.run()
        bench.boot(NEW, trial=True)
        bench.boot(OLD)
        assert bench.run()
        assert bench.said[-1] == (NEW, update.FELL_BACK, "the last it said: started")


def test_what_is_confirmed_by_others_is_done():
    """Power was lost between the confirmation and what /update says."""
    with Bench() as bench:
        ready(bench)
        bench.app.beat.quiet = True
        with raises(Reset):
            bench.run()
        bench.boot(NEW, trial=False)
        assert bench.run()
        assert said(bench)[-1] == update.DONE


def test_power_lost_between_stage_and_the_file():
    with Bench() as bench:
        ready(bench)
        assert bench.state == update.READY
        bench.boot(NEW, trial=True)  # staged, and /update still says ready
        assert bench.state == update.TRYING
        assert bench.run() and bench.slots.confirmed


def test_an_image_that_rots_before_it_is_started():
    with Bench() as bench:
        ready(bench)
        bench.slots.data[700] ^= 1
        bench.app.beat.quiet = True
        refused(bench, "not what it was", written=True)


def test_one_that_came_by_cable_proves_itself_alone():
    """No /update, no link: its tasks have to live, and that is all."""
    with Bench() as bench:
        bench.is_linked = False
        bench.boot(NEW, trial=True)
        bench.is_linked = False
        assert bench.run() and bench.slots.confirmed and bench.link.asked == []
        assert bench.state is None
        bench.boot(NEW, trial=True)
        bench.slots.confirmed = False
        bench.dead = 1
        with raises(Reset):
            bench.run(steps=1000)
        assert bench.slots.given_up and not bench.slots.confirmed


def test_a_cable_came_first():
    """An update was under way when another program came by cable: that one proves itself, whatever /update
    says; then the update goes on, from its manifest, for its bytes may be gone from flash."""
    for until in (update.FETCHING, update.READY, update.ASKED):
        with Bench() as bench:
            bench.order()
            assert bench.run(lambda until=until: bench.state == until)
            between = 0x000180
            bench.slots.desk = int(until == update.READY)  # else there is nothing that it could be taken for
            bench.boot(between, trial=True)
            bench.slots.finished = None
            bench.slots.begun = False
            before = len(bench.said)
            assert bench.run(lambda: bench.slots.confirmed)
            assert len(bench.said) == before and not bench.slots.begun
            assert bench.run(lambda: bench.state == update.READY)
            assert bench.slots.begun and bench.slots.finished[1] == NEW
    with Bench() as bench:
        ready(bench)
        bench.slots.desk = 1
        bench.boot(0x000300, trial=True)  # newer than what was asked for
        bench.slots.finished = None
        assert bench.run(), "refused as older"
        assert bench.slots.confirmed and bench.said[-1][1] == update.REFUSED


def test_over_the_air_it_has_to_be_the_one_that_was_asked_for():
    """Its manifest says one version and the image itself another: it does not pass for one by cable."""
    for state in (update.READY, update.TRYING):
        with Bench() as bench:
            ready(bench)
            if state == update.TRYING:
                bench.app.beat.quiet = True
                with raises(Reset):
                    bench.run()
            assert bench.state == state
            for _ in range(2):  # power may fail before it has given way
                bench.boot(0x000180, trial=True)
                with raises(Reset):
                    bench.run()
                assert bench.slots.given_up and not bench.slots.confirmed
            bench.boot(OLD)
            assert bench.run() and bench.said[-1][1] == update.FELL_BACK


def test_another_image_where_the_update_lay():
    """A cable wrote there since, and what it wrote is whole: not started over the air, but fetched anew."""
    with Bench() as bench:
        ready(bench)
        bench.run(lambda: bench.said[-1][1] == update.READY)
        other = bytes(len(IMAGE))
        bench.slots.data[: len(other)] = other
        bench.slots.finished = (len(other), OLD, sha256(other), "SIM")
        bench.app.beat.quiet = True
        with raises(Reset):
            bench.run()
        assert bench.slots.finished == (len(IMAGE), NEW, sha256(IMAGE), "SIM") and bench.slots.staged == 1
