"""Keys bounce, and lamps are read as an eye reads them: nothing is seen that was not shown."""

import random

import pytest

from hwsim.kernel import Kernel
from hwsim.lamps import GREEN, RED, UNCLEAR, Lamp, Sounder
from hwsim.panel import BOUNCE_MS, Panel


class Pins:
    """The pins of a terminal without a terminal behind them."""

    def __init__(self, kernel):
        self.kernel = kernel
        self.name = "car"
        self.board = {"keys": {"panic": 20, "available": 21}}
        self.inputs = []
        self.levels = {}
        self._watchers = {}

    def pin_in(self, pin, level):
        self.inputs.append((self.kernel.now_us, pin, level))

    def watch_pin(self, pin, call):
        self._watchers.setdefault(pin, []).append(call)

    def level(self, pin):
        return self.levels.get(pin, 0)

    def out(self, pin, level):
        if self.level(pin) != level:
            self.levels[pin] = level
            for call in self._watchers.get(pin, ()):
                call(level)


class Bench:
    def __init__(self, seed=1):
        self.kernel = Kernel(seed)
        self.pins = Pins(self.kernel)
        self.rng = random.Random(seed)

    def play(self, pin, *spans_ms, jitter_ms=0):
        """Lit, dark, lit ... for so long each, from now."""
        for n, span in enumerate(spans_ms):
            self.pins.out(pin, 1 - n % 2)
            self.kernel.run_for((span + self.rng.uniform(-jitter_ms, jitter_ms)) / 1000)

    def rest(self, pin, level, seconds):
        self.pins.out(pin, level)
        self.kernel.run_for(seconds)


@pytest.fixture
def bench():
    return Bench()


def edges(bench, key):
    return [(t, level) for t, name, level in bench.pins.inputs if name == key and t > 0]


def test_a_press_bounces_and_rests_where_it_belongs():
    seen = set()
    for seed in range(40):
        bench = Bench(seed)
        panel = Panel(bench.pins, bench.kernel)
        bench.kernel.at(1000, panel.press, "panic", 600)
        bench.kernel.run_for(2)
        went = edges(bench, "panic")
        down = [level for t, level in went if t < 300_000]
        up = [level for t, level in went if t > 300_000]
        assert down[0] == 0 and down[-1] == 0
        assert up[0] == 1 and up[-1] == 1
        assert all(
            t <= 1000 + BOUNCE_MS * 1000 or 601_000 <= t <= 601_000 + BOUNCE_MS * 1000 for t, _ in went
        )
        seen.add(len(down))
        assert edges(bench, "available") == []
    assert len(seen) > 1  # not every press is the same


def test_letting_go_during_the_bounce_ends_up(bench):
    panel = Panel(bench.pins, bench.kernel)
    bench.kernel.at(1000, panel.press, "panic", 1)
    bench.kernel.run_for(1)
    assert edges(bench, "panic")[-1][1] == 1
    assert not panel.is_down("panic")


def test_a_second_down_is_no_movement(bench):
    panel = Panel(bench.pins, bench.kernel)
    bench.kernel.run_for(1)
    panel.down("panic")
    bench.kernel.run_for(1)
    count = len(edges(bench, "panic"))
    panel.down("panic")
    bench.kernel.run_for(1)
    assert len(edges(bench, "panic")) == count


def test_a_glitch_leaves_the_key_as_it_was(bench):
    panel = Panel(bench.pins, bench.kernel)
    bench.kernel.run_for(1)
    panel.glitch("panic")
    bench.kernel.run_for(1)
    assert [level for _, level in edges(bench, "panic")] == [0, 1]


@pytest.mark.parametrize(
    "code, state, spans",
    [
        (RED, "sending", (100, 100)),
        (RED, "received", (500, 500)),
        (RED, "fault", (250, 250)),
        (GREEN, "link", (1900, 100)),
        (GREEN, "fix", (100, 1900)),
        (GREEN, "neither", (100, 200, 100, 1600)),
        (GREEN, "fault", (250, 250)),
    ],
)
def test_each_pattern_is_read_with_jitter_and_from_its_beginning(code, state, spans):
    for seed in range(20):
        bench = Bench(seed)
        lamp = Lamp(bench.kernel, bench.pins, "lamp", code)
        bench.kernel.run_for(5)
        bench.play("lamp", *(spans * 4), 100, jitter_ms=15)
        assert [name for name, _ in lamp.history] == [code["dark"][0], state], lamp.history
        assert lamp.began_us == 5_000_000


def test_the_stages_of_an_alarm(bench):
    lamp = Lamp(bench.kernel, bench.pins, "red", RED)
    bench.kernel.run_for(5)
    bench.play("red", *([100] * 12))
    bench.play("red", *([500] * 6))
    bench.rest("red", 1, 10)
    bench.rest("red", 0, 5)
    assert [name for name, _ in lamp.history] == ["off", "sending", "received", "acknowledged", "off"]
    assert [at // 1000 for _, at in lamp.history] == [0, 5000, 6200, 9200, 19200]


def test_a_change_in_the_middle_of_a_phase_shows_nothing_else(bench):
    lamp = Lamp(bench.kernel, bench.pins, "red", RED)
    bench.kernel.run_for(5)
    bench.play("red", *([100] * 9), 40)
    bench.play("red", *([500] * 6))
    assert [name for name, _ in lamp.history] == ["off", "sending", "received"]


def test_noise_is_no_stage():
    """Contacts flicker, a task draws nonsense: whatever it is, nobody may read it as an answer."""
    for seed in range(100):
        bench = Bench(seed)
        lamp = Lamp(bench.kernel, bench.pins, "red", RED)
        bench.kernel.run_for(2)
        bench.play("red", *[bench.rng.uniform(1, 60) for _ in range(200)])
        bench.play("red", *[bench.rng.choice((20, 170, 330, 700, 850)) for _ in range(60)])
        bench.rest("red", 0, 3)
        assert {name for name, _ in lamp.history} <= {"off", UNCLEAR}, lamp.history


@pytest.mark.parametrize("spans", [(100,), (100, 100, 100), (500,), (500, 500), (900,), (100, 100, 900, 300)])
def test_one_flash_is_no_stage(bench, spans):
    lamp = Lamp(bench.kernel, bench.pins, "red", RED)
    bench.kernel.run_for(2)
    bench.play("red", *spans)
    bench.rest("red", 0, 5)
    assert [name for name, _ in lamp.history] == ["off"]


def test_power_off_is_dark(bench):
    lamp = Lamp(bench.kernel, bench.pins, "green", GREEN)
    bench.rest("green", 1, 5)
    assert lamp.state == "link+fix" and lamp.began_us == 0
    bench.rest("green", 0, 5)
    assert lamp.state == "dark" and lamp.began_us == 5_000_000


@pytest.mark.parametrize(
    "spans, meaning",
    [
        ((50,), "key taken"),
        ((100, 100, 100), "received"),
        ((600,), "acknowledged"),
        ((50, 100, 50, 100, 50), "message"),
        ((300,), None),
    ],
)
def test_sounds_have_meanings(bench, spans, meaning):
    buzzer = Sounder(bench.kernel, bench.pins, "buzzer")
    bench.play("buzzer", *spans)
    bench.rest("buzzer", 0, 1)
    assert [row[0] for row in buzzer.heard] == [meaning]
