"""Command line: the registry, and commands to terminals. Works beside a running service, on the same file."""

import argparse
import json
import secrets
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from gateway import audit, commands, key, requests
from gateway.clock import Clock
from gateway.config import Config
from gateway.journal.base import Transaction
from gateway.journal.choose import transaction
from gateway.journal.records import ENROLLED, REVOKED, SUSPENDED, StoredContext, Terminal
from gateway.log import iso
from gateway.updating import describe as how_far

Result = tuple[int, dict[str, Any], str]


def find(tx: Transaction, name: str) -> Terminal:
    """By terminal id or by directorate/station/unit. Raises ValueError."""
    terminals = tx.terminals()
    if "/" in name:
        for terminal in terminals:
            if place(terminal) == name and terminal.state != REVOKED:
                return terminal
    for terminal in terminals:
        if terminal.kid.hex() == name.lower():
            return terminal
    # Never taken for one of them: the same short name may be another car's elsewhere.
    meant = [place(one) for one in terminals if one.unit == name and one.state != REVOKED][:3]
    do = f"is it {' or '.join(meant)}?" if meant else "`python -m gateway list` shows those there are"
    raise ValueError(f"{name}: no such terminal; {do}")


def place(terminal: Terminal) -> str:
    """Where it belongs: directorate/station/unit."""
    return f"{terminal.directorate}/{terminal.station}/{terminal.unit}"


def describe(terminal: Terminal, contexts: Iterable[StoredContext] = ()) -> dict[str, Any]:
    """A terminal as `list` shows it, with the newest of its security contexts; nothing in it is secret."""
    newest = max(contexts, key=lambda context: context.generation, default=None)
    return {
        "kid": terminal.kid.hex(),
        "state": terminal.state,
        "directorate": terminal.directorate,
        "station": terminal.station,
        "unit": terminal.unit,
        "call_sign": terminal.call_sign,
        "vehicle": terminal.vehicle,
        "public_key": terminal.public_key.hex(),
        "enrolled": iso(terminal.enrolled_ms),
        "changed": iso(terminal.changed_ms),
        "context": None
        if newest is None
        else {
            "generation": newest.generation,
            "made": iso(newest.made_ms),
            "used": None if newest.used_ms is None else iso(newest.used_ms),
        },
    }


def opened(config: Config, write: bool = True) -> Any:
    """A transaction on the journal, beside a running service."""
    return transaction(config, write=write)


def gateway_key(config: Config, options: argparse.Namespace) -> Result:
    """The public half of the gateway's own key, or with --replace a new one."""
    with opened(config) as tx:
        if options.replace:
            if config.key_path.exists():
                raise ValueError(
                    f"{config.key_path} is there: put it away first. With a new key every terminal has to be "
                    "provisioned again."
                )
            own = key.create(config.key_path)
            tx.set_gateway_key(own.public)
            audit.local(tx, "key.replaced", "gateway", key=own.kid.hex())
        else:
            own = key.settle(config.key_path, tx)
    body = {"kid": own.kid.hex(), "gateway_key": own.public.hex()}
    return 0, body, f"{own.kid.hex()}\n{own.public.hex()}"


def _set_state(config: Config, name: str, state: str) -> Result:
    with opened(config) as tx:
        terminal = find(tx, name)
        if terminal.state == REVOKED and state != REVOKED:
            raise ValueError(
                f"{terminal.kid.hex()} is revoked, and that is for ever: enroll it with a new key pair"
            )
        changed = tx.set_state(terminal.kid, state, Clock().wall_ms())
        audit.local(tx, f"terminal.{state}", place(terminal), kid=terminal.kid.hex())
        contexts = tx.contexts(terminal.kid)
    assert changed is not None
    return (
        0,
        describe(changed, contexts),
        f"{changed.kid.hex()} is {state}; a running gateway follows within a second",
    )


def suspend(config: Config, options: argparse.Namespace) -> Result:
    return _set_state(config, options.terminal, ENROLLED if options.lift else SUSPENDED)


def revoke(config: Config, options: argparse.Namespace) -> Result:
    return _set_state(config, options.terminal, REVOKED)


def show(config: Config, options: argparse.Namespace) -> Result:
    with opened(config, write=False) as tx:
        terminals = [t for t in tx.terminals() if options.state in (None, t.state)]
        contexts: dict[bytes, list[StoredContext]] = {}
        for context in tx.contexts():
            contexts.setdefault(context.kid, []).append(context)
        updates = {own.kid: how_far(own) for own in tx.updates()}
    rows = [
        {**describe(t, contexts.get(t.kid, ())), "update": updates.get(t.kid)}
        for t in sorted(terminals, key=lambda t: (t.directorate, t.station, t.unit, t.kid))
    ]
    lines = [
        f"{r['kid']}  {r['state']:9}  {r['directorate']}/{r['station']}/{r['unit']}  {r['call_sign']}"
        + (f"  update {r['update']['version']} {r['update']['state']}" if r["update"] else "")
        for r in rows
    ]
    return 0, {"terminals": rows}, "\n".join(lines) or "no terminal"


def send(config: Config, options: argparse.Namespace) -> Result:
    """The same check and record as a command that came by MQTT; a running gateway delivers it within a
    second."""
    body = {
        "id": f"cli-{secrets.token_hex(8)}",
        "command": options.name,
        "operator": options.operator,
        "text": options.text,
        "task": options.task,
        "panic": options.panic,
        "lat": options.lat,
        "lon": options.lon,
        "expires_s": options.expires_s,
    }
    try:
        request = requests.parse(json.dumps(body).encode())
    except requests.BadRequest as error:
        raise ValueError(f"--{error}") from None
    request = replace(request, reply_topic=None)
    expire_s, limit = config.whole("commands.expire_s"), config.whole("commands.per_terminal")
    with opened(config) as tx:
        terminal = find(tx, options.terminal)
        if "/" in options.terminal:
            there = [t for t in tx.terminals() if place(t) == options.terminal and t.kid != terminal.kid]
            terminal = commands.addressee(tx, terminal, there[::-1], request)
        placed = commands.place(
            tx, config.text("northbound.prefix"), terminal, request, Clock().wall_ms(), expire_s, limit
        )
        audit.local(
            *(tx, f"command.{request.name}", place(terminal), placed.result, placed.reason),
            operator=request.operator,
            id=request.origin,
            panic=request.panic,
            task=request.task,
            text=request.text,
        )
    out = {"id": request.origin, "kid": terminal.kid.hex(), "result": placed.result, "reason": placed.reason}
    return int(placed.result != "queued"), out, f"{placed.result}: {placed.reason or request.origin}"
