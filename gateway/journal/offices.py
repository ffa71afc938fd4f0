"""What the journal holds for those who run the service, as plain values, and the operations on it."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

ACTIVE = "active"
# Roles: who gives orders to cars, and who puts terminals into them.
OPERATOR = "operator"
TECHNICIAN = "technician"
EVERYWHERE = "*"


@dataclass(frozen=True, slots=True)
class Presence:
    """A terminal that said what its officers do. `status` 0: it never did, and raised an alarm. `every_s`:
    how often it speaks when there is nothing to say, 0 where that is not known. `lost_ms`: when its silence
    was published; None while it is heard."""

    kid: bytes
    boot: int
    seq: int
    status: int
    heard_ms: int
    every_s: int
    lost_ms: int | None


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody who may give orders, or enroll terminals. `areas` are "directorate", "directorate/station", or
    EVERYWHERE; the public key is X || Y, None for one whose broker says who he is."""

    name: str
    areas: tuple[str, ...]
    public_key: bytes | None
    state: str
    added_ms: int
    changed_ms: int
    role: str = OPERATOR


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Two directorates that see each other's alarms, and each other's cars where `positions` says so."""

    one: str
    other: str
    positions: bool


@dataclass(frozen=True, slots=True)
class AuditRow:
    """Who asked for what, how he proved to be that one, and what became of it. `details` is JSON."""

    id: int
    at_ms: int
    actor: str
    proof: str
    action: str
    target: str
    result: str
    reason: str
    details: str


class Steward(ABC):
    """The part of a transaction that those who run the service need."""

    # silent cars
    @abstractmethod
    def note_duty(self, kid: bytes, boot: int, seq: int, status: int | None, now_ms: int) -> None:
        """A report that speaks of duty, or raises an alarm, was just stored; an older one changes nothing."""

    @abstractmethod
    def note_heard(self, heard: list[tuple[bytes, int, int]], now_ms: int) -> None:
        """(kid, when, every_s) of terminals that proved to be there; those without a row get none."""

    @abstractmethod
    def presence(self, kid: bytes) -> Presence | None:
        """One terminal's."""

    @abstractmethod
    def presences(self) -> list[Presence]:
        """All there are."""

    @abstractmethod
    def silent_since(self, before_ms: int, future_ms: int) -> list[Presence]:
        """On duty or in an open alarm, not lost yet, last heard not after `before_ms`, or by a clock that was
        wrong, after `future_ms`."""

    @abstractmethod
    def lost(self) -> list[Presence]:
        """Whose silence was published."""

    @abstractmethod
    def newest_frames(self, kid: bytes, limit: int) -> list[bytes]:
        """What this terminal made last, the newest first."""

    @abstractmethod
    def set_lost(self, kid: bytes, heard_ms: int, lost_ms: int) -> bool:
        """True for the one who may publish it: still on duty, not lost, and nobody heard it after
        `heard_ms`."""

    @abstractmethod
    def set_found(self, kid: bytes, lost_ms: int) -> bool:
        """True for the one who may publish that the silence which began at `lost_ms` is over."""

    # who may give orders
    @abstractmethod
    def put_operator(self, operator: Operator) -> None:
        """Add, or put in the place of the one of this name."""

    @abstractmethod
    def operator(self, name: str) -> Operator | None:
        """One operator, whatever his state."""

    @abstractmethod
    def operators(self) -> list[Operator]:
        """All, by name."""

    @abstractmethod
    def put_neighbours(self, one: str, other: str, positions: bool) -> None:
        """From now on these two see each other's alarms."""

    @abstractmethod
    def drop_neighbours(self, one: str, other: str) -> bool:
        """False when they were none."""

    @abstractmethod
    def neighbours(self) -> list[Neighbours]:
        """All pairs."""

    # who did what
    @abstractmethod
    def add_audit(self, row: AuditRow) -> None:
        """`row.id` is ignored."""

    @abstractmethod
    def audit(self, after: int, limit: int, actor: str | None, target: str | None) -> list[AuditRow]:
        """Rows with id > after, ascending; of one actor, of one unit or area."""

    @abstractmethod
    def prune_audit(self, before_ms: int, limit: int) -> int:
        """Delete `limit` of the oldest rows, as far as they are from before that; how many those were."""

    # keys at rest, and what is put back into service
    @abstractmethod
    def set_secret(self, oscore_id: bytes, generation: int, secret: bytes) -> None:
        """The same secret in another dress."""

    @abstractmethod
    def drop_contexts(self) -> int:
        """Forget all security contexts; how many there were."""

    @abstractmethod
    def skip_ids(self, number: int) -> None:
        """Ids of frames, commands and audit rows go on this much later, as some may have been given that this
        copy of the journal does not know."""

    @abstractmethod
    def living(self) -> int:
        """Processes that said a moment ago that they serve; where only one can, none does."""

    @abstractmethod
    def mark_alive(self, now_ms: int) -> None:
        """Something that has to be written, to see whether the storage takes it."""

    @abstractmethod
    def depths(self) -> dict[str, int]:
        """How much waits, and how many there are, for metrics; cheap however large the journal is."""
