"""Commands from the operations centre: checked, stored, listed for the terminal, answered.

`place` and `answer` run inside a journal transaction; the results an operator sees are notices of the same
one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gateway import panics
from gateway.journal.base import Transaction
from gateway.journal.records import (
    ACKNOWLEDGED,
    CLEARED,
    DELIVERED,
    ENROLLED,
    EXPIRED,
    OPEN_STATES,
    QUEUED,
    REFUSED,
    SHOWN,
    SHOWN_STATE,
    Command,
    Terminal,
)
from gateway.log import iso
from gateway.northbound import encode
from gateway.requests import Request
from gateway.topics import unit_topic
from protocol import cbor
from protocol.limits import MAX_COMMANDS

# Within this time the same request at several nodes is one.
_SAME_MS = 5000
ANSWER_SHOWN, ANSWER_UNSUPPORTED, ANSWER_REFUSED = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Placed:
    """What `place` did: the result told to the operator, and the stages reached on the way."""

    result: str
    reason: str
    number: int
    facts: list[panics.Fact]


def place(
    tx: Transaction, prefix: str, terminal: Terminal, request: Request, now_ms: int, expire_s: int, limit: int
) -> Placed:
    """Store a request for this terminal, and what it means for an alarm."""
    again = tx.command_by_origin(terminal.kid, request.origin)
    if again is not None:
        # MQTT delivers at least once: the same request is told its result and changes nothing. Each node that
        # shares the journal gets it, and the first of them tells.
        if not tx.node or now_ms - again.issued_ms > _SAME_MS:
            notify(tx, prefix, terminal, replace(again, correlation=request.correlation), again.state, now_ms)
        return Placed(again.state, again.reason, again.id, [])
    waiting = tx.open_commands(terminal.kid)
    reason = _objection(tx, terminal, request, len(waiting), limit)
    facts: list[panics.Fact] = []
    stage = {"acknowledge": ACKNOWLEDGED, "clear": CLEARED}.get(request.name)
    if reason is None and stage is not None and request.panic is not None:
        facts = panics.reach(tx, prefix, terminal, request.panic, stage, request.operator, now_ms)
    command = _command(terminal, request, stage, now_ms, expire_s, reason)
    if reason is None:
        for older in waiting:
            if stage is not None and older.origin is None and older.panic == request.panic:
                tx.set_command(older.id, "superseded")
    number = tx.add_command(command)
    notify(tx, prefix, terminal, command, command.state, now_ms)
    return Placed(command.state, reason or "", number, facts)


def addressee(tx: Transaction, terminal: Terminal, before: Sequence[Terminal], request: Request) -> Terminal:
    """Whose alarm an operator ends. A unit's terminal may have been replaced while its alarm was open, which
    is told under the unit's name until somebody acknowledges it. `before`: the unit's earlier ones, newest
    first."""
    if not before or request.panic is None or request.name not in ("acknowledge", "clear"):
        return terminal
    alarms: list[tuple[bool, int, Terminal]] = []
    for one in (terminal, *before):
        if tx.command_by_origin(one.kid, request.origin) is not None:
            return one  # the same request once more
        known = tx.panic(one.kid, request.panic)
        if known is not None:
            done = known.cleared_ms if request.name == "clear" else known.acknowledged_ms
            alarms.append((done is not None, len(alarms), one))
    return min(alarms)[2] if alarms else terminal


def _objection(tx: Transaction, terminal: Terminal, request: Request, waiting: int, limit: int) -> str | None:
    # An alarm is ended also when its terminal was cut off since; it is the operations centre's fact.
    if request.panic is not None and request.name in ("acknowledge", "clear"):
        known = tx.panic(terminal.kid, request.panic)
        if known is None:
            return f"no alarm {request.panic} of this unit"
        done = known.cleared_ms if request.name == "clear" else known.acknowledged_ms
        if done is not None:
            by = f" by {known.operator}" if known.operator else ""
            return f"already {'cleared' if request.name == 'clear' else 'acknowledged'}{by} at {iso(done)}"
        return None
    if terminal.state != ENROLLED:
        return f"the terminal is {terminal.state}"
    if waiting >= limit:
        return f"{waiting} commands wait for this terminal already"
    return None


def _command(
    terminal: Terminal, request: Request, stage: int | None, now_ms: int, expire_s: int, reason: str | None
) -> Command:
    expires = request.expires_s
    if stage is not None:
        kind, body = panics.RECEIPT, cbor.encode({0: request.panic, 1: stage})
    else:
        expires = expire_s if expires is None else expires
        if request.name == "message":
            kind, body = panics.MESSAGE, cbor.encode({0: request.text})
        elif request.name == "renew":
            kind, body = panics.RENEW, cbor.encode({})
        else:
            fields: dict[int, Any] = {0: request.task, 1: request.text}
            if request.lat_e7 is not None:
                fields.update({2: request.lat_e7, 3: request.lon_e7})
            kind, body = panics.TASK, cbor.encode(fields)
    return Command(
        0,
        terminal.kid,
        kind,
        body,
        now_ms,
        None if expires is None else now_ms + expires * 1000,
        QUEUED if reason is None else REFUSED,
        reason or "",
        request.origin,
        request.name,
        request.operator,
        request.panic,
        stage,
        request.reply_topic,
        request.correlation,
    )


def notify(
    tx: Transaction, prefix: str, terminal: Terminal, command: Command, result: str, now_ms: int
) -> None:
    """Queue the result for the operator: on the unit's result topic, and where he asked for it (MQTT 5)."""
    if command.origin is None:
        return
    body = {"id": command.origin, "command": command.name, "result": result, "time": iso(now_ms)}
    if command.reason:
        body["reason"] = command.reason
    payload = encode(body)
    own = f"{unit_topic(prefix, terminal)}/command/result"
    for topic in {own, command.reply_topic or own}:
        tx.add_notice(terminal.kid, topic, payload, command.correlation, now_ms)


