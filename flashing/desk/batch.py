"""Many boards at once: the board at each port gets its program, becomes the next car of the list, and has its
label drawn.

What was done is kept in a state file, row by row, so that the same command goes on where it was stopped: by a
power cut, a pulled cable, the end of the day. A board that was begun as one car is that car again.
"""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from flashing.desk.cars import Car
from flashing.desk.records import write
from flashing.errors import FlashError

WAITING, WORKING, DONE, FAILED = "waiting", "working", "done", "failed"


@dataclass
class Row:
    """One car. `chip`: the board that was begun as this car; `what` and `do`: why it failed."""

    unit: str
    state: str = WAITING
    chip: str = ""
    kid: str = ""
    what: str = ""
    do: str = ""
    command: str = ""


@dataclass
class Seat:
    """What goes on at one port, for the eye. `error`: the board there is no use, whatever car it was for."""

    port: str
    unit: str = ""
    step: str = ""
    text: str = ""
    done: int = 0
    error: FlashError | None = None


class Work(Protocol):
    """What is done with a board. Both raise FlashError; `tell(step, text)` as it goes on."""

    def identify(self, port: str, tell: Callable[[str, str], None]) -> tuple[str, str]:
        """(the chip's number, the unit that it is already, or "") of the board, with its program on it."""

    def make(self, port: str, unit: str, tell: Callable[[str, str], None]) -> dict[str, Any]:
        """It is that unit; what `provision` says of it."""


class State:
    """All rows, kept in a file: a change is on the disk before anything else is done."""

    def __init__(self, path: Path, cars: list[Car]) -> None:
        self._path = path
        self._lock = threading.Lock()
        known = _read(path)
        self.rows: list[Row] = []
        for car in cars:
            row = known.get(car.place, Row(car.place))
            if row.state != DONE:  # what stopped us stopped it too; what failed is tried again
                row = Row(car.place, chip=row.chip)
            self.rows.append(row)

    def take(self, chip: str, unit: str) -> Row | None:
        """The car for this board: the one it was begun as, else the next; None when all are done."""
        with self._lock:
            waiting = [row for row in self.rows if row.state == WAITING]
            own = [row for row in waiting if row.unit == unit]
            own += [row for row in self.rows if row.unit == unit and row.state == DONE and row.chip == chip]
            own += [row for row in waiting if row.chip == chip]
            if unit and not own:
                return None  # it is somebody else already
            free = [row for row in waiting if not row.chip] + waiting
            if not own and not free:
                return None
            row = (own or free)[0]
            self._set(row, state=WORKING, chip=chip, what="", do="", command="")
            return row

    def put(self, row: Row, **values: Any) -> None:
        with self._lock:
            self._set(row, **values)

    def count(self, state: str) -> int:
        return sum(row.state == state for row in self.rows)

    def _set(self, row: Row, **values: Any) -> None:
        for name, value in values.items():
            setattr(row, name, value)
        document = {"version": 1, "rows": [asdict(each) for each in self.rows]}
        write(self._path, (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode())


def _read(path: Path) -> dict[str, Row]:
    """Raises FlashError: a state that cannot be read must not pass for one in which nothing was done."""
    if not path.exists():
        return {}
    try:
        rows = json.loads(path.read_bytes())["rows"]
        return {row["unit"]: Row(**row) for row in rows}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FlashError(
            f"the batch's state cannot be read: {error}",
            str(path),
            "bring it back, or move it away: what is enrolled is found again, nothing is done twice",
            f"mv {path} {path}.damaged",
        ) from None


class Batch:
    """`next_board(port)`: waits until another board is there; False: there will be none."""

    def __init__(
        self, state: State, work: Work, next_board: Callable[[str], bool] = lambda port: False
    ) -> None:
        self._state = state
        self._work = work
        self._next_board = next_board
        self._stopping = threading.Event()
        self._broken: list[BaseException] = []
        self.seats: list[Seat] = []

    def run(self, ports: list[str], look: Callable[[], None], every_s: float = 0.1) -> None:
        """Until every port has done what it can; `look()` is called now and then, and at the end."""
        self.seats = [Seat(port) for port in ports]
        threads = [threading.Thread(target=self._sit, args=(seat,), daemon=True) for seat in self.seats]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                while thread.is_alive():
                    thread.join(every_s)
                    look()
        finally:
            self._stopping.set()
        look()
        if self._broken:
            raise self._broken[0]

    def _sit(self, seat: Seat) -> None:
        try:
            while not self._stopping.is_set():
                seat.unit, seat.error = "", None
                self._one(seat)
                if not any(row.state == WAITING for row in self._state.rows) or not self._next_board(
                    seat.port
                ):
                    return
        except BaseException as error:  # a mistake of ours, or the disk is full
            seat.step, seat.text = FAILED, repr(error)
            self._broken.append(error)

    def _one(self, seat: Seat) -> None:
        def tell(step: str, text: str) -> None:
            seat.step, seat.text = step, text

        began = time.monotonic()
        try:
            chip, unit = self._work.identify(seat.port, tell)
        except FlashError as error:
            seat.error = error
            tell(FAILED, error.what)
            return
        row = self._state.take(chip, unit)
        if row is None:
            if unit:
                seat.error = FlashError(
                    f"this board is {unit} already, which is not to be done", seat.port, "take another board"
                )
            tell(FAILED if unit else DONE, f"it is {unit}" if unit else "no car is left")
            return
        seat.unit = row.unit
        try:
            record = self._work.make(seat.port, row.unit, tell)
        except FlashError as error:
            self._state.put(row, state=FAILED, what=error.what, do=error.do, command=error.command)
            tell(FAILED, error.what)
            return
        self._state.put(row, state=DONE, kid=record["kid"])
        seat.done += 1
        tell(DONE, f"terminal {record['kid']}, {time.monotonic() - began:.0f} s")
