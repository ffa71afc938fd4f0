"""The kernel: one clock, one order of events, one trace."""

import asyncio
import threading
import time

from hwsim.kernel import Kernel


def story(seed):
    """Three walkers that meet the generator and each other."""
    kernel = Kernel(seed)

    def step(name, left):
        kernel.emit(name, "step", left=left, luck=kernel.rng(name).randrange(1000))
        if left:
            kernel.after(kernel.rng(name).randint(0, 5000), step, name, left - 1)

    for name in ("ana", "boro", "ceca"):
        kernel.at(100, step, name, 50)
    kernel.run_for(10)
    return kernel.trace


def test_one_seed_one_trace():
    assert story(7) == story(7)
    assert story(7) != story(8)


def test_a_generator_of_another_name_changes_nothing():
    one, two = Kernel(3), Kernel(3)
    two.rng("noise").random()
    assert one.rng("car").random() == two.rng("car").random()


def test_calls_for_one_moment_keep_their_order_and_cancelled_ones_do_not_come():
    kernel = Kernel()
    said = []
    kernel.at(50, said.append, "b")
    gone = kernel.at(50, said.append, "x")
    kernel.at(50, said.append, "c")
    kernel.at(10, said.append, "a")
    gone.cancel()
    kernel.run(50)
    assert said == ["a", "b", "c"]
    assert kernel.now_us == 50
    assert not gone.active


def test_the_past_is_now():
    kernel = Kernel()
    kernel.run(1000)
    when = []
    kernel.at(5, lambda: when.append(kernel.now_us))
    kernel.run(1000)
    assert when == [1000]


def test_an_event_beyond_the_end_waits():
    kernel = Kernel()
    said = []
    kernel.at(1001, said.append, "late")
    kernel.run(1000)
    assert said == [] and kernel.now_us == 1000
    kernel.run(1001)
    assert said == ["late"]


def test_run_until_stops_at_the_event_or_at_the_limit():
    kernel = Kernel()
    said = []
    kernel.at(300, said.append, 1)
    kernel.at(400, said.append, 2)
    assert kernel.run_until(lambda: said, 1)
    assert said == [1] and kernel.now_us == 300
    assert not kernel.run_until(lambda: len(said) > 5, 1)
    assert kernel.now_us == 1_000_300


def test_every_field_is_part_of_the_trace():
    def traced(**fields):
        kernel = Kernel()
        kernel.emit("car", "x", **fields)
        return kernel.trace

    assert traced(a=1, b=2) == traced(b=2, a=1)
    assert len({traced(a=1), traced(a=2), traced(b=1), traced(a=b"1")}) == 4


def test_of_what_is_enciphered_the_trace_takes_the_length():
    """Keys are drawn by both ends of the air for themselves: the bytes differ in every run."""
    seen = []

    def traced(data):
        kernel = Kernel()
        kernel.subscribe(seen.append)
        kernel.emit("car", "air", direction="up", data=data)
        return kernel.trace

    assert traced(b"one") == traced(b"two")
    assert traced(b"one") != traced(b"three")
    assert [event.fields["data"] for event in seen[:2]] == [b"one", b"two"]


def test_a_subscriber_hears_until_it_leaves():
    kernel = Kernel()
    heard = []
    leave = kernel.subscribe(heard.append)
    kernel.emit("car", "first", n=1)
    leave()
    kernel.emit("car", "second")
    assert [(e.t_us, e.source, e.what, e.fields) for e in heard] == [(0, "car", "first", {"n": 1})]
    assert "first" in repr(heard[0])


def test_external_calls_run_unpaced_too():
    kernel = Kernel()
    said = []
    kernel.call_soon_external(said.append, 1)
    kernel.at(10, kernel.call_soon_external, said.append, 2)
    kernel.run(10)
    assert said == [1, 2]


async def test_paced_the_clock_follows_the_wall():
    kernel = Kernel()
    kernel.run(500_000)  # what has been run unpaced is in the past
    stop = asyncio.Event()
    seen = []

    wall_ms = {}

    def note(name):
        seen.append((name, kernel.now_us))
        wall_ms[name] = time.monotonic() * 1000

    kernel.after(30_000, note, "timer")
    kernel.after(60_000, stop.set)
    begun = time.monotonic()
    threading.Timer(0.01, kernel.call_soon_external, (note, "thread")).start()
    await kernel.run_paced(stop)
    took = time.monotonic() - begun
    assert [name for name, _ in seen] == ["thread", "timer"]
    assert 0.06 <= took < 1
    times = dict(seen)
    assert 530_000 <= times["timer"] < 900_000
    assert times["thread"] < times["timer"]
    # Its zero is the wall's moment: not before the start, and the bench is never ahead of the wall.
    assert begun * 1000 - 500 <= kernel.t0_mono_ms <= wall_ms["timer"] - times["timer"] / 1000 + 0.01
    assert kernel.paced is False
