# runs on: micropython
"""The look at the keys: a short one while all are up, and it sees what a long one would see."""

import random

from firmware.keys import KeyLogic, Keys

NAMES = ["panic", "available", "event", "accept"]


class Pin:
    def __init__(self):
        self.level = 1  # active low

    def value(self):
        return self.level


class Panel:
    """Keys as the task has them, with a clock and pins of its own; `short` False: never a short look."""

    def __init__(self, short=True):
        self.now = 0
        self.heard = []
        self.short = short
        self.pins = [Pin() for _ in NAMES]
        logic = KeyLogic(NAMES, lambda a, b: a - b, 600, 30000, 2000, self._emit)
        self.keys = Keys(logic, self.pins, lambda: self.now)
        self.polls = 0
        poll = logic.poll

        def counted(key, level, now_ms):
            self.polls += 1
            poll(key, level, now_ms)

        logic.poll = counted

    def _emit(self, meaning, number):
        self.heard.append((self.now, meaning, number))

    def edge(self, key, level, told=True):
        """`told` False: the interrupt was lost."""
        self.pins[key].level = 1 - level
        if told:
            self.keys._edges[key].handler(self.pins[key])

    def look(self):
        if not self.short:
            self.keys._calm = False
        return self.keys.step()


def test_while_all_are_up_one_look_at_the_pins_is_all():
    panel = Panel()
    for panel.now in range(0, 20000, 1000):
        assert panel.look() == 0
    assert panel.polls == len(NAMES), "the first look does not know yet"


def test_a_key_whose_edge_was_lost_is_found_by_the_next_look():
    panel = Panel()
    panel.look()
    panel.now = 1000
    assert panel.look() == 0
    panel.edge(0, 1, told=False)
    while panel.now < 3000 and not panel.heard[1:]:
        panel.now += panel.look() or 1000
    assert [meaning for _, meaning, _ in panel.heard] == ["down", "panic"]


def test_short_looks_and_long_ones_hear_the_same():
    for seed in range(20):
        random.seed(seed)
        short, long = Panel(), Panel(short=False)
        due = 0
        for _ in range(1500):
            now = short.now + random.choice((1, 2, 5, 30, 700, 3000))
            while due <= now:
                short.now = long.now = due
                due += short.look() or 1000
                long.look()
            short.now = long.now = now
            key = random.randrange(len(NAMES))
            level, told = random.randrange(2), random.randrange(8) > 0
            for panel in (short, long):
                panel.edge(key, level, told)
            if told:
                due = now
        assert short.heard == long.heard and len(short.heard) > 50, seed
        assert short.polls < long.polls


def test_what_a_reset_would_lose():
    """Until it is said what a key means it is in memory alone; one that is stuck has said so."""
    panel = Panel()
    panel.look()
    panic, event = NAMES.index("panic"), NAMES.index("event")

    def busy(after_ms):
        panel.now += after_ms
        before = panel.keys.busy()
        panel.look()
        return before, panel.keys.busy()

    assert busy(0) == (False, False)
    panel.edge(panic, 1)
    assert busy(1) == (True, True), "noted, and then not settled"
    assert busy(500) == (True, True), "held, and not for long enough"
    panel.edge(panic, 0)
    assert busy(100) == (True, False) and ("panic", 0) not in [row[1:] for row in panel.heard]
    panel.edge(event, 1)
    assert busy(100) == (True, True)
    panel.edge(event, 0)
    assert busy(100) == (True, True), "perhaps there is one more tap"
    assert busy(2000) == (True, False) and panel.heard[-1][1:] == ("event", 1)
    panel.edge(panic, 1)
    assert busy(100) == (True, True)
    assert busy(30000) == (True, False), "stuck"
    panel.edge(event, 1)
    assert busy(100) == (True, True), "another key, while one is stuck"
    panel.edge(event, 0)
    assert busy(100) == (True, True)
    assert busy(2000) == (True, False)
