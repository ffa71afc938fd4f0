"""The officer's side of a terminal: keys that bounce, lamps and sounders as an eye and an ear take them."""

from hwsim.lamps import GREEN, RED, Lamp, Sounder

BOUNCE_MS = 5
_MOST_BOUNCES = 6  # edges before the contact rests; drawn for each movement


def _good_contact():
    """(milliseconds, most edges) of its bouncing."""
    return BOUNCE_MS, _MOST_BOUNCES


class Panel:
    """All keys are up at first. `red`, `green`, `buzzer`, `vibrator` watch the outputs that the board has."""

    def __init__(self, terminal, kernel):
        self._terminal = terminal
        self._kernel = kernel
        self._rng = kernel.rng("panel/" + terminal.name)
        self._moving = {}
        self._down = set()
        self._stuck = set()
        self.contact = _good_contact  # asked at each movement
        for key in terminal.board["keys"]:
            terminal.pin_in(key, 1)  # active low
        self.red = Lamp(kernel, terminal, "red", RED)
        self.green = Lamp(kernel, terminal, "green", GREEN)
        self.buzzer = Sounder(kernel, terminal, "buzzer")
        self.vibrator = Sounder(kernel, terminal, "vibrator")

    def press(self, key, hold_ms=100):
        """Down now, up after `hold_ms`."""
        self.down(key)
        self._kernel.after(round(hold_ms * 1000), self.up, key)

    def down(self, key):
        self._move(key, True)

    def up(self, key):
        self._move(key, False)

    def is_down(self, key):
        return key in self._down

    def stick(self, key):
        """It goes down and stays there, whoever pulls at it."""
        self.down(key)
        self._stuck.add(key)

    def free(self, key):
        self._stuck.discard(key)
        self.up(key)

    def glitch(self, key, us=200):
        """A spark: one short contact that no finger made."""
        self._terminal.pin_in(key, 0)
        self._kernel.after(us, self._settle, key)

    def _move(self, key, down):
        if (key in self._down) == down or key in self._stuck:
            return
        (self._down.add if down else self._down.discard)(key)
        for timer in self._moving.pop(key, ()):
            timer.cancel()
        self._kernel.emit(self._terminal.name, "key", key=key, down=down)
        level = 0 if down else 1
        self._terminal.pin_in(key, level)
        # The contact opens and closes a few times; the last edge leaves it where it belongs.
        bounce_ms, most = self.contact()
        edges = 2 * self._rng.randint(0, most // 2)
        times = sorted(self._rng.randint(50, bounce_ms * 1000) for _ in range(edges))
        timers = []
        for time_us in times:
            level = 1 - level
            timers.append(self._kernel.after(time_us, self._terminal.pin_in, key, level))
        self._moving[key] = timers

    def _settle(self, key):
        self._terminal.pin_in(key, 0 if key in self._down else 1)
