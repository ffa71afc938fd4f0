"""What a batch does with one board, by the parts that the single commands use."""

import argparse
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flashing.desk import label, options, provision, records
from flashing.desk.cars import Car
from flashing.desk.technician import Technician
from flashing.errors import FlashError
from flashing.progress import Steps

Tell = Callable[[str, str], None]


class _Quiet(Steps):
    """The steps of `flash`, told to a row of the table."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell

    def __exit__(self, *_: object) -> None:
        pass

    def say(self, text: str) -> None:
        self._tell("flash", text)

    def bar(self, text: str, total: int) -> Callable[[int], None]:
        def advance(done: int) -> None:
            self._tell("flash", f"{text} {100 * done // total if total else 100} %")

        return advance


class Workshop:
    """`program`: what is flashed, or None where the boards have it already."""

    def __init__(
        self,
        board: dict[str, Any],
        cars: list[Car],
        technician: Technician,
        wishes: provision.Wishes,
        folder: Path,
        program: Any,
        flash_options: argparse.Namespace,
        again: str,
    ) -> None:
        self._board = board
        self._cars = {car.place: car for car in cars}
        self._technician = technician
        self._wishes = wishes
        self._folder = folder
        self._program = program
        self._flash_options = flash_options
        self._again = again

    def identify(self, port: str, tell: Tell) -> tuple[str, str]:
        from flashing.board.flow import flash

        if self._program is not None:
            try:
                with _Quiet(tell) as steps:
                    flash(self._board, port, self._program, self._flash_options, steps)
            except FlashError as error:
                if error.add and not error.command:  # what one board needs is not for all of a batch
                    error.command = f"{self._flash_command(port)} {error.add}"
                raise
        tell("board", "asking it")
        with self._opened(port) as device:
            device.begin()
            about = device.about()
        return str(about["uid"]), str(about["unit"])

    def make(self, port: str, unit: str, tell: Tell) -> dict[str, Any]:
        car = provision.finished(self._cars[unit], self._wishes)
        try:
            with self._opened(port) as device:
                record = provision.provision(
                    device, car, self._board["name"], self._technician, self._wishes, self._folder, tell
                )
        except FlashError as error:
            raise FlashError(
                error.what, error.where, error.do, error.command or self._again, error.reason
            ) from None
        tell("label", "drawing it")
        public = bytes.fromhex(record["public_key"])
        path = records.folder(self._folder, car.place) / "label.svg"
        label.make(path, bytes.fromhex(record["kid"]), public, car.place, car.call_sign)
        return record

    def _flash_command(self, port: str) -> str:
        options = self._flash_options
        words = ["./flash.py", "flash", "--board", self._board["name"], "--port", port]
        for name in ("baud", "image"):
            given = getattr(options, name)
            words += [f"--{name}", str(given)] if given else []
        return shlex.join(words)

    def _opened(self, port: str) -> Any:
        return options.opened(self._board["name"], port, self._flash_options.baud)
