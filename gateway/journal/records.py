"""What the journal holds, as plain values. What is made for each frame is a named tuple: a quarter of the
cost."""

from dataclasses import dataclass
from typing import NamedTuple

ENROLLED = "enrolled"
SUSPENDED = "suspended"
REVOKED = "revoked"

# Stages of a panic, PROTOCOL.md; 1 and 2 happen on the terminal.
STORED = 3
ACCEPTED = 4
ACKNOWLEDGED = 5
SHOWN = 6
CLEARED = 7

QUEUED = "queued"
DELIVERED = "delivered"
SHOWN_STATE = "shown"
REFUSED = "refused"
EXPIRED = "expired"
SUPERSEDED = "superseded"
OPEN_STATES = (QUEUED, DELIVERED)

# A security context: made, its first request came, another took its place.
NEXT = "next"
CURRENT = "current"
RETIRING = "retiring"


@dataclass(frozen=True, slots=True)
class Terminal:
    """One row of the registry. `kid` names it for ever."""

    kid: bytes
    public_key: bytes
    directorate: str
    station: str
    unit: str
    vehicle: str
    call_sign: str
    state: str
    enrolled_ms: int
    changed_ms: int


@dataclass(frozen=True, slots=True)
class NewContext:
    """What a handshake made. `oscore_id` is the terminal's Sender ID, `gateway_id` the gateway's."""

    oscore_id: bytes
    kid: bytes
    gateway_id: bytes
    secret: bytes
    salt: bytes


@dataclass(frozen=True, slots=True)
class StoredContext:
    """A security context with its durable state: the window of what the terminal sent, and our own reserved
    sequence. `generation` counts those of one terminal. `used_ms`: when its first authentic request came;
    `retire_ms`: when it is deleted. A revoked terminal's secret is empty."""

    oscore_id: bytes
    kid: bytes
    gateway_id: bytes
    secret: bytes
    salt: bytes
    state: str
    generation: int
    made_ms: int
    used_ms: int | None = None
    retire_ms: int | None = None
    highest: int = -1
    bitmap: int = 0
    sequence: int = 0


# `made(Row, (...))`: a named tuple of all its values, in half the time that its own constructor takes.
made = tuple.__new__


class Claim(NamedTuple):
    """What a request asks of its context. `number`: its Partial IV, to be used up; None when it was already,
    or when nobody asked. `block`: how many sequence numbers of our own are wanted, or 0. `first_ms`: when it
    came, where it may be the first under its context; what was current then serves until `retire_ms`."""

    oscore_id: bytes
    generation: int
    number: int | None = None
    block: int = 0
    first_ms: int | None = None
    retire_ms: int = 0


class Claimed(NamedTuple):
    """What it got: sequence numbers of our own, from `block[0]` to before `block[1]`, that no other has."""

    block: tuple[int, int] | None = None


class NewFrame(NamedTuple):
    """A verified frame on its way into the journal. `panic` is (id, state) of report field 6."""

    boot: int
    seq: int
    kind: int
    panic: tuple[int, int] | None
    frame: bytes


class Row(NamedTuple):
    """A frame in the journal. `id` grows with each one and is never used again."""

    id: int
    kid: bytes
    boot: int
    seq: int
    kind: int
    panic: int | None
    stored_ms: int
    relayed_ms: int | None
    frame: bytes


@dataclass(frozen=True, slots=True)
class Panic:
    """An alarm by (kid, panic) and when it reached each stage; None where it has not."""

    kid: bytes
    panic: int
    drill: bool
    state: int
    frame_id: int
    opened_ms: int
    accepted_ms: int | None
    acknowledged_ms: int | None
    shown_ms: int | None
    cleared_ms: int | None
    operator: str

    @property
    def stage(self) -> int:
        """The furthest stage that happened."""
        if self.cleared_ms is not None:
            return CLEARED
        if self.shown_ms is not None:
            return SHOWN
        if self.acknowledged_ms is not None:
            return ACKNOWLEDGED
        return STORED if self.accepted_ms is None else ACCEPTED


@dataclass(frozen=True, slots=True)
class Command:
    """Something for a terminal. `origin` is the operator's own name for it; receipts have none."""

    id: int
    kid: bytes
    kind: int
    body: bytes
    issued_ms: int
    expires_ms: int | None
    state: str
    reason: str
    origin: str | None
    name: str
    operator: str
    panic: int | None
    stage: int | None
    reply_topic: str | None
    correlation: bytes | None


@dataclass(frozen=True, slots=True)
class Notice:
    """A message for the broker that is not a frame: a stage of a panic, a command's result."""

    id: int
    kid: bytes
    topic: str
    payload: bytes
    correlation: bytes | None


class Standing(NamedTuple):
    """A node among those that share the journal. `leads`: it does what is to be done by one only. `handed`
    grows with each frame that others stored for it. `took`: rows of a node that is silent are its own now.
    `known`: the name is still its own. `lapsed`: for a while its rows were anybody's."""

    leads: bool
    handed: int
    took: bool = False
    known: bool = True
    lapsed: bool = False
