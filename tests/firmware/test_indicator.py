# runs on: both
"""Lamps and sounds: the patterns officers are taught, and silence in covert mode."""

from firmware.indicator import Indicator
from firmware.panic import ACKNOWLEDGED, RAISED, RECEIVED, STORED


class Wires:
    """Records (wire, ms, level) at every change while the lamp task runs in virtual time."""

    def __init__(self, covert=False):
        self.now = 1000
        self.levels = {"red": 0, "green": 0, "buzzer": 0, "vibrator": 0}
        self.changes = []
        writers = [self.writer(name) for name in ("red", "green", "buzzer", "vibrator")]
        self.indicator = Indicator(writers[0], writers[1], writers[2], writers[3], covert, self.uptime_ms)

    def uptime_ms(self):
        return self.now

    def writer(self, name):
        def write(level):
            if self.levels[name] != level:
                self.levels[name] = level
                self.changes.append((name, self.now - 1000, level))

        return write

    def run(self, ms):
        end = self.now + ms
        while self.now < end:
            self.now = min(end, self.now + self.indicator.step())
        self.indicator.step()

    def of(self, name):
        return [(at, level) for wire, at, level in self.changes if wire == name]


def test_sending_blinks_fast_received_slowly_acknowledged_steadily():
    wires = Wires()
    wires.indicator.panic(STORED)
    wires.run(400)
    assert wires.of("red") == [(0, 1), (100, 0), (200, 1), (300, 0), (400, 1)]
    wires.changes.clear()
    wires.indicator.panic(RECEIVED)
    wires.run(1500)
    assert wires.of("red") == [(400, 0), (500, 1), (1000, 0), (1500, 1)]
    wires.changes.clear()
    wires.indicator.panic(ACKNOWLEDGED)
    wires.run(5000)
    assert wires.of("red") == [(1900, 0), (2000, 1)], "dark for a moment: this light is the answer"
    wires.indicator.panic(None)
    wires.run(5000)
    assert wires.levels["red"] == 0


def test_raised_and_stored_look_the_same_and_go_on_without_a_break():
    wires = Wires()
    wires.indicator.panic(RAISED)
    wires.run(130)
    wires.indicator.panic(STORED)
    wires.run(170)
    assert wires.of("red") == [(0, 1), (100, 0), (200, 1), (300, 0)]


def test_the_green_lamp_tells_link_and_fix_apart():
    for link, fix, changes in (
        (True, True, [(0, 1)]),
        (True, False, [(0, 1), (1900, 0), (2000, 1), (3900, 0)]),
        (False, True, [(0, 1), (100, 0), (2000, 1), (2100, 0)]),
        (False, False, [(0, 1), (100, 0), (300, 1), (400, 0), (2000, 1), (2100, 0), (2300, 1), (2400, 0)]),
    ):
        wires = Wires()
        wires.indicator.link(not link, fix)
        wires.indicator.link(link, fix)
        wires.run(3950)
        assert wires.of("green") == changes, (link, fix)


def test_a_fault_blinks_both_in_turn_until_an_alarm_needs_the_red_lamp():
    wires = Wires()
    wires.indicator.fault(True)
    wires.run(1000)
    reds, greens = wires.of("red"), wires.of("green")
    assert reds[:3] == [(0, 1), (250, 0), (500, 1)]
    assert greens[:2] == [(250, 1), (500, 0)]
    wires.indicator.panic(STORED)
    wires.changes.clear()
    wires.run(1000)
    assert wires.of("red")[:4] == [(1000, 0), (1100, 1), (1200, 0), (1300, 1)]
    wires.indicator.panic(None)
    wires.run(1)  # the change itself may come at any moment of the blinking
    wires.changes.clear()
    wires.run(2000)
    for at, level in wires.of("red"):
        assert (at, 1 - level) in wires.of("green")


def test_safe_mode_flashes_in_threes_and_tells_a_link():
    wires = Wires()
    wires.indicator.safe = ((100, 100, 100, 100, 100, 700), (700, 100, 100, 100, 100, 100))
    wires.indicator.link(False, True)
    wires.run(1200)
    assert [at for at, level in wires.of("green") if level] == [0, 200, 400, 1200]
    wires.changes.clear()
    wires.indicator.link(True, True)
    wires.run(1199)
    assert [at for at, level in wires.of("green") if not level] == [1900, 2100, 2300], wires.of("green")
    wires.indicator.panic(STORED)
    wires.run(100)
    assert wires.of("red")[0][1] == 1, "the red lamp is the alarm's as ever"


def test_sounds():
    for name, changes in (
        ("click", [(0, 1), (50, 0)]),
        ("received", [(0, 1), (100, 0), (200, 1), (300, 0)]),
        ("acknowledged", [(0, 1), (600, 0)]),
        ("message", [(0, 1), (50, 0), (150, 1), (200, 0), (300, 1), (350, 0)]),
    ):
        wires = Wires()
        getattr(wires.indicator, name)()
        wires.run(2000)
        assert wires.of("buzzer") == changes, name
        assert wires.of("vibrator") == []


def test_sounds_wait_for_each_other_but_not_without_end():
    wires = Wires()
    for _ in range(9):
        wires.indicator.click()
    wires.run(5000)
    assert wires.of("buzzer") == [(350 * n + at, level) for n in range(4) for at, level in ((0, 1), (50, 0))]


def test_covert_an_alarm_is_dark_and_silent_and_its_acknowledgement_shakes_once():
    wires = Wires(covert=True)
    wires.indicator.message()
    wires.run(20)
    assert wires.of("buzzer") == [(0, 1)]
    wires.indicator.panic(RAISED)
    wires.indicator.click()
    wires.run(500)
    assert wires.of("buzzer") == [(0, 1), (20, 0)]
    wires.indicator.panic(RECEIVED)
    wires.indicator.received()
    wires.indicator.message()
    wires.run(2000)
    wires.indicator.panic(ACKNOWLEDGED)
    wires.indicator.acknowledged()
    wires.run(3000)
    assert wires.of("red") == [] and len(wires.of("buzzer")) == 2
    shakes = wires.of("vibrator")
    assert len(shakes) == 2 and shakes[1][0] - shakes[0][0] == 200


def test_covert_changes_nothing_without_an_alarm():
    wires = Wires(covert=True)
    wires.indicator.click()
    wires.run(200)
    assert wires.of("buzzer") == [(0, 1), (50, 0)]


def test_what_is_held_up_comes_whole_later():
    """A signature or an erase of flash holds everything up: three beeps stay three, no flash is a sliver."""
    wires = Wires()
    wires.indicator.panic(STORED)
    wires.indicator.message()
    wires.run(60)
    wires.now += 130  # the second beep was due at 150
    wires.run(700)
    beeps = wires.of("buzzer")
    assert [level for _, level in beeps] == [1, 0] * 3
    assert [beeps[n + 1][0] - beeps[n][0] for n in (0, 2, 4)] == [50] * 3
    flashes = [at for at, _ in wires.of("red")]
    assert all(flashes[n] - flashes[n - 1] >= 100 for n in range(1, len(flashes)))
