"""A program into the slot that does not run, and the board over to it."""

import dataclasses
from typing import Any

from flashing.board import starter, tool
from flashing.board.console import Console
from flashing.board.literal import literal
from flashing.board.plan import Plan, blocks, packed, plan
from flashing.board.program import Program, number_of, text_of
from flashing.errors import FlashError
from flashing.progress import Steps

_HASH_S = 60.0
_PASTE = 8192  # bytes of blocks in one paste: what the board reads them from lies in its heap
_NONE = 255
_DIGEST = 8


@dataclasses.dataclass
class Held:
    """What a slot says it holds. `fits`: its image has the digest that it is to have."""

    size: int
    version: int
    sha256: bytes
    board: str
    fits: bool


@dataclasses.dataclass
class State:
    """Numbers of slots, None where there is none. `slots`: what they hold."""

    good: int | None
    trial: int | None
    other: int
    slots: list[Held | None]

    @property
    def current(self) -> Held | None:
        return None if self.good is None else self.slots[self.good]

    @property
    def spare(self) -> Held | None:
        return self.slots[self.other]


@dataclasses.dataclass
class Report:
    """What was done, in blocks of flash and in bytes over the cable."""

    was: str = ""
    kept: int = 0
    copied: int = 0
    sent: int = 0
    bytes_sent: int = 0
    unchanged: bool = False
    starter: bool = False

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def state_of(row: tuple[Any, ...]) -> State:
    good, trial, _, _, other, held = row
    slots = [None if each is None else Held(*each) for each in held]
    return State(_known(good), _known(trial), other, slots)


def _known(number: int) -> int | None:
    return None if number == _NONE else number


class Install:
    """`console` is in the raw REPL with an empty heap. Raises FlashError. After `run` a reset starts the new
    program, on trial where another ran before."""

    def __init__(
        self, console: Console, board: dict[str, Any], program: Program, deflate: bool, steps: Steps
    ):
        self._console = console
        self._board = board
        self._program = program
        self._deflate = deflate
        self._steps = steps
        self.report = Report()

    def run(self, allow_downgrade: bool = False, allow_other: bool = False) -> Report:
        tool.mount(self._console)
        flash = self._board["flash"]
        self._console.exec(f"from transfer import Transfer\nt = Transfer({flash!r})", patience_s=_HASH_S)
        state = state_of(self._console.call("t.state", patience_s=_HASH_S))
        if state.current is not None:
            self.report.was = text_of(state.current.version)
            self._agree(state.current, allow_downgrade, allow_other)
        self._fits(flash["slots"][state.other]["size"])
        self.report.starter = starter.put(self._console, self._board)
        wanted = self._program.sha256
        if state.current is not None and state.current.fits and state.current.sha256 == wanted:
            self.report.unchanged = True
            return self.report
        if state.spare is None or not state.spare.fits or state.spare.sha256 != wanted:
            self._transfer(state)
        if not self._console.call("t.stage", patience_s=_HASH_S):
            raise self._worn()
        return self.report

    def _agree(self, current: Held, allow_downgrade: bool, allow_other: bool) -> None:
        if current.board != self._program.board and not allow_other:
            raise FlashError(
                f"this board was flashed as {current.board}, not as {self._program.board}",
                self._console.port,
                "check which board it is; if it was flashed as the wrong one before, say so",
                reason="wrong-board",
                add="--change-board",
            )
        if number_of(self._program.version) < current.version and not allow_downgrade:
            raise FlashError(
                f"the program on the board, {text_of(current.version)}, is newer than this one, "
                f"{self._program.version_text}",
                self._console.port,
                "if you want the older one all the same, say so",
                reason="downgrade",
                add="--allow-downgrade",
            )

    def _fits(self, size: int) -> None:
        room = size - 4096  # a slot's first block says what the others hold
        if len(self._program.data) > room:
            raise FlashError(
                f"the program has {len(self._program.data)} bytes, a slot of this board holds {room}",
                f"boards/{self._board['name']}/board.toml, [[flash.slots]]",
                "choose the board that it is",
                "./flash.py boards",
                "full",
            )

    def _transfer(self, state: State) -> None:
        pieces = blocks(self._program.data)
        made = self._plan(state, len(pieces))
        report = self.report
        report.kept, report.copied, report.sent = len(made.keep), len(made.copy), len(made.send)
        self._steps.say(
            f"of {len(pieces)} blocks {report.kept} lie there, {report.copied} can be copied on the board, "
            f"{report.sent} have to be sent"
        )
        console = self._console
        console.call("t.clear")
        for number, origin in made.copy.items():
            console.call("t.copy", number, origin, len(pieces[number]))
        calls = [self._call(number, pieces[number]) for number in made.send]
        total = sum(len(call) for call in calls)
        advance = self._steps.bar("program", total)
        while calls:
            paste = [calls.pop(0)]
            while calls and sum(map(len, paste)) + len(calls[0]) <= _PASTE:
                paste.append(calls.pop(0))
            console.exec(b"\n".join(paste), patience_s=_HASH_S)
            report.bytes_sent += sum(map(len, paste))
            advance(report.bytes_sent)
        program = self._program
        described = (len(program.data), number_of(program.version), program.sha256, program.board)
        if not console.call("t.finish", *described, patience_s=_HASH_S):
            raise self._worn()

    def _plan(self, state: State, count: int) -> Plan:
        running = self._sums(state.good, count)
        return plan(self._program.data, running, self._sums(state.other, count))

    def _sums(self, number: int | None, count: int) -> list[bytes]:
        if number is None:
            return []
        said = self._console.call("t.sums", number, count, patience_s=_HASH_S)
        return [said[at : at + _DIGEST] for at in range(0, len(said), _DIGEST)]

    def _call(self, number: int, block: bytes) -> bytes:
        short = packed(block) if self._deflate else None
        name, data = ("put", block) if short is None else ("unpack", short)
        return f"t.{name}({number}, ".encode() + literal(data) + b")"

    def _worn(self) -> FlashError:
        return FlashError(
            "the program reads back from flash other than it was written",
            self._console.port,
            "try once more; if it stays so, this board's flash is worn out",
            reason="flash",
        )
