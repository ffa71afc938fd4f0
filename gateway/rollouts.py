"""Command line: who is to get an update, and how a roll-out goes on."""

import argparse
from collections import Counter
from hashlib import sha256
from typing import Any

from gateway import audit, commands
from gateway.administration import find, opened, place
from gateway.clock import Clock
from gateway.config import Config
from gateway.journal.base import Transaction
from gateway.journal.records import ENROLLED, OPEN_STATES, QUEUED, SUPERSEDED, Command, Terminal
from gateway.journal.updates import OVER, PAUSED, RUNNING, Rollout, Update
from gateway.log import iso
from gateway.releases import release
from gateway.updating import STATES, pause, tell
from protocol import cbor, update
from protocol.errors import Malformed

Result = tuple[int, dict[str, Any], str]

EVERYWHERE = "*"
# Unless told otherwise a notice waits a month for a car that stands without power.
_EXPIRES_S = 30 * 86400
MOST_FAILURES = 2


def send(config: Config, options: argparse.Namespace) -> Result:
    """Tell those that `options.terminal` names of a release: one unit, a station, a directorate, or all."""
    if options.release is None:
        raise ValueError("--release: which version? `release` shows those there are")
    try:
        version = update.version_number(options.release)
    except Malformed as error:
        raise ValueError(f"--release: {error}") from None
    share = _share(options.share)
    limit, now_ms = config.whole("commands.per_terminal"), Clock().wall_ms()
    prefix = config.text("northbound.prefix")
    expires_s = _EXPIRES_S if options.expires_s is None else options.expires_s
    with opened(config) as tx:
        if not any(r.version == version and r.withdrawn_ms is None for r in tx.releases()):
            raise ValueError(f"--release {options.release}: no such release is served; `release` shows them")
        meant = _meant(tx, options.terminal)
        chosen = [terminal for terminal in meant if _among(terminal.kid, version, share)]
        known = {own.kid: own for own in tx.updates()}
        fresh = []
        skipped = Counter[str]()
        for terminal in chosen:
            objection = _objection(tx, terminal, known.get(terminal.kid), version, options.again, limit)
            if objection is None:
                fresh.append(terminal)
            else:
                skipped[objection] += 1
        number = 0
        if fresh:
            number = tx.add_rollout(
                Rollout(
                    *(0, version, options.terminal, share, options.most_failures, RUNNING, ""),
                    *(options.operator, now_ms, now_ms),
                )
            )
            for terminal in fresh:
                _ask(tx, prefix, terminal, number, version, options.operator, now_ms, expires_s)
        audit.local(
            *(tx, "command.update", options.terminal, "queued" if fresh else "refused"),
            operator=options.operator,
            version=options.release,
            share=share,
            rollout=number,
            terminals=len(fresh),
        )
    body = {
        "rollout": number,
        "version": options.release,
        "share": share,
        "meant": len(meant),
        "asked": len(fresh),
        "skipped": dict(skipped),
    }
    text = f"roll-out {number}: {len(fresh)} of {len(meant)} terminals are asked to take {options.release}"
    if not fresh:
        text = f"nobody is asked to take {options.release}"
    text += "".join(f"\n{count}: {reason}" for reason, count in sorted(skipped.items()))
    if not chosen:
        text += f"\nnone of {len(meant)} terminals is among {share} %: take more of them"
    return int(not fresh), body, text


def _share(text: str) -> int:
    number = text.removesuffix("%")
    if not number.isdigit() or not 1 <= int(number) <= 100:
        raise ValueError(f"--share {text}: must be 1% to 100%")
    return int(number)


def _among(kid: bytes, version: int, share: int) -> bool:
    """A tenth of the fleet is the same tenth each time, is among any greater share, and is another one for
    the next version: not always the same cars try first."""
    lot = int.from_bytes(sha256(kid + version.to_bytes(4, "big")).digest()[:8], "big")
    return lot % 100 < share


def _meant(tx: Transaction, target: str) -> list[Terminal]:
    """Those that are enrolled; of a unit named by itself also the one that is not."""
    terminals = tx.terminals()
    if target == EVERYWHERE:
        found = terminals
    elif target.count("/") == 2:
        return [find(tx, target)]
    else:
        area = target.split("/")
        found = [t for t in terminals if [t.directorate, t.station][: len(area)] == area]
        if not found:
            return [find(tx, target)]
    return [terminal for terminal in found if terminal.state == ENROLLED]


def _objection(
    tx: Transaction, terminal: Terminal, own: Update | None, version: int, again: bool, limit: int
) -> str | None:
    if terminal.state != ENROLLED:
        return f"the terminal is {terminal.state}"
    if own is not None and own.version == version:
        if own.state == update.DONE:
            return "run it already"
        if own.state in update.FAILED and not again:
            return "failed with it before (--again asks them once more)"
        if not own.ended and not again:
            return "were asked already"
    if own is not None and own.version > version and own.state == update.DONE:
        return "run a newer one"
    if len(tx.open_commands(terminal.kid)) >= limit:
        return "have too many commands waiting"
    return None


def _ask(
    tx: Transaction,
    prefix: str,
    terminal: Terminal,
    rollout: int,
    version: int,
    operator: str,
    now_ms: int,
    expires_s: int,
) -> None:
    for older in tx.open_commands(terminal.kid):
        if older.kind == update.COMMAND and older.state in OPEN_STATES:
            tx.set_command(older.id, SUPERSEDED)
    command = Command(
        0,
        terminal.kid,
        update.COMMAND,
        cbor.encode({0: version}),
        now_ms,
        now_ms + expires_s * 1000,
        QUEUED,
        "",
        f"rollout-{rollout}-{now_ms}",
        "update",
        operator,
        None,
        None,
        None,
        None,
    )
    tx.add_command(command)
    commands.notify(tx, prefix, terminal, command, QUEUED, now_ms)
    own = Update(terminal.kid, rollout, version, update.ASKED, 0, 0, "", now_ms)
    tx.put_update(own)
    tell(tx, prefix, terminal, own, now_ms)


