"""Command line: a copy of the journal while the service runs, and the way back into service.

A copy is of one moment. What came after it was answered, so terminals do not send it again; what must not
come again are the security contexts of that moment: under them numbers would be used twice. A copy therefore
has none, and whatever is put back into service gets rid of them: terminals make new ones within seconds.
"""

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway import audit, store, store_postgres
from gateway.administration import opened
from gateway.clock import Clock
from gateway.config import Config
from gateway.journal.base import JournalError, Transaction
from gateway.journal.offices import ACTIVE, Operator
from gateway.journal.records import REVOKED, Terminal
from gateway.log import iso

Result = tuple[int, dict[str, Any], str]


def backup(config: Config, options: argparse.Namespace) -> Result:
    now_ms = Clock().wall_ms()
    made = store.copy(config, options.file, now_ms)
    body = {"file": str(options.file), **_body(made)}
    text = (
        f"{options.file}: {made.frames} frames, {made.terminals} terminals, as of {iso(now_ms)}; no secret "
        f"of a link is in it\nNot in it: {config.key_path}. Keep a copy of that too, once, elsewhere: "
        "without it every car has to be provisioned again."
    )
    return 0, body, text


def restore(config: Config, options: argparse.Namespace) -> Result:
    """Exit code 1, and nothing changed, while a service runs or when something is in the way."""
    if (options.file is None) != options.in_place:
        raise ValueError(
            "name the FILE to restore, or say --in-place for a journal that is in its place already"
        )
    if store.serving(config):
        raise JournalError("a service runs on this journal: stop it first")
    if options.in_place:
        with opened(config) as tx:
            dropped = _make_safe(tx, "in place")
        text = f"{dropped} security contexts dropped; the service may be started\n{_AFTER}"
        return 0, {"contexts": dropped, "revoked": []}, text
    return _put_back(config, options.file, options.replace)


_AFTER = (
    "Revoke and suspend again what was revoked and suspended since, and look at `python -m gateway list`.\n"
    "Frames that the broker had since are not in it: consumers have them. Open alarms are told again."
)


def _put_back(config: Config, source: Path, replace: bool) -> Result:
    if config.database:
        raise store_postgres.restore(config)
    path = config.journal_path
    found = store.examine(source)
    if path.exists() and not replace:
        raise JournalError(f"{path} is there: --replace puts it away, under another name, and restores")
    there = path.exists()
    cut_off, ended = _cut_off(config) if there else ([], [])
    away = path.with_name(f"{path.name}.before-{_stamp()}")
    if away.exists():
        raise JournalError(f"{away} is there already")
    with store.prepared(config, source, away) as tx:
        dropped = _make_safe(tx, str(source))
        carried = _cut(tx, cut_off) + _end(tx, ended)
    as_of = found.made_ms or found.newest_ms
    lines = [
        f"{path}: {found.frames} frames, {found.terminals} terminals"
        + (f", as of {iso(as_of)}" if as_of else ""),
        f"{dropped} security contexts dropped: terminals make new ones by themselves",
    ]
    if there:
        lines.append(f"what was there is {away}")
    if carried:
        lines.append(f"cut off since, and again: {', '.join(carried)}")
    if not config.key_path.exists():
        lines.append(f"MISSING: {config.key_path}. Bring it back from its copy before you start the service")
    body = {**_body(found), "contexts": dropped, "revoked": carried, "away": str(away) if there else None}
    return 0, body, "\n".join([*lines, _AFTER])


def _make_safe(tx: Transaction, source: str) -> int:
    dropped = tx.drop_contexts()
    tx.skip_ids(store.SKIP)
    audit.local(tx, "journal.restored", "journal", source=source, contexts=dropped)
    return dropped


def _cut_off(config: Config) -> tuple[list[Terminal], list[Operator]]:
    """Whom the journal that is put away says to refuse. One that cannot be read says nothing."""
    try:
        with opened(config, write=False) as tx:
            return (
                [terminal for terminal in tx.terminals() if terminal.state == REVOKED],
                [one for one in tx.operators() if one.state != ACTIVE],
            )
    except JournalError:
        return [], []


def _cut(tx: Transaction, cut_off: list[Terminal]) -> list[str]:
    """Also whom the copy does not know: what enrolled that one may be brought again, a technician's file."""
    known = {terminal.kid: terminal.state for terminal in tx.terminals()}
    for terminal in cut_off:
        if terminal.kid in known:
            tx.set_state(terminal.kid, terminal.state, Clock().wall_ms())
        else:
            tx.enroll(terminal)
    return [terminal.kid.hex() for terminal in cut_off if known.get(terminal.kid) != terminal.state]


def _end(tx: Transaction, ended: list[Operator]) -> list[str]:
    """Operators and technicians: their keys and accounts may be in other hands."""
    again = []
    for one in ended:
        known = tx.operator(one.name)
        if known is None or known.state == ACTIVE:
            tx.put_operator(one)
            again.append(one.name)
    return again


def _stamp() -> str:
    return datetime.fromtimestamp(Clock().wall_ms() // 1000, UTC).strftime("%Y%m%dT%H%M%SZ")


def _body(made: store.Copied) -> dict[str, Any]:
    return {
        "frames": made.frames,
        "terminals": made.terminals,
        "newest": None if made.newest_ms is None else iso(made.newest_ms),
        "as_of": None if made.made_ms is None else iso(made.made_ms),
    }
