"""What the journal holds, as plain values."""

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Terminal:
    """One row of the registry. `kid` names it for ever; `sender_id` is its OSCORE Sender ID."""

    kid: bytes
    public_key: bytes
    directorate: str
    station: str
    unit: str
    vehicle: str
    call_sign: str
    state: str
    secret: bytes
    salt: bytes
    enrolled_ms: int
    changed_ms: int

    @property
    def sender_id(self) -> bytes:
        # RFC 8613 3.3: an id has at most nonce length - 6 = 7 bytes.
        return self.kid[:7]


@dataclass(frozen=True, slots=True)
class Replay:
    """Durable OSCORE state: the window of what the terminal sent, and our own reserved sequence."""

    highest: int
    bitmap: int
    sequence: int


@dataclass(frozen=True, slots=True)
class NewFrame:
    """A verified frame on its way into the journal. `panic` is (id, state) of report field 6."""

    boot: int
    seq: int
    kind: int
    panic: tuple[int, int] | None
    frame: bytes


@dataclass(frozen=True, slots=True)
class Row:
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
