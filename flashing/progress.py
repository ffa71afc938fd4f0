"""How far a command is: a bar with the time left on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Callable
from typing import TextIO

from rich.console import Console as Screen
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

_PLAIN_STEPS = 4  # lines that a bar becomes


class Steps:
    """`say(text)`: a step begins. `bar(text, total)`: one that takes a while; returns `advance(done)`, which
    takes bytes done so far. As a context it leaves the terminal in order however it ends."""

    def __init__(self, file: TextIO, clock: Callable[[], float] = time.monotonic):
        self._file = file
        self._clock = clock
        self._bars: Progress | None = None
        self._screen = Screen(file=file, highlight=False)

    def __enter__(self) -> "Steps":
        return self

    def __exit__(self, *_: object) -> None:
        self._end_bar()

    def say(self, text: str) -> None:
        self._end_bar()
        print(text, file=self._file, flush=True)

    def bar(self, text: str, total: int) -> Callable[[int], None]:
        self._end_bar()
        return self._shown(text, total) if self._screen.is_terminal else self._told(text, total)

    def _shown(self, text: str, total: int) -> Callable[[int], None]:
        left = (TimeRemainingColumn(), TextColumn("left"))
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), *left)
        self._bars = Progress(*columns, console=self._screen)
        task = self._bars.add_task(text, total=total)
        self._bars.start()
        bars = self._bars

        def advance(done: int) -> None:
            bars.update(task, completed=done)

        return advance

    def _told(self, text: str, total: int) -> Callable[[int], None]:
        began, told = self._clock(), 0

        def advance(done: int) -> None:
            nonlocal told
            step = done * _PLAIN_STEPS // total if total else _PLAIN_STEPS
            if step <= told:
                return
            told = step
            left = (self._clock() - began) * (total - done) / done
            rest = f", {left:.0f} s left" if done < total else ""
            print(f"{text}: {_size(done)} of {_size(total)}{rest}", file=self._file, flush=True)

        return advance

    def _end_bar(self) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None


def _size(count: int) -> str:
    return f"{count} bytes" if count < 1024 else f"{count / 1024:.0f} KB"


def steps(as_json: bool) -> Steps:
    """On standard output, or beside it when that is for a program."""
    return Steps(sys.stderr if as_json else sys.stdout)
