"""Alarms: each stage a durable fact of its own, told to the broker and, as a receipt, to the terminal.

These are parts of a journal transaction: they run with the frame or command that causes them, all or nothing.
What they did comes back as `Fact`s, to be logged when the transaction is durable.
"""

from dataclasses import dataclass

from gateway.journal.base import Transaction
from gateway.journal.records import (
    ACCEPTED,
    ACKNOWLEDGED,
    CLEARED,
    OPEN_STATES,
    QUEUED,
    SHOWN,
    STORED,
    SUPERSEDED,
    Command,
    NewFrame,
    Panic,
    Row,
    Terminal,
)
from gateway.northbound import encode, fields_of, panic_feature
from gateway.topics import unit_topic
from protocol import cbor, report

# Kinds of commands on the air.
TASK = 1
MESSAGE = 2
RECEIPT = 3
# 4 and 5 are for configuration and updates.
RENEW = 6
# Automatic receipts that may wait for one terminal: whoever raises thousands of alarms reads none.
MAX_RECEIPTS = 16
# Alarms of one terminal told again in a round, the newest: one gone bad must not drown the others.
REMIND_EACH = 16

EVENTS = {
    STORED: "panic.open",
    ACCEPTED: "panic.accepted",
    ACKNOWLEDGED: "panic.acknowledged",
    SHOWN: "panic.shown",
    CLEARED: "panic.cleared",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """A stage that an alarm reached."""

    kid: bytes
    panic: int
    stage: int
    drill: bool
    operator: str = ""


def note_frame(
    tx: Transaction,
    prefix: str,
    terminal: Terminal,
    frame: NewFrame,
    frame_id: int,
    conflict: bool,
    now_ms: int,
) -> list[Fact]:
    """A verified frame that speaks of an alarm was just stored. Call for new and for conflicting frames."""
    if frame.panic is None:
        return []
    number, state = frame.panic
    drill = state == report.PANIC_DRILL
    kid = terminal.kid
    raises = state in (report.PANIC_RAISED, report.PANIC_DRILL)
    fact = Fact(kid, number, STORED, drill)
    if conflict:
        if frame.kind != report.KIND_PANIC or not raises:
            return []
        # A terminal that lost its counters uses old names, and old alarm ids, again. One alarm too many, not
        # one too few. The frame itself cannot go out under a name that is taken, so the alarm is told without
        # it.
        tx.reopen_panic(kid, number, drill, state, 0, now_ms)
        _publish(tx, prefix, terminal, number, STORED, now_ms, frame)
        return [fact]
    if tx.open_panic(kid, number, drill, state, frame_id, now_ms):
        return [fact]
    if not raises:
        # Only forward: datagrams of the urgent lane may overtake each other.
        tx.set_panic_state(kid, number, state)
        return []
    known = tx.panic(kid, number)
    if frame.kind == report.KIND_PANIC and known is not None and known.stage > STORED:
        # Raised again under the same id: the terminal started anew and must learn how far things are.
        queue_receipt(tx, kid, number, CLEARED if known.cleared_ms else known.stage, now_ms)
    return []


def accepted(tx: Transaction, kid: bytes, number: int, now_ms: int) -> list[Fact]:
    """The broker confirmed the frame of this alarm."""
    known = tx.panic(kid, number)
    if known is None or not tx.reach(kid, number, ACCEPTED, now_ms):
        return []
    if known.stage < ACKNOWLEDGED:
        queue_receipt(tx, kid, number, ACCEPTED, now_ms)
    return [Fact(kid, number, ACCEPTED, known.drill)]


def reach(
    tx: Transaction, prefix: str, terminal: Terminal, number: int, stage: int, operator: str, now_ms: int
) -> list[Fact]:
    """Acknowledged, shown or cleared. Empty when it was so already."""
    if not tx.reach(terminal.kid, number, stage, now_ms, operator):
        return []
    known = _publish(tx, prefix, terminal, number, stage, now_ms, None)
    return [Fact(terminal.kid, number, stage, known is not None and known.drill, operator)]


def queue_receipt(tx: Transaction, kid: bytes, number: int, stage: int, now_ms: int) -> None:
    """Tell the terminal, in place of an older automatic receipt that it has not fetched."""
    older = [c for c in tx.open_commands(kid) if c.kind == RECEIPT and c.origin is None]
    for place, command in enumerate(reversed(older), 2):
        if command.panic == number or place > MAX_RECEIPTS:
            tx.set_command(command.id, SUPERSEDED)
    tx.add_command(receipt(kid, number, stage, now_ms))


def receipt(kid: bytes, number: int, stage: int, now_ms: int) -> Command:
    """Command kind 3, without an operator's name."""
    body = cbor.encode({0: number, 1: stage if stage != SHOWN else ACKNOWLEDGED})
    return Command(
        0, kid, RECEIPT, body, now_ms, None, QUEUED, "", None, "receipt", "", number, stage, None, None
    )


def shown_by(command: Command) -> bool:
    """The terminal's answer to this command means that the officer sees the acknowledgement."""
    return command.kind == RECEIPT and command.stage in (ACKNOWLEDGED, SHOWN) and command.state in OPEN_STATES


def waiting(tx: Transaction, oldest_ms: int) -> list[tuple[bytes, int]]:
    """Alarms, (kid, panic), to be told again: those told before that time. One whose frame is still on its
    way to the broker needs no reminder."""
    told = [panic for panic in tx.unacknowledged(REMIND_EACH) if panic.accepted_ms or not panic.frame_id]
    return [(p.kid, p.panic) for p in told if (p.accepted_ms or p.opened_ms) <= oldest_ms]


def reminder(terminal: Terminal, row: Row | None, panic: Panic, now_ms: int) -> bytes:
    """The alarm once more, for operations centres that have not acknowledged it: same name, "reminder":
    true."""
    out = panic_feature(*_content(terminal, row, panic), panic, panic.stage)
    out["properties"]["reminder"] = True
    out["properties"]["published_ms"] = now_ms
    return encode(out)


def _publish(
    tx: Transaction,
    prefix: str,
    terminal: Terminal,
    number: int,
    stage: int,
    now_ms: int,
    conflicting: NewFrame | None,
) -> Panic | None:
    known = tx.panic(terminal.kid, number)
    if known is None:
        return None
    if conflicting is not None:
        row: Row | None = Row(
            0,
            terminal.kid,
            conflicting.boot,
            conflicting.seq,
            conflicting.kind,
            number,
            now_ms,
            None,
            conflicting.frame,
        )
    else:
        row = row_of(tx, known)
    out = panic_feature(*_content(terminal, row, known), known, stage)
    if conflicting is not None:
        out["properties"]["conflict"] = True
    tx.add_notice(terminal.kid, f"{unit_topic(prefix, terminal)}/panic", encode(out), None, now_ms)
    return known


def row_of(tx: Transaction, panic: Panic) -> Row | None:
    """The frame that raised the alarm; None when it was kept aside as a conflict, or pruned."""
    rows = tx.frames(panic.frame_id - 1, 1, panic.kid) if panic.frame_id else []
    return rows[0] if rows and rows[0].id == panic.frame_id else None


def _content(terminal: Terminal, row: Row | None, panic: Panic) -> tuple[Terminal, Row, dict[int, object]]:
    if row is not None:
        return terminal, row, fields_of(row.frame)
    blank = Row(
        0, panic.kid, panic.panic >> 16, 0, report.KIND_PANIC, panic.panic, panic.opened_ms, None, b""
    )
    return terminal, blank, {}
