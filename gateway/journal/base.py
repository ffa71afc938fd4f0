"""What the rest of the gateway knows about durable storage; SQLite stands behind it.

`Journal.write(work)` runs `work(transaction)` together with others' in one group commit and returns only when
the result is durable. A `work` may be run more than once (when a neighbour in its group failed), so it
changes nothing but the transaction. `Journal.read(work)` sees what is committed.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from gateway.gauges import Timings
from gateway.journal.offices import Steward
from gateway.journal.records import (
    Claim,
    Claimed,
    Command,
    NewContext,
    NewFrame,
    Notice,
    Panic,
    Row,
    Standing,
    StoredContext,
    Terminal,
)
from gateway.journal.retention import Pruning
from gateway.journal.updates import Updating

T = TypeVar("T")


class JournalError(Exception):
    """The storage failed or is overloaded: nothing of the work was kept. Say what, not whose fault."""


class ContextError(Exception):
    """A security context that cannot be made, or is not there any more: nothing may be done in its name."""


class Spent(ContextError):
    """The Partial IV was used before, perhaps at another node: no answer may stand under its nonce."""


class Transaction(Steward, Pruning, Updating, ABC):
    """The operations; each is atomic with the others of the same work. Works of all processes that share the
    storage run one after another: what was read in one is still so when it writes.

    `node`: the number of this process among them; 0 or None where there is one. `handed`: ids of frames
    stored here that another node relays. `called`: how many frames other nodes stored for this one so far.
    `commanded`: terminals that commands were added for. `noticed`: there is a new notice."""

    node: int | None
    handed: set[int]
    called: int
    commanded: set[bytes]
    noticed: bool

    # frames
    @abstractmethod
    def insert_frames(self, items: Sequence[tuple[bytes, NewFrame]], now_ms: int) -> list[tuple[int, bool]]:
        """As `insert_frame`, for frames of any terminals, given with their kid."""

    @abstractmethod
    def insert_frame(self, kid: bytes, frame: NewFrame, now_ms: int) -> tuple[int, bool]:
        """(id, conflict). id 0: already there. conflict: the name was taken by other bytes, which were kept
        aside."""

    @abstractmethod
    def frames(
        self,
        after: int,
        limit: int,
        kid: bytes | None = None,
        unrelayed: bool = False,
        kind: int | None = None,
    ) -> list[Row]:
        """Frames with id > after, ascending. `unrelayed`: those that this node is to relay."""

    @abstractmethod
    def first_unrelayed(self) -> int | None:
        """Least id of a frame that this node relays and the broker has not confirmed."""

    @abstractmethod
    def mark_relayed(self, ids: Sequence[int], now_ms: int) -> None:
        """The broker confirmed these frames."""

    @abstractmethod
    def count(self) -> dict[str, int]:
        """Numbers of frames, unrelayed, conflicts, open panics, waiting commands, waiting notices."""

    # security contexts
    @abstractmethod
    def add_context(self, new: NewContext, now_ms: int) -> StoredContext:
        """The terminal's next one; it takes the place of a next one that was never used.

        Raises ContextError when there is no such terminal, it is revoked, or the id is taken."""

    @abstractmethod
    def context(self, oscore_id: bytes) -> StoredContext | None:
        """One context."""

    @abstractmethod
    def contexts(self, kid: bytes | None = None) -> list[StoredContext]:
        """Of one terminal, or all; older generations first."""

    @abstractmethod
    def use_context(self, oscore_id: bytes, generation: int, now_ms: int, retire_ms: int) -> None:
        """An authentic request came under it. If it was the next one, it is the current one from now on; what
        was current serves until `retire_ms`, and what retired before is deleted."""

    @abstractmethod
    def claim(self, claims: Sequence[Claim]) -> list[Claimed | ContextError]:
        """One outcome for each, in their order; a later one sees what an earlier one did. ContextError: this
        context is not there any more. Spent: its number was used. In either case nothing may be done in the
        name of that request."""

    @abstractmethod
    def retire_contexts(self, now_ms: int, latest_ms: int) -> list[StoredContext]:
        """Delete those whose time is over: `retire_ms` not after `now_ms`, or, by a clock that was wrong,
        after `latest_ms`. Returns what was deleted."""

    # the gateway's own key
    @abstractmethod
    def gateway_key(self) -> bytes | None:
        """The public key that terminals were given, X || Y; None before the first."""

    @abstractmethod
    def set_gateway_key(self, public_key: bytes) -> None:
        """From now on it is this one."""

    # registry
    @abstractmethod
    def enroll(self, terminal: Terminal) -> None:
        """Raises ValueError when kid or the unit is taken."""

    @abstractmethod
    def set_state(self, kid: bytes, state: str, now_ms: int) -> Terminal | None:
        """None when there is no such terminal. The secrets of a revoked one are deleted."""

    @abstractmethod
    def revision(self) -> tuple[int, int]:
        """(registry, commands): numbers that grow with every change."""

    @abstractmethod
    def terminals(self, since: int = 0) -> list[Terminal]:
        """Those that changed after registry revision `since`."""

    # several nodes
    @abstractmethod
    def join(self, name: str, token: int) -> int:
        """The number of the node of this name; it is the same after each start. `token` tells this start from
        any other."""

    @abstractmethod
    def renew(self, token: int, relays: bool) -> Standing:
        """Say that this node lives, if it `relays`, and take over what the dead have left."""

    @abstractmethod
    def standing(self) -> Standing:
        """How this node stands; changes nothing."""

    @abstractmethod
    def leave(self) -> None:
        """This node ends in good order: others need not wait to take over."""

    @abstractmethod
    def shared_before(self) -> bool:
        """Several nodes have been at work here."""

    @abstractmethod
    def adopt(self) -> None:
        """There is only this process now: what any node had to relay is its own."""

    # panics
    @abstractmethod
    def open_panic(self, kid: bytes, panic: int, drill: bool, state: int, frame_id: int, now_ms: int) -> bool:
        """True if it was not known before."""

    @abstractmethod
    def reopen_panic(
        self, kid: bytes, panic: int, drill: bool, state: int, frame_id: int, now_ms: int
    ) -> None:
        """The same id names another alarm: forget the stages of the earlier one."""

    @abstractmethod
    def set_panic_state(self, kid: bytes, panic: int, state: int) -> None:
        """What the terminal last said of it (report field 6)."""

    @abstractmethod
    def reach(self, kid: bytes, panic: int, stage: int, now_ms: int, operator: str = "") -> bool:
        """True if this alarm exists and had not reached the stage before."""

    @abstractmethod
    def panic(self, kid: bytes, panic: int) -> Panic | None:
        """One alarm."""

    @abstractmethod
    def unacknowledged(self, newest: int) -> list[Panic]:
        """Alarms that wait for the operations centre, oldest first; of each terminal the newest few."""

    @abstractmethod
    def still_waiting(self, alarms: Sequence[tuple[bytes, int]]) -> list[tuple[Panic, Row | None]]:
        """Of these alarms, (kid, panic), those that do, oldest first, each with the frame that raised it, or
        None where that was kept aside as a conflict, or pruned."""

    # commands
    @abstractmethod
    def add_command(self, command: Command) -> int:
        """The id it got; `command.id` is ignored."""

    @abstractmethod
    def command(self, kid: bytes, number: int) -> Command | None:
        """One command of this terminal."""

    @abstractmethod
    def command_by_origin(self, kid: bytes, origin: str) -> Command | None:
        """The command an operator named so."""

    @abstractmethod
    def open_commands(self, kid: bytes) -> list[Command]:
        """Not answered yet, oldest first."""

    @abstractmethod
    def set_command(self, number: int, state: str, reason: str = "") -> None:
        """Move a command to a state."""

    @abstractmethod
    def expired_commands(self, now_ms: int) -> list[Command]:
        """Open commands whose time is over."""

    @abstractmethod
    def commanded_since(self, revision: int) -> list[bytes]:
        """Terminals that got a command after this revision of the commands."""

    # notices
    @abstractmethod
    def add_notice(
        self, kid: bytes, topic: str, payload: bytes, correlation: bytes | None, now_ms: int
    ) -> int:
        """Queue a message for the broker."""

    @abstractmethod
    def notices(self, after: int, limit: int) -> list[Notice]:
        """What this node is to tell the broker and it has not confirmed yet, id > after, ascending."""

    @abstractmethod
    def drop_notices(self, ids: Iterable[int]) -> None:
        """The broker confirmed these."""


class Journal(ABC):
    """Durable storage on an asyncio loop. `node`: the number of this process among those that share it; 0
    when nobody does. `token` is that of this start. `leading`: it does what one of them only is to do."""

    node = 0
    token = 0
    leading = True
    timings: Timings

    @abstractmethod
    async def open(self) -> None: ...

    @abstractmethod
    async def close(self) -> None:
        """Finishes what is queued, then closes."""

    @abstractmethod
    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Raises JournalError when it could not be made durable; then nothing of it was kept."""

    @abstractmethod
    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Runs on committed data, beside the writer."""

    @abstractmethod
    async def scrub(self) -> bool:
        """What was deleted is overwritten wherever the storage kept a copy. False: somebody reads it just
        now, try again later. Raises JournalError."""

    @property
    @abstractmethod
    def waiting(self) -> int:
        """Works in the queue."""
