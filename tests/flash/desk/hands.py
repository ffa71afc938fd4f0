"""Eyes and fingers at a board on the bench."""

import json

_RECEIVED, _ACKNOWLEDGED = 3, 4
_LOOKS_US = 10_000_000


class Hands:
    """Where the board waits for somebody, its clock stands until that is done: a computer that is busy makes
    no technician slow."""

    def __init__(self, board, wrong=None):
        self.board = board
        self.said = []
        self.wrong = wrong or {}  # key pressed in place of another, what is answered in place of what is seen
        self._line = b""
        self._asked = self._shown = False
        board.heard_by.append(self._hear)

    def _hear(self, data):
        *lines, self._line = (self._line + data).split(b"\n")
        for line in lines:
            if line.startswith(b"@ "):
                self._told(json.loads(line[2:]))

    def _told(self, said):
        """As flash.py takes it (flashing/desk/testing.py): does it ask for somebody now?"""
        if said["end"]:
            self._asked = self._shown = False
        elif said == {"end": False}:
            self.board.still = True  # a key is waited for
        elif said.get("linked") and not self._asked:
            self._asked = self.board.still = True
        elif said.get("stage") in (_RECEIVED, _ACKNOWLEDGED) and not self._shown:
            self._shown = self.board.still = True

    def _go_on(self):
        self.board.still = False

    def say(self, text):
        self.said.append(text)

    def press(self, key, hold_ms):
        self.board.press(self.wrong.get(key, key), hold_ms)
        self.board.do(self._go_on)

    def look(self, at, question, choices):
        self.board.do(self._go_on)
        levels = self.board.do(lambda: {n: self.board.terminal.level(n) for n in ("red", "green", at)})
        if "blink" in question:
            until_us = self.board.now_us + _LOOKS_US
            red = self.board.panel.red
            self.board.until(lambda: red.state == "received" or self.board.now_us > until_us)
            seen = "red" if self.board.do(lambda: red.state) == "received" else "none"
        elif choices == ("yes", "no"):
            seen = "yes" if levels[at] else "no"
        else:
            lit = [name for name in ("red", "green") if levels[name]]
            seen = lit[0] if len(lit) == 1 else "none"
        return self.wrong.get(f"see {at}", seen)


def again(board, held=()):
    """Off and on, with some keys held until its program has looked at them."""
    board.pull()
    for key in held:
        board.do(board.panel.down, key)
    began = board.now_us
    board.plug()
    if len(held) == 2:
        assert board.until(lambda: board.terminal.level("red") and board.terminal.level("green"))
        began = board.now_us
    assert board.until(lambda: board.now_us > began + 15_000_000)
    for key in held:
        board.do(board.panel.up, key)
