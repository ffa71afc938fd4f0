"""Command line: who may give orders or enroll terminals, where, and which directorates are neighbours."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from gateway import audit, key
from gateway.acl import RESERVED
from gateway.administration import opened
from gateway.clock import Clock
from gateway.config import Config
from gateway.journal.base import Transaction
from gateway.journal.offices import ACTIVE, EVERYWHERE, OPERATOR, TECHNICIAN, Operator
from gateway.log import iso
from gateway.security import load_public_key
from gateway.settings import SLUG

Result = tuple[int, dict[str, Any], str]

REVOKED = "revoked"


def operator(config: Config, options: argparse.Namespace) -> Result:
    """Without a name: all. With one: add it, change it, revoke it."""
    if options.name is None:
        return _list(config)
    name = options.name
    if not SLUG.match(name) or name in RESERVED:
        raise ValueError(f"{name!r}: a-z 0-9 _ -, and none of {', '.join(RESERVED)}: it is a broker account")
    made = None
    public_key = _public_key(options.public_key) if options.public_key else None
    if options.make_key is not None:
        made = key.create(options.make_key, new=True)
        public_key = made.public
    now_ms = Clock().wall_ms()
    with opened(config) as tx:
        known = tx.operator(name)
        if options.revoke:
            if known is None:
                raise ValueError(
                    f"{name}: no such operator; `python -m gateway operator` shows those there are"
                )
            new = replace(known, state=REVOKED, changed_ms=now_ms)
            audit.local(tx, "operator.revoked", name)
        else:
            role = options.role or (known.role if known else OPERATOR)
            areas = _areas(tx, options.area, role) if options.area else known.areas if known else ()
            if not areas:
                raise ValueError('--area: where? A directorate, directorate/station, or "*" for everywhere')
            public = public_key or (known.public_key if known else None)
            if role == TECHNICIAN and public is None:
                raise ValueError("--public-key FILE: a technician signs what he enrolls; or --make-key FILE")
            new = Operator(name, areas, public, ACTIVE, known.added_ms if known else now_ms, now_ms, role)
            action = "operator.changed" if known else "operator.added"
            audit.local(tx, action, name, areas=",".join(areas), role=role)
        tx.put_operator(new)
    text = _line(_describe(new)) + "\nin force at once."
    if new.role == OPERATOR:
        text += " The broker's own list: `python -m gateway acl`"
    if made is not None:
        text += f"\n{options.make_key}: the private key, for {name} alone; this machine needs no copy"
    return 0, _describe(new), text


def neighbours(config: Config, options: argparse.Namespace) -> Result:
    """Without names: all. With two: they are neighbours, or no longer."""
    pair = options.directorates
    if not pair:
        with opened(config, write=False) as tx:
            rows = [{"one": n.one, "other": n.other, "positions": n.positions} for n in tx.neighbours()]
        lines = [
            f"{r['one']} and {r['other']}: alarms{' and positions' if r['positions'] else ''}" for r in rows
        ]
        return 0, {"neighbours": rows}, "\n".join(lines) or "no neighbours"
    if len(pair) != 2 or pair[0] == pair[1]:
        raise ValueError("name two directorates, or none to see all")
    one, other = sorted(pair)
    with opened(config) as tx:
        if options.remove:
            if not tx.drop_neighbours(one, other):
                raise ValueError(f"{one} and {other} are no neighbours")
            audit.local(tx, "neighbours.removed", f"{one},{other}")
            said = "no longer neighbours"
        else:
            _areas(tx, pair, OPERATOR)
            tx.put_neighbours(one, other, options.positions)
            audit.local(tx, "neighbours.changed", f"{one},{other}", positions=options.positions)
            said = f"see each other's alarms{' and positions' if options.positions else ''}"
    body = {"one": one, "other": other, "positions": options.positions and not options.remove}
    return 0, body, f"{one} and {other} {said}. The broker learns it by `python -m gateway acl`"


def _list(config: Config) -> Result:
    with opened(config, write=False) as tx:
        rows = [_describe(one) for one in tx.operators()]
    return 0, {"operators": rows}, "\n".join(_line(row) for row in rows) or "no operator"


def _describe(one: Operator) -> dict[str, Any]:
    return {
        "name": one.name,
        "role": one.role,
        "state": one.state,
        "areas": list(one.areas),
        "public_key": None if one.public_key is None else one.public_key.hex(),
        "added": iso(one.added_ms),
        "changed": iso(one.changed_ms),
    }


def _line(row: dict[str, Any]) -> str:
    proof = "key" if row["public_key"] else "broker"
    return f"{row['name']:24}  {row['role']:10}  {row['state']:8}  {proof:6}  {', '.join(row['areas'])}"


def _areas(tx: Transaction, wanted: list[str], role: str) -> tuple[str, ...]:
    """A name that nobody has is a slip of the pen; but a technician brings the first terminal there."""
    if role == TECHNICIAN:
        for area in wanted:
            if area != EVERYWHERE and not all(SLUG.match(part) for part in area.split("/", 1)):
                raise ValueError(f"{area!r}: a directorate, directorate/station, or {EVERYWHERE!r}")
        return (EVERYWHERE,) if EVERYWHERE in wanted else tuple(sorted(set(wanted)))
    terminals = tx.terminals()
    known = {t.directorate for t in terminals} | {f"{t.directorate}/{t.station}" for t in terminals}
    for area in wanted:
        if area != EVERYWHERE and area not in known:
            names = ", ".join(sorted({t.directorate for t in terminals})) or "none yet"
            raise ValueError(f"{area!r}: no terminal belongs there. Directorates are: {names}")
    return (EVERYWHERE,) if EVERYWHERE in wanted else tuple(sorted(set(wanted)))


def _public_key(text: str) -> bytes:
    """X || Y in hex, or a PEM file."""
    path = Path(text)
    try:
        if path.is_file():
            made = load_pem_public_key(path.read_bytes())
            if not isinstance(made, ec.EllipticCurvePublicKey) or not isinstance(made.curve, ec.SECP256R1):
                raise ValueError("not a key of P-256")
            numbers = made.public_numbers()
            return numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
        public_key = bytes.fromhex(text)
        load_public_key(public_key)
    except (OSError, ValueError) as error:
        raise ValueError(f"--public-key: {error}: 128 hex digits, or a PEM file") from None
    return public_key
