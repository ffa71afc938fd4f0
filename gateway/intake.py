"""`POST /f`: a CBOR sequence of signed frames, all checked before any is stored, all durable before 2.04."""

from dataclasses import dataclass
from typing import Any

from gateway import panics
from gateway.clock import Clock
from gateway.journal.base import Journal, Transaction
from gateway.journal.records import NewFrame, Row, Terminal
from gateway.log import Log
from gateway.northbound import KINDS
from gateway.security import Peer, State
from gateway.verifier import Verifier
from protocol import cbor, coap, cose, report
from protocol.errors import Malformed
from protocol.limits import MAX_FRAME, MAX_FRAMES

STAGE_STORED = 3


class Refused(Exception):
    """An authenticated terminal sent something that cannot be taken; `diagnostic` goes back to it,
    protected."""

    def __init__(self, code: int, diagnostic: str, reason: str = "malformed") -> None:
        super().__init__(diagnostic)
        self.code = code
        self.diagnostic = diagnostic
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Checked:
    """A frame of our profile whose form is right; its signature is still to be checked."""

    new: NewFrame
    fields: dict[int, Any]
    signed: bytes
    signature: bytes


def split(payload: bytes) -> list[bytes]:
    """The frames of a CBOR sequence, as the bytes they came in. Raises Refused."""
    frames: list[bytes] = []
    at = 0
    while at < len(payload):
        if len(frames) == MAX_FRAMES:
            raise Refused(coap.TOO_LARGE, f"more than {MAX_FRAMES} frames")
        try:
            end = cbor.skip(payload, at)
        except Malformed as error:
            raise Refused(coap.BAD_REQUEST, f"frame {len(frames)}: {error}") from None
        if end - at > MAX_FRAME:
            raise Refused(coap.TOO_LARGE, f"frame {len(frames)}: {end - at} bytes, at most {MAX_FRAME}")
        frames.append(payload[at:end])
        at = end
    if not frames:
        raise Refused(coap.BAD_REQUEST, "no frame")
    return frames


def check(frame: bytes, kid: bytes) -> Checked:
    """COSE profile, signer and report. Raises Malformed."""
    sign1 = cose.sign1_parse(frame)
    if sign1.kid != kid:
        # OSCORE says who sent it; nobody speaks for another.
        raise Malformed(f"kid: {sign1.kid.hex()} is not the sender")
    fields = report.decode(sign1.payload)
    panic = fields.get(report.PANIC)
    pair = None if panic is None else (panic[report.PANIC_ID], panic[report.PANIC_STATE])
    new = NewFrame(fields[report.BOOT], fields[report.SEQ], fields[report.KIND], pair, frame)
    return Checked(new, fields, sign1.to_be_signed(), sign1.signature)


@dataclass(frozen=True, slots=True)
class Stored:
    """What became durable: rows that were new, with their reports, and the stages reached. `handed`: ids of
    rows that another node relays."""

    rows: list[tuple[Row, dict[int, Any]]]
    facts: list[panics.Fact]
    conflicts: list[NewFrame]
    repeats: int
    handed: frozenset[int] = frozenset()


class Intake:
    """Takes batches of frames. `take` returns when they are durable."""

    def __init__(self, journal: Journal, verifier: Verifier, log: Log, clock: Clock, prefix: str) -> None:
        self._journal = journal
        self._verifier = verifier
        self._log = log
        self._clock = clock
        self._prefix = prefix
        self.stored = 0
        self.repeats = 0
        self.conflicts = 0

    async def take(self, peer: Peer, payload: bytes, state: State) -> Stored:
        """Raises Refused, then nothing was stored; JournalError and ContextError likewise."""
        terminal = peer.terminal
        checked: list[Checked] = []
        for index, frame in enumerate(split(payload)):
            try:
                checked.append(check(frame, terminal.kid))
            except Malformed as error:
                raise Refused(coap.BAD_REQUEST, f"frame {index}: {error}", "frame") from None
        truths = await self._verifier.check([(peer.key, c.signed, c.signature) for c in checked])
        for index, good in enumerate(truths):
            if not good:
                raise Refused(coap.BAD_REQUEST, f"frame {index}: signature", "signature")
        now_ms = self._clock.wall_ms()
        stored = await state.write(self._journal, lambda tx: self._store(tx, terminal, checked, now_ms))
        self._tell(terminal, stored)
        return stored

    def _store(self, tx: Transaction, terminal: Terminal, checked: list[Checked], now_ms: int) -> Stored:
        rows: list[tuple[Row, dict[int, Any]]] = []
        facts: list[panics.Fact] = []
        conflicts: list[NewFrame] = []
        repeats = 0
        placed = tx.insert_frames([(terminal.kid, one.new) for one in checked], now_ms)
        for one, (number, conflict) in zip(checked, placed, strict=True):
            new = one.new
            if number == 0 and not conflict:
                repeats += 1
                continue
            facts += panics.note_frame(tx, self._prefix, terminal, new, number, conflict, now_ms)
            if conflict:
                conflicts.append(new)
                continue
            panic = None if new.panic is None else new.panic[0]
            row = Row(number, terminal.kid, new.boot, new.seq, new.kind, panic, now_ms, None, new.frame)
            rows.append((row, one.fields))
        return Stored(rows, facts, conflicts, repeats, frozenset(tx.handed))

    def _tell(self, terminal: Terminal, stored: Stored) -> None:
        self.stored += len(stored.rows)
        self.repeats += stored.repeats
        self.conflicts += len(stored.conflicts)
        for row, _ in stored.rows:
            self._log.info("frame.stored", **name(row))
        for new in stored.conflicts:
            self._log.error(
                "frame.conflict", kid=terminal.kid, boot=new.boot, seq=new.seq, kind=KINDS[new.kind]
            )

    def receipt(self) -> bytes:
        """The payload of 2.04."""
        return cbor.encode({0: self._clock.wall_ms(), 1: STAGE_STORED})


def name(row: Row) -> dict[str, object]:
    """A frame in a log line."""
    out: dict[str, object] = {"kid": row.kid, "boot": row.boot, "seq": row.seq, "kind": KINDS[row.kind]}
    if row.panic is not None:
        out["panic"] = row.panic
    return out
