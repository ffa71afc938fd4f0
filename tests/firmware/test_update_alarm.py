# runs on: micropython
"""What an alarm does to an update, and an update to an alarm."""

from protocol import update
from tests.firmware.update_bench import NEW, OLD, Bench, Reset, ready
from tests.portable import raises

MINUTE = 60_000


def test_put_aside_and_taken_up_again():
    """In an alarm it may go, whatever it was at; what is on flash is not fetched again."""
    image = bytes(n * 7 & 255 for n in range(40000))
    with Bench() as bench:
        bench.serve(NEW, image)
        bench.order()
        assert bench.run(lambda: bench.update.row.offset >= 30000)
        bench.update.step()
        attempt = bench.link.asked[-1]
        bench.panics.open.append(1)
        assert bench.update.step() is None and bench.update.due == -1
        assert bench.link.cancelled == [attempt]
        bench.panics.open.clear()
        bench.reload(OLD)
        before = len(bench.slots.writes)
        assert bench.run(lambda: bench.state == update.READY)
        assert bench.slots.writes[before] == 16384 and bytes(bench.slots.data[: len(image)]) == image


def test_a_trial_in_an_alarm_is_looked_at_in_time():
    with Bench() as bench:
        ready(bench)
        bench.boot(NEW, trial=True)
        bench.is_linked = False
        bench.app.builder.status = 3  # pressed since
        bench.update.step()
        bench.panics.open.append(1)
        assert bench.update.step() is None and bench.update.due == 15 * MINUTE
        bench.now = bench.update.due
        bench.is_linked = True
        bench.dead = 1
        bench.reload(NEW)
        assert bench.app.builder.status == 3
        assert bench.update.step() is None and bench.update.due == 16 * MINUTE, "headquarters hears of it"
        bench.now = bench.update.due
        bench.is_linked = False
        bench.reload(NEW)
        with raises(Reset):
            bench.update.step()
        assert bench.slots.given_up


def test_an_image_is_read_in_pieces():
    """16 KB between two looks at all else: some 7 ms of the 70 that a chip needs for a whole one."""
    image = bytes(n * 7 & 255 for n in range(60000))
    with Bench() as bench:
        bench.serve(NEW, image)
        bench.order()
        bench.app.beat.quiet = True
        most = steps = 0
        with raises(Reset):
            while True:
                before = bench.slots.pieces
                asked = len(bench.link.asked)
                bench.now += bench.update.step()
                if len(bench.link.asked) > asked:
                    bench.answer()
                most = max(most, bench.slots.pieces - before)
                steps += bench.slots.pieces > before
        assert most == 4 and steps >= 2 * 3 and bench.slots.staged == 1


def test_an_alarm_while_the_image_is_read():
    """What is read is left, and read again after it."""
    image = bytes(n * 7 & 255 for n in range(60000))
    with Bench() as bench:
        bench.serve(NEW, image)
        bench.order()
        assert bench.run(lambda: bench.slots.pieces)
        bench.panics.open.append(1)
        assert bench.update.step() is None and bench.slots.finished is None
        bench.panics.open.clear()
        bench.reload(OLD)
        assert bench.run(lambda: bench.state == update.READY)
