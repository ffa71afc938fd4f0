"""May this one give this order to that car? Who he is comes from his own key, or from the broker.

A signed command is a JWS in its compact form (RFC 7515) with ES256: the header's `kid` is the operator's name
in the registry, the payload the command itself with `unit` and `issued_ms`, so that it serves for nobody else
and for no other time. Where the broker says who asks, the name is the last level of the topic, on which the
broker lets only him publish (`gateway acl`).
"""

import base64
import binascii
import json
from dataclasses import dataclass, replace
from typing import Any

from gateway import audit
from gateway.journal.base import Transaction
from gateway.journal.offices import ACTIVE, EVERYWHERE, OPERATOR, Operator
from gateway.journal.records import Terminal
from gateway.log import iso
from gateway.requests import BadRequest, Request
from gateway.security import load_public_key, verify
from gateway.settings import SLUG

OPEN, BY_BROKER, SIGNED = "open", "broker", "signed"
# A clock that is so much ahead of ours is not wrong yet.
_AHEAD_MS = 60_000


class NotAllowed(BadRequest):
    """The operator may not do this; the text goes back to him."""


@dataclass(frozen=True, slots=True)
class Asked:
    """`payload` is the command's JSON; `actor` whoever `proof` shows, or empty."""

    payload: bytes
    actor: str
    proof: str


def covers(areas: tuple[str, ...], terminal: Terminal) -> bool:
    own = (terminal.directorate, f"{terminal.directorate}/{terminal.station}")
    return any(area == EVERYWHERE or area in own for area in areas)


def who(tx: Transaction, payload: bytes, named: str) -> Asked:
    """`named` is the operator of the topic, or empty. Raises NotAllowed."""
    parts = payload.split(b".")
    if len(parts) != 3 or payload[:1] == b"{":
        return Asked(payload, named, audit.BROKER if named else audit.NONE)
    try:
        header: Any = json.loads(_unpack(parts[0]))
        body, signature = _unpack(parts[1]), _unpack(parts[2])
    except (ValueError, RecursionError):
        raise NotAllowed("signature: no JWS in its compact form") from None
    # What is not understood must not be passed over (RFC 7515 4.1.11).
    if not isinstance(header, dict) or header.get("alg") != "ES256" or "crit" in header or "b64" in header:
        raise NotAllowed('signature: the header must be {"alg": "ES256", "kid": operator}')
    name = header.get("kid")
    if not isinstance(name, str):
        raise NotAllowed("signature: kid: must be the operator's name")
    operator = _known(tx, name)
    if operator.public_key is None:
        raise NotAllowed(f"operator {name}: has no key in the registry")
    signed = parts[0] + b"." + parts[1]
    if not verify(load_public_key(operator.public_key), signed, signature):
        raise NotAllowed("signature: wrong")
    if named and named != name:
        raise NotAllowed(f"signature: {name}'s, on the topic of {named}")
    return Asked(body, name, audit.SIGNATURE)


def permit(
    tx: Transaction, mode: str, asked: Asked, request: Request, terminal: Terminal, now_ms: int, expire_s: int
) -> Request:
    """The request as it is to be carried out. Raises NotAllowed."""
    if asked.proof == audit.NONE and mode != OPEN:
        raise NotAllowed("who asks? " + _wanted(mode))
    if asked.proof == audit.BROKER and mode == SIGNED:
        raise NotAllowed("must be signed: " + _wanted(mode))
    if asked.proof != audit.NONE:
        operator = _known(tx, asked.actor)
        if not covers(operator.areas, terminal):
            place = f"{terminal.directorate}/{terminal.station}"
            raise NotAllowed(f"{place} is outside the area of {operator.name}: {', '.join(operator.areas)}")
        if request.operator not in ("", operator.name):
            raise NotAllowed(f"operator: {request.operator!r}, but {operator.name} asks")
        request = replace(request, operator=operator.name)
    unit = f"{terminal.directorate}/{terminal.station}/{terminal.unit}"
    if request.unit not in ("", unit):
        raise NotAllowed(f"unit: meant for {request.unit}")
    if asked.proof == audit.SIGNATURE and (not request.unit or request.issued_ms is None):
        raise NotAllowed("unit, issued_ms: a signed command must say for whom, and when it was given")
    return _in_time(request, now_ms, expire_s)


def _in_time(request: Request, now_ms: int, expire_s: int) -> Request:
    if request.issued_ms is None:
        return request
    if request.issued_ms > now_ms + _AHEAD_MS:
        raise NotAllowed(f"issued_ms: {iso(min(request.issued_ms, _LATEST))} has not come yet: set the clock")
    life_s = expire_s if request.expires_s is None else request.expires_s
    left_s = (request.issued_ms - now_ms) // 1000 + life_s
    if left_s < 0:
        raise NotAllowed(f"expired: given at {iso(request.issued_ms)}, for {life_s} s")
    return request if request.expires_s is None else replace(request, expires_s=min(left_s, life_s))


_LATEST = 253_402_300_799_999


def _known(tx: Transaction, name: str) -> Operator:
    # What cannot be a name is not asked for: no storage takes half of a surrogate pair.
    operator = tx.operator(name) if SLUG.match(name) else None
    if operator is None:
        raise NotAllowed(f"operator {name[:64]!r}: not in the registry")
    if operator.state != ACTIVE:
        raise NotAllowed(f"operator {name}: {operator.state}")
    if operator.role != OPERATOR:
        raise NotAllowed(f"{name} is a {operator.role} and gives no orders to cars")
    return operator


def _wanted(mode: str) -> str:
    if mode == SIGNED:
        return "this gateway takes commands signed by a key in its registry (JWS, ES256)"
    return "publish on .../command/by/<your name>, or sign the command"


def _unpack(text: bytes) -> bytes:
    """base64url without padding, in its one proper form. Raises ValueError."""
    if b"=" in text:
        raise ValueError("padded")
    try:
        data = base64.b64decode(text + b"=" * (-len(text) % 4), b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None
    if base64.urlsafe_b64encode(data).rstrip(b"=") != text:
        raise ValueError("not canonical")
    return data
