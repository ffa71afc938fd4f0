"""A technician's enrolment document: whose it is, whether he may, and what it does to the registry.

What keeps a document that was seen on its way from doing harm a second time: it is meant for this gateway's
key alone, it serves for a while only, and a terminal that the registry knows, enrolled or revoked, is never
taken up anew. So the second time is either the first one's answer again, or a refusal.
"""

from dataclasses import dataclass
from typing import Any

from gateway import audit, key
from gateway.administration import place
from gateway.authority import covers
from gateway.enrolment import terminal
from gateway.journal.base import Transaction
from gateway.journal.offices import ACTIVE, TECHNICIAN, Operator
from gateway.journal.records import REVOKED, Terminal
from gateway.log import iso
from gateway.security import load_public_key, verify
from protocol import enrolment
from protocol.errors import Malformed

# By HTTPS: how old a document may be, and how far ahead of our clock.
FRESH_MS = 600_000
AHEAD_MS = 120_000

DONE, KNOWN, REPLACED, REFUSED = "enrolled", "known", "replaced", "refused"


class Unproven(ValueError):
    """Nobody known has signed it: nothing was written. `code` is one word for programs."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a document. `code` and `text` say why it was refused; `holder` is the terminal that was
    replaced, or is in the way."""

    result: str
    technician: str
    unit: str
    kid: bytes
    state: str = ""
    code: str = ""
    text: str = ""
    holder: bytes = b""


def prove(tx: Transaction, document: bytes) -> tuple[Operator, dict[int, Any]]:
    """The technician who signed it, and what he says. Raises Unproven."""
    try:
        parts, fields = enrolment.decode(document)
    except Malformed as error:
        raise Unproven("malformed", f"no enrolment document: {error}") from None
    technician = _signer(tx, parts.kid)
    public = load_public_key(technician.public_key or b"")
    if not verify(public, parts.to_be_signed(enrolment.AAD), parts.signature):
        raise Unproven("signature", f"the signature is not {technician.name}'s: the document was changed")
    return technician, fields


def take(tx: Transaction, document: bytes, own: key.GatewayKey, now_ms: int, fresh_ms: int) -> Outcome:
    """Carry it out, or refuse it, with a row in the audit log either way. Raises Unproven."""
    technician, fields = prove(tx, document)
    row = {enrolment.NAMES[number]: fields[number] for number in enrolment.TEXTS}
    unit = "/".join(str(row[name]) for name in ("directorate", "station", "unit"))
    kid = key.kid_of(fields[enrolment.PUBLIC_KEY])
    try:
        new = terminal({**row, "public_key": fields[enrolment.PUBLIC_KEY].hex()}, now_ms)
        reason = _printable(fields.get(enrolment.REASON, ""))
        outcome = _decide(tx, technician, new, fields, reason, own, now_ms, fresh_ms)
    except ValueError as error:
        outcome, reason = _refused(technician, unit, kid, "entry", str(error)), ""
    if outcome.result != KNOWN:
        audit.note(
            *(tx, now_ms, technician.name, audit.SIGNATURE, "terminal.enrolled", unit[:200]),
            "refused" if outcome.result == REFUSED else "done",
            outcome.text,
            kid=kid.hex(),
            board=str(row["board"]),
            replaced=outcome.holder.hex() if outcome.result == REPLACED else "",
            because=reason,
        )
    return outcome


def _signer(tx: Transaction, kid: bytes) -> Operator:
    """Whoever's key it is. Raises Unproven."""
    for one in tx.operators():
        if one.public_key is not None and key.kid_of(one.public_key) == kid:
            if one.state != ACTIVE:
                raise Unproven("technician", f"{one.name} is {one.state}: ask headquarters")
            if one.role != TECHNICIAN:
                raise Unproven(
                    "technician",
                    f"{one.name} is an {one.role}, no technician. At headquarters: gateway operator NAME "
                    "--role technician, with a key of its own",
                )
            return one
    raise Unproven(
        "technician",
        f"key {kid.hex()} is no technician's here. At headquarters: gateway operator NAME --role technician "
        "--area DIRECTORATE --public-key FILE",
    )


