"""How far a batch is: a table that lives on a terminal, lines elsewhere; and what it came to."""

from typing import TextIO

from rich.console import Console as Screen
from rich.console import Group
from rich.live import Live
from rich.table import Table as Rows
from rich.text import Text

from flashing.desk.batch import DONE, FAILED, WAITING, WORKING, Batch, State

_STYLE = {DONE: "green", FAILED: "bold red"}


class Table:
    """A context; `look()` shows what is new."""

    def __init__(self, state: State, batch: Batch, out: TextIO) -> None:
        self._state = state
        self._batch = batch
        self._screen = Screen(file=out, highlight=False)
        self._live: Live | None = None
        self._told: dict[str, tuple[str, str]] = {}

    def __enter__(self) -> "Table":
        if self._screen.is_terminal:
            self._live = Live(console=self._screen, auto_refresh=False, transient=False)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def look(self) -> None:
        if self._live is not None:
            self._live.update(picture(self._state, self._batch), refresh=True)
            return
        for seat in self._batch.seats:
            now = (seat.step, seat.unit)
            if seat.step and self._told.get(seat.port) != now:
                self._told[seat.port] = now
                words = Text(f"{seat.port}: {seat.unit or '-'}: {seat.step}: {seat.text}")
                self._screen.print(words, soft_wrap=True)


def picture(state: State, batch: Batch) -> Group:
    """The table as it stands."""
    rows = Rows(expand=True, box=None, pad_edge=False)
    for name in ("port", "unit", "step", ""):
        rows.add_column(name, no_wrap=name != "", style="bold" if name == "unit" else "")
    for seat in batch.seats:
        rows.add_row(
            seat.port.rsplit("/", 1)[-1],
            seat.unit.rsplit("/", 1)[-1] or "-",
            Text(seat.step or WAITING, _STYLE.get(seat.step, "")),
            Text(seat.text, _STYLE.get(seat.step, "") if seat.step == FAILED else ""),
        )
    counts = ", ".join(f"{state.count(each)} {each}" for each in (DONE, WORKING, FAILED, WAITING))
    return Group(rows, Text(f"\n{len(state.rows)} cars: {counts}"))


def summary(state: State, batch: Batch, again: str, out: TextIO) -> None:
    """What failed, why, and how to go on."""
    screen = Screen(file=out, highlight=False)

    def say(text: str, style: str = "") -> None:
        screen.print(Text(text, style), soft_wrap=True)

    say(f"\n{state.count(DONE)} of {len(state.rows)} cars are done.")
    for row in state.rows:
        if row.state == FAILED:
            say(f"! {row.unit}: {row.what}", "bold red")
            say(f"  do:    {row.do}")
            if row.command and row.command != again:
                say(f"  run:   {row.command}")
    for seat in batch.seats:
        if seat.error is not None:
            say(f"! the board at {seat.port}: {seat.error.what}", "bold red")
            say(f"  do:    {seat.error.do}")
            if seat.error.command:
                say(f"  run:   {seat.error.command}")
    left = [row.unit for row in state.rows if row.state != DONE]
    if left:
        say(f"Left: {', '.join(unit.rsplit('/', 1)[-1] for unit in left)}. To go on:")
        say(f"  {again}")
