"""Terminals into the registry: one from the command line, or many from a file, all or none."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway import audit, key
from gateway.administration import Result, opened, place
from gateway.clock import Clock
from gateway.config import Config, ConfigError
from gateway.journal.base import Transaction
from gateway.journal.records import ENROLLED, REVOKED, Terminal
from gateway.security import load_public_key
from gateway.settings import SLUG

MAX_LABEL = 120
_PLACE = ("directorate", "station", "unit")
_NEEDED = ("public_key", *_PLACE, "vehicle")
_KEYS = (*_NEEDED, "call_sign")


def terminal(row: dict[str, str], now_ms: int) -> Terminal:
    """Raises ValueError that names the entry as the command line does."""
    try:
        public_key = bytes.fromhex(row["public_key"])
        load_public_key(public_key)
    except ValueError as error:
        raise ValueError(
            f"--public-key: {error}: expected 128 hex digits, X and Y of a P-256 point"
        ) from None
    for name in _PLACE:
        if not SLUG.match(row[name]):
            raise ValueError(
                f"--{name} {row[name]!r}: only a-z 0-9 _ -, beginning and ending with a letter or digit"
            )
    if (row["directorate"], row["unit"]) == ("gateway", "state"):
        raise ValueError("--directorate gateway --unit state: that topic is the gateway's own")
    call_sign = row.get("call_sign") or row["unit"]
    for name, value in (("vehicle", row["vehicle"]), ("call-sign", call_sign)):
        if not value.strip() or len(value) > MAX_LABEL or not value.isprintable():
            raise ValueError(f"--{name} {value!r}: 1 to {MAX_LABEL} printable characters")
    return Terminal(
        kid=key.kid_of(public_key),
        public_key=public_key,
        directorate=row["directorate"],
        station=row["station"],
        unit=row["unit"],
        vehicle=row["vehicle"],
        call_sign=call_sign,
        state=ENROLLED,
        enrolled_ms=now_ms,
        changed_ms=now_ms,
    )


def enroll(config: Config, options: argparse.Namespace) -> Result:
    """Prints what the terminal is to be given: the gateway's public key."""
    row = {name: getattr(options, name) for name in _KEYS}
    if options.file is not None:
        if any(row.values()):
            raise ConfigError("--file has all of it: no other option beside it")
        return _enroll_file(config, options.file)
    missing = [f"--{name.replace('_', '-')}" for name in _NEEDED if row[name] is None]
    if missing:
        raise ConfigError(f"{', '.join(missing)}: needed, or --file with many terminals")
    new = terminal(row, Clock().wall_ms())
    with opened(config) as tx:
        own = _own(config, tx, [new])
        tx.enroll(new)
        audit.local(tx, "terminal.enrolled", place(new), kid=new.kid.hex())
    text = f"enrolled {new.kid.hex()}\ngateway_key for the terminal's configuration:\n{own.public.hex()}"
    return 0, {"kid": new.kid.hex(), "gateway_key": own.public.hex()}, text


def _enroll_file(config: Config, path: Path) -> Result:
    """One transaction for all. What is enrolled already, with the same key at the same place, is left as it
    is, so that a longer file can follow a shorter one."""
    now_ms = Clock().wall_ms()
    rows = [_located(path, number, terminal, row, now_ms) for number, row in _rows(path)]
    with opened(config) as tx:
        own = _own(config, tx, rows)
        known = {t.kid: t for t in tx.terminals()}
        added = 0
        for number, new in enumerate(rows, 1):
            if not _same(known.get(new.kid), new):
                _located(path, number, tx.enroll, new)
                added += 1
        if added:
            audit.local(tx, "terminal.enrolled", "registry", file=path.name, number=added)
    body = {"enrolled": added, "known": len(rows) - added, "gateway_key": own.public.hex()}
    text = f"enrolled {added}, known before {len(rows) - added}\ngateway_key for their configuration:\n"
    return 0, body, text + own.public.hex()


def _own(config: Config, tx: Transaction, terminals: list[Terminal]) -> key.GatewayKey:
    own = key.settle(config.key_path, tx)
    if any(new.kid == own.kid for new in terminals):
        raise ValueError("--public-key: that is the gateway's own; take the one the terminal shows")
    return own


def _same(known: Terminal | None, new: Terminal) -> bool:
    if known is None or known.state == REVOKED:
        return False
    return all(getattr(known, name) == getattr(new, name) for name in _PLACE)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, its object) of JSON lines. Raises ValueError naming the line."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"--file {path}: cannot be read: {error}") from None
    if not lines:
        raise ValueError(f"--file {path}: empty; one JSON object a line, with {', '.join(_KEYS)}")
    for number, line in enumerate(lines, 1):
        yield number, _located(path, number, _row, line)


def _row(line: str) -> dict[str, str]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise ValueError(f"not JSON: {error}") from None
    if not isinstance(row, dict) or not all(isinstance(value, str) for value in row.values()):
        raise ValueError("must be an object with texts")
    missing, unknown = [n for n in _NEEDED if n not in row], [n for n in row if n not in _KEYS]
    if missing or unknown:
        raise ValueError(f"missing: {', '.join(missing) or '-'}; unknown: {', '.join(unknown) or '-'}")
    return row


def _located(path: Path, number: int, call: Any, *arguments: Any) -> Any:
    try:
        return call(*arguments)
    except ValueError as error:
        raise ValueError(f"{path}, line {number}: {error}") from None