def delivered(tx: Transaction, prefix: str, terminal: Terminal, numbers: list[int], now_ms: int) -> None:
    """The terminal's stack confirmed a notification that held these. (CoAP acknowledgements are not
    authenticated: this is the network's word; "shown" is the terminal's.)"""
    for command in tx.open_commands(terminal.kid):
        if command.id in numbers and command.state == QUEUED:
            tx.set_command(command.id, DELIVERED)
            notify(tx, prefix, terminal, command, DELIVERED, now_ms)


def answer(
    tx: Transaction, prefix: str, terminal: Terminal, number: int, code: int, now_ms: int
) -> tuple[Command | None, list[panics.Fact]]:
    """The terminal's own answer, `POST /c`. An unknown or answered id changes nothing."""
    command = tx.command(terminal.kid, number)
    if command is None or command.state not in OPEN_STATES:
        return None, []
    facts: list[panics.Fact] = []
    if code == ANSWER_SHOWN:
        state, reason = SHOWN_STATE, ""
        if panics.shown_by(command) and command.panic is not None:
            facts = panics.reach(tx, prefix, terminal, command.panic, SHOWN, "", now_ms)
    else:
        state = REFUSED
        reason = "not supported by the terminal" if code == ANSWER_UNSUPPORTED else "refused by the terminal"
    tx.set_command(number, state, reason)
    done = replace(command, state=state, reason=reason)
    notify(tx, prefix, terminal, done, state, now_ms)
    return done, facts


def expire(tx: Transaction, prefix: str, by_kid: Callable[[bytes], Terminal | None], now_ms: int) -> int:
    """Close what nobody fetched in time."""
    over = tx.expired_commands(now_ms)
    for command in over:
        tx.set_command(command.id, EXPIRED, "not shown in time")
        terminal = by_kid(command.kid)
        if terminal is not None:
            notify(tx, prefix, terminal, replace(command, reason="not shown in time"), EXPIRED, now_ms)
    return len(over)


def listing(commands: list[Command], now_ms: int) -> tuple[bytes, list[int]]:
    """The payload of `GET /c` and the ids in it: oldest first, at most MAX_COMMANDS bytes. When not all fit,
    receipts of alarms go before tasks and messages; what is left out comes when others are answered."""
    alive = [c for c in commands if c.expires_ms is None or c.expires_ms > now_ms]
    chosen: list[tuple[int, bytes]] = []
    room = MAX_COMMANDS - 3
    for command in sorted(alive, key=lambda c: (c.kind != panics.RECEIPT, c.id)):
        # The body was encoded by us and stands as an item of its own.
        item = (
            cbor.encode_head(5, 4)
            + b"".join(cbor.encode(k) + cbor.encode(v) for k, v in ((0, command.id), (1, command.kind)))
            + cbor.encode(2)
            + cbor.encode(command.issued_ms)
            + cbor.encode(3)
            + command.body
        )
        if len(item) <= room:
            room -= len(item)
            chosen.append((command.id, item))
    chosen.sort()
    return cbor.encode_head(4, len(chosen)) + b"".join(item for _, item in chosen), [
        number for number, _ in chosen
    ]