def rollout(config: Config, options: argparse.Namespace) -> Result:
    """Show roll-outs, or pause, go on with, or end one."""
    wanted = PAUSED if options.pause else RUNNING if options.resume else OVER if options.end else None
    if options.number is None:
        if wanted is not None:
            raise ValueError("which roll-out? `rollout` shows their numbers")
        with opened(config, write=False) as tx:
            rows = [_describe(tx, row) for row in tx.rollouts()]
        return 0, {"rollouts": rows}, "\n".join(map(_line, rows)) or "no roll-out"
    now_ms = Clock().wall_ms()
    with opened(config, write=wanted is not None) as tx:
        row = tx.rollout(options.number)
        if row is None:
            raise ValueError(f"{options.number}: no such roll-out; `rollout` shows those there are")
        if wanted is not None:
            _change(tx, config, row, wanted, now_ms)
            row = tx.rollout(options.number)
            assert row is not None
        body = _describe(tx, row)
        by_kid = {terminal.kid: terminal for terminal in tx.terminals()}
        body["terminals"] = [
            {
                "kid": own.kid.hex(),
                "unit": place(by_kid[own.kid]) if own.kid in by_kid else "",
                "state": STATES[own.state],
                "bytes": own.done,
                "of": own.size,
                "reason": own.reason,
                "changed": iso(own.changed_ms),
            }
            for own in tx.updates(row.id)
        ]
    lines = [_line(body)]
    for one in body["terminals"]:
        how = f"{100 * one['bytes'] // one['of']} %" if one["state"] == "fetching" and one["of"] else ""
        lines.append(f"  {one['unit'] or one['kid']:32}  {one['state']:9}  {how or one['reason']}".rstrip())
    return 0, body, "\n".join(lines)


def _change(tx: Transaction, config: Config, row: Rollout, wanted: str, now_ms: int) -> None:
    if row.state == OVER or row.state == wanted:
        raise ValueError(f"roll-out {row.id} is {row.state}")
    by = audit.account()
    if wanted == RUNNING:
        tx.set_rollout(row.id, RUNNING, "", now_ms)
        for own in tx.updates(row.id):
            if own.state != update.ASKED:
                continue
            terminal = find(tx, own.kid.hex())
            if terminal.state == ENROLLED:
                prefix = config.text("northbound.prefix")
                _ask(tx, prefix, terminal, row.id, row.version, row.operator, now_ms, _EXPIRES_S)
    else:
        pause(tx, row, f"by {by}", now_ms, wanted)
    audit.local(tx, f"rollout.{wanted}", f"rollout {row.id}")


def _describe(tx: Transaction, row: Rollout) -> dict[str, Any]:
    counts = Counter(STATES[own.state] for own in tx.updates(row.id))
    return {
        "rollout": row.id,
        "version": update.version_text(row.version),
        "target": row.target,
        "share": row.share,
        "most_failures": row.most_failures,
        "state": row.state,
        "reason": row.reason,
        "operator": row.operator,
        "made": iso(row.made_ms),
        "counts": dict(counts),
    }


def _line(row: dict[str, Any]) -> str:
    counts = ", ".join(f"{count} {state}" for state, count in sorted(row["counts"].items())) or "nobody"
    why = f" ({row['reason']})" if row["reason"] else ""
    return (
        f"{row['rollout']:>4}  {row['version']:11}  {row['target']} {row['share']} %  {row['state']}{why}: "
        f"{counts}"
    )


def add_commands(add: Any, sending: argparse.ArgumentParser) -> None:
    """Their part of the parser; `sending` is that of `send`."""
    part = add(
        "release",
        "show the releases of the terminals' program that are served, add or withdraw one",
        "release add build/SIM-0.2.0.suit --public-key release.pub\n"
        "  python -m gateway release withdraw SIM-0.2.0",
        release,
    )
    part.add_argument(
        "action", nargs="?", choices=("list", "add", "withdraw"), default="list", help="list by default"
    )
    part.add_argument(
        "what", nargs="?", metavar="FILE|NAME", help="a manifest that `flash.py release` made, or a name"
    )
    part.add_argument(
        "--public-key",
        metavar="HEX|FILE",
        help="the release key: refuse what it has not signed (the terminals do so in any case)",
    )
    part = add(
        "rollout",
        "show roll-outs of updates, pause one, go on with it, or end it",
        "rollout 3 --pause",
        rollout,
    )
    part.add_argument("number", nargs="?", type=int, metavar="N", help="this one, with its terminals")
    what = part.add_mutually_exclusive_group()
    what.add_argument("--pause", action="store_true", help="nobody fetches or starts it for now")
    what.add_argument("--resume", action="store_true", help="go on")
    what.add_argument("--end", action="store_true", help="nobody else is asked")
    part = sending
    part.add_argument("--release", metavar="VERSION", help="update: to this version")
    part.add_argument(
        "--share", default="100%", metavar="N%", help="update: so many of those named, always the same ones"
    )
    part.add_argument(
        "--most-failures",
        type=int,
        default=MOST_FAILURES,
        metavar="N",
        help=f"update: pause once more than so many terminals failed ({MOST_FAILURES})",
    )
    part.add_argument("--again", action="store_true", help="update: also those that failed, or were asked")
