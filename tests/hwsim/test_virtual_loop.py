"""The loop whose clock is the kernel's: the same steps at the same moments, no thread, no waiting."""

import asyncio
import socket
import threading

import pytest

from hwsim import virtual_loop
from hwsim.kernel import Kernel
from hwsim.virtual_loop import VirtualLoop


@pytest.fixture
def kernel():
    return Kernel(1)


@pytest.fixture
def troubles():
    return []


@pytest.fixture
def loop(kernel, troubles):
    return VirtualLoop(kernel, lambda message, error: troubles.append((message, error)))


def test_a_day_of_sleep_takes_no_time_and_is_exact(kernel, loop):
    woke = []

    async def sleeper(seconds):
        for _ in range(3):
            await asyncio.sleep(seconds)
            woke.append((seconds, kernel.now_us))

    loop.create_task(sleeper(28_800))
    loop.create_task(sleeper(0.001))
    kernel.run_for(86_400)
    assert woke[:3] == [(0.001, 1000), (0.001, 2000), (0.001, 3000)]
    assert [at for _, at in woke[3:]] == [28_800_000_000, 57_600_000_000, 86_400_000_000]


def test_timeouts_and_waits_are_those_of_asyncio(kernel, loop):
    said = []

    async def story():
        event = asyncio.Event()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await event.wait()
        said.append(("timeout", loop.time()))
        done, late = await asyncio.wait(
            [asyncio.create_task(asyncio.sleep(1)), asyncio.create_task(asyncio.sleep(9))], timeout=2
        )
        said.append((len(done), len(late), loop.time()))
        said.append(await asyncio.gather(asyncio.to_thread(sum, [1, 2]), asyncio.sleep(0, "x")))

    before = threading.active_count()
    loop.create_task(story())
    kernel.run_for(20)
    assert said == [("timeout", 5.0), (1, 1, 7.0), [3, "x"]]
    assert threading.active_count() == before


def test_what_work_beside_the_loop_raises_comes_to_who_asked(kernel, loop):
    said = []

    async def story():
        try:
            await loop.run_in_executor(None, int, "x")
        except ValueError as error:
            said.append(str(error))

    loop.create_task(story())
    kernel.run_for(0)
    assert said == ["invalid literal for int() with base 10: 'x'"]


def test_a_cancelled_timer_never_fires(kernel, loop):
    fired = []
    handle = loop.call_later(1, fired.append, 1)
    loop.call_later(2, fired.append, 2)
    handle.cancel()
    kernel.run_for(3)
    assert fired == [2]


def test_sockets_are_read_at_the_moment_in_which_they_were_written(kernel, loop):
    near, far = socket.socketpair()
    got = []
    loop.add_reader(near.fileno(), lambda: got.append((kernel.now_us, near.recv(100))))

    def write():
        far.send(b"hello")
        loop.stir()

    kernel.at(700, write)
    kernel.run_for(1)
    assert got == [(700, b"hello")]
    assert loop.remove_reader(near.fileno()) and not loop.remove_reader(near.fileno())
    kernel.after(5, write)
    kernel.run_for(1)
    assert len(got) == 1
    near.close()
    far.close()


def test_killed_at_every_step_no_later_step_runs(kernel):
    """And at one step more, that step runs: the count is of steps, not of luck."""

    async def story(seen):
        for number in range(5):
            seen.append(number)
            await asyncio.sleep(0)

    for step in range(1, 6):
        loop = VirtualLoop(kernel, lambda *_: None)
        seen = []
        loop.create_task(story(seen))
        loop.at_step(step, loop.kill)
        kernel.run_for(1)
        assert seen == list(range(step - 1))


def test_after_a_kill_nothing_is_woken_not_even_what_was_waiting(kernel, loop):
    seen = []

    async def story():
        try:
            await asyncio.sleep(1)
            seen.append("woke")
        finally:
            loop.call_soon(seen.append, "from the grave")

    loop.create_task(story())
    kernel.run_for(0.5)
    loop.kill()
    loop.call_soon(seen.append, "later")
    loop.call_later(0.1, seen.append, "later still")
    kernel.run_for(5)
    assert seen == []


def test_a_task_may_kill_its_own_loop(kernel, loop):
    seen = []

    async def story():
        loop.kill()
        await asyncio.sleep(0)
        seen.append("lives")

    loop.create_task(story())
    kernel.run_for(1)
    assert seen == [] and loop.is_closed()


def test_what_nobody_caught_is_told(kernel, loop, troubles):
    loop.call_soon(lambda: 1 // 0)
    kernel.run_for(0)
    ((_, error),) = troubles
    assert isinstance(error, ZeroDivisionError)


def test_a_program_that_turns_in_a_circle_is_found(kernel, loop, monkeypatch):
    monkeypatch.setattr(virtual_loop, "_SPIN", 1000)

    async def circle():
        for _ in range(10_000):
            await asyncio.sleep(0)

    loop.create_task(circle())
    with pytest.raises(RuntimeError, match="1000 steps at one moment"):
        kernel.run_for(1)


def test_a_program_that_turns_by_timers_of_no_time_is_found_too(kernel, loop, monkeypatch):
    monkeypatch.setattr(virtual_loop, "_SPIN", 1000)
    turns = []

    def again():
        turns.append(kernel.now_us)
        if len(turns) < 10_000:
            loop.call_later(1e-12, again)

    loop.call_later(0.5, again)
    with pytest.raises(RuntimeError, match="1000 steps at one moment"):
        kernel.run_for(1)


def test_a_timer_never_comes_before_its_time(kernel, loop):
    early = []
    for number in range(3000):
        when = 1262.0 + number / 7919
        loop.call_at(when, lambda when=when: early.append(when) if loop.time() < when - 1e-9 else None)
    kernel.run_for(1300)
    assert early == []


def test_the_loop_outside_is_itself_again_afterwards(kernel, loop):
    async def outside():
        loop.call_soon(lambda: None)
        kernel.run_for(1)
        return asyncio.get_running_loop()

    with asyncio.Runner() as runner:
        assert runner.run(outside()) is runner.get_loop()