def _decide(
    tx: Transaction,
    technician: Operator,
    new: Terminal,
    fields: dict[int, Any],
    reason: str,
    own: key.GatewayKey,
    now_ms: int,
    fresh_ms: int,
) -> Outcome:
    def refused(code: str, text: str, holder: bytes = b"") -> Outcome:
        return _refused(technician, place(new), new.kid, code, text, holder)

    gateway = fields[enrolment.GATEWAY]
    if gateway != own.kid:
        return refused(
            "gateway",
            f"it is meant for the gateway with key {gateway.hex()}, this one has {own.kid.hex()}: "
            'correct "gateway_key" in the configuration (gateway key --json), and provision again',
        )
    made_ms = fields[enrolment.MADE_MS]
    if made_ms > now_ms + AHEAD_MS or made_ms < now_ms - fresh_ms:
        which = "has not come yet" if made_ms > now_ms else f"is more than {_span(fresh_ms)} ago"
        return refused(
            "clock",
            f"it was made at {iso(made_ms)}, which {which} by the gateway's clock ({iso(now_ms)}): "
            "set the clock of the technician's computer, and provision again",
        )
    if not covers(technician.areas, new):
        areas = ", ".join(technician.areas)
        return refused("area", f"{place(new)} is outside the area of {technician.name}: {areas}")
    if new.kid == own.kid:
        return refused("entry", "the public key is the gateway's own")
    holder = None
    for known in tx.terminals():
        if known.kid == new.kid:
            return _again(technician, new, known)
        if known.state != REVOKED and place(known) == place(new):
            holder = known
    result, old = DONE, b""
    if holder is not None:
        if not reason:
            return refused(
                "taken",
                f"unit {place(new)} has terminal {holder.kid.hex()} ({holder.vehicle}) already. If this one "
                'takes its place: provision again with --replace-unit "why"; the old one is refused then',
                holder.kid,
            )
        tx.set_state(holder.kid, REVOKED, now_ms)
        audit.note(
            *(
                tx,
                now_ms,
                technician.name,
                audit.SIGNATURE,
                "terminal.revoked",
                place(holder),
                "done",
                reason,
            ),
            kid=holder.kid.hex(),
            by=new.kid.hex(),
        )
        result, old = REPLACED, holder.kid
    tx.enroll(new)
    return Outcome(result, technician.name, place(new), new.kid, new.state, holder=old)


def _again(technician: Operator, new: Terminal, known: Terminal) -> Outcome:
    """The registry knows this key."""
    if known.state == REVOKED:
        text = (
            f"terminal {known.kid.hex()} was revoked, and that is for ever: "
            "provision it again with --replace-identity, for a new key pair"
        )
        return _refused(technician, place(new), new.kid, REVOKED, text)
    if place(known) != place(new):
        text = (
            f"terminal {known.kid.hex()} is enrolled as {place(known)} ({known.vehicle}). To move it to "
            "another car: provision it again with --replace-identity, and let headquarters revoke the old"
        )
        return _refused(technician, place(new), new.kid, "moved", text, known.kid)
    return Outcome(KNOWN, technician.name, place(new), new.kid, known.state)


def _refused(
    technician: Operator, unit: str, kid: bytes, code: str, text: str, holder: bytes = b""
) -> Outcome:
    return Outcome(REFUSED, technician.name, unit, kid, "", code, text, holder)


def _printable(text: object) -> str:
    if not isinstance(text, str) or not (text == "" or (text.isprintable() and text.strip())):
        raise ValueError(f"reason {text!r}: printable characters")
    return text


def _span(ms: int) -> str:
    minutes = ms // 60_000
    return f"{minutes // 1440} days" if minutes >= 2880 else f"{minutes} minutes"
