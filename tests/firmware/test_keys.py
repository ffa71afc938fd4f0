# runs on: both
"""Keys: PANIC by holding, the rest by pressing; bounce, taps, stuck keys, a loop that was busy."""

from firmware.keys import KeyLogic

PERIOD = 1 << 30
NAMES = ["panic", "available", "on_the_way", "event", "accept"]
PANIC, AVAILABLE, WAY, EVENT, ACCEPT = 0, 1, 2, 3, 4


class Panel:
    """Keys polled every 10 ms by a loop that is on time, just before the ticks wrap."""

    def __init__(self, start=PERIOD - 700):
        self.heard = []
        self.now = start
        self.levels = [0] * len(NAMES)
        self.logic = KeyLogic(NAMES, self.diff, 600, 30000, 2000, self.emit)

    def diff(self, a, b):
        return ((a - b + PERIOD // 2) % PERIOD) - PERIOD // 2

    def emit(self, meaning, number):
        self.heard.append((meaning, number))

    def said(self, *without):
        return [h for h in self.heard if h[0] not in without and h[0] != "down"]

    def change(self, key, level, bounces=3):
        """Contact bounce of 1 ms each, every edge noted by the interrupt."""
        for n in range(2 * bounces):
            self.edge(key, level if n % 2 == 0 else 1 - level)
            self.now = (self.now + 1) % PERIOD
        self.edge(key, level)

    def edge(self, key, level):
        self.levels[key] = level
        self.logic.edge(key, level, self.now)

    def run(self, ms):
        for _ in range(ms // 10):
            self.now = (self.now + 10) % PERIOD
            self.poll()

    def poll(self):
        for key in range(len(NAMES)):
            self.logic.poll(key, self.levels[key], self.now)
        self.logic.tick(self.now)

    def press(self, key, ms):
        self.change(key, 1)
        self.run(ms)
        self.change(key, 0)
        self.run(50)


def test_panic_is_raised_while_it_is_held_not_when_released():
    panel = Panel()
    panel.change(PANIC, 1)
    panel.run(580)
    assert panel.said() == []
    panel.run(30)
    assert panel.said() == [("panic", 0)]
    panel.run(2000)
    panel.change(PANIC, 0)
    panel.run(100)
    assert panel.said() == [("panic", 0)]


def test_two_quick_taps_never_raise():
    panel = Panel()
    for _ in range(5):
        panel.press(PANIC, 350)
        panel.run(20)
    assert panel.said() == []


def test_each_new_press_is_a_new_alarm():
    panel = Panel()
    for _ in range(3):
        panel.press(PANIC, 700)
    assert panel.said() == [("panic", 0)] * 3


def test_a_shaken_contact_does_not_end_the_hold():
    panel = Panel()
    panel.change(PANIC, 1)
    for _ in range(7):
        panel.run(90)
        panel.edge(PANIC, 0)
        panel.now = (panel.now + 5) % PERIOD
        panel.edge(PANIC, 1)
    assert panel.said() == [("panic", 0)]


def test_the_hold_is_known_from_the_edges_when_the_loop_was_busy():
    """The loop signs for 900 ms while the key is held 620 ms: raised. Held 580 ms: not."""
    for held, raised in ((620, [("panic", 0)]), (580, [])):
        panel = Panel()
        panel.run(100)
        begin = panel.now
        panel.logic.edge(PANIC, 1, begin)
        panel.logic.edge(PANIC, 0, (begin + held) % PERIOD)
        panel.now = (begin + 900) % PERIOD
        panel.poll()
        panel.run(100)
        assert panel.said() == raised, held


def test_two_taps_in_a_busy_loop_are_not_one_hold():
    panel = Panel()
    begin = panel.now
    for at, level in ((0, 1), (250, 0), (400, 1), (650, 0)):
        panel.logic.edge(PANIC, level, (begin + at) % PERIOD)
    panel.now = (begin + 900) % PERIOD
    panel.poll()
    assert panel.said() == []


def test_a_status_key_speaks_once_per_press_bounce_or_not():
    panel = Panel()
    panel.press(AVAILABLE, 200)
    panel.press(WAY, 5000)
    assert panel.said() == [("available", 0), ("on_the_way", 0)]
    assert panel.heard.count(("down", AVAILABLE)) == 1


def test_a_spike_shorter_than_the_bounce_is_no_press():
    panel = Panel()
    panel.edge(AVAILABLE, 1)
    panel.now = (panel.now + 8) % PERIOD
    panel.edge(AVAILABLE, 0)
    panel.run(500)
    assert panel.heard == []


def test_nine_taps_are_nine_persons():
    panel = Panel()
    for _ in range(9):
        panel.press(EVENT, 120)
        panel.run(300)
    assert panel.said() == []
    panel.run(2000)
    assert panel.said() == [("event", 9)]
    panel.press(EVENT, 100)
    panel.run(2100)
    assert panel.said() == [("event", 9), ("event", 1)]


def test_a_stuck_key_is_told_once_and_blocks_no_other():
    panel = Panel()
    panel.change(AVAILABLE, 1)
    panel.run(31000)
    assert panel.said() == [("available", 0), ("stuck", AVAILABLE)]
    panel.press(PANIC, 700)
    panel.press(ACCEPT, 100)
    assert panel.said()[2:] == [("panic", 0), ("accept", 0)]
    assert panel.logic.stuck == 1 << AVAILABLE
    panel.change(AVAILABLE, 0)
    panel.run(100)
    assert panel.said()[4:] == [("freed", AVAILABLE)] and panel.logic.stuck == 0
    panel.press(AVAILABLE, 100)
    assert panel.said()[5:] == [("available", 0)]


def test_a_stuck_panic_key_has_raised_one_alarm_and_works_again_when_freed():
    panel = Panel()
    panel.change(PANIC, 1)
    panel.run(40000)
    panel.change(PANIC, 0)
    panel.run(100)
    panel.press(PANIC, 700)
    assert panel.said() == [("panic", 0), ("stuck", PANIC), ("freed", PANIC), ("panic", 0)]


def test_a_key_held_at_power_on_has_no_edge_and_counts_all_the_same():
    panel = Panel()
    panel.levels[PANIC] = 1
    panel.run(700)
    assert panel.said() == [("panic", 0)]


def test_polling_slows_down_when_nothing_happens():
    panel = Panel()
    panel.poll()
    assert panel.logic.pause_ms(False) == 0
    panel.change(AVAILABLE, 1)
    assert panel.logic.unsettled(AVAILABLE) and panel.logic.pause_ms(True) == 10
    panel.run(100)
    assert panel.logic.pause_ms(False) == 20
    panel.run(31000)
    assert panel.logic.pause_ms(False) == 250
