"""Command line: what is in the journal, and whether a frame is genuine."""

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from gateway import security
from gateway.administration import find
from gateway.config import Config
from gateway.journal.choose import transaction
from gateway.journal.offices import AuditRow
from gateway.journal.records import Row
from gateway.log import iso
from gateway.topics import KINDS
from protocol import cose, report
from protocol.errors import Malformed

Result = tuple[int, dict[str, Any], str]

KIND_NUMBERS = {name: number for number, name in KINDS.items()}
_NAMES = ("boot", "seq", "time", "kind", "fix", "status", "panic", "health", "event", "task", "track")


def _describe(row: Row) -> dict[str, Any]:
    return {
        "id": row.id,
        "kid": row.kid.hex(),
        "boot": row.boot,
        "seq": row.seq,
        "kind": KINDS[row.kind],
        "panic": row.panic,
        "stored": iso(row.stored_ms),
        "relayed": None if row.relayed_ms is None else iso(row.relayed_ms),
        "frame": row.frame.hex(),
    }


def journal(config: Config, options: argparse.Namespace) -> Result:
    if not 0 <= options.start < 1 << 63 or not 1 <= options.limit <= 1_000_000:
        raise ValueError("--from must not be negative, --limit must be 1 to 1000000")
    with transaction(config, write=False) as tx:
        counts = tx.count()
        if options.count:
            return 0, {"counts": counts}, "\n".join(f"{name}: {number}" for name, number in counts.items())
        kid = find(tx, options.terminal).kid if options.terminal else None
        kind = KIND_NUMBERS[options.kind] if options.kind else None
        rows = [
            _describe(r) for r in tx.frames(options.start - 1, options.limit, kid, options.unrelayed, kind)
        ]
    lines = [
        f"{r['id']:>8}  {r['stored']}  {r['kid']}/{r['boot']}/{r['seq']}  {r['kind']:8}  "
        f"{'relayed' if r['relayed'] else 'waiting'}"
        for r in rows
    ]
    return 0, {"frames": rows, "counts": counts}, "\n".join(lines) or "no frame"


def verify(config: Config | None, options: argparse.Namespace) -> Result:
    """Exit code 1 when the frame is not what it says; the JSON tells why."""
    frame, key = _frame(config, options)
    try:
        key_object = security.load_public_key(key)
        sign1 = cose.sign1_verify(
            frame, lambda signed, signature: security.verify(key_object, signed, signature)
        )
        fields = report.decode(sign1.payload)
    except (Malformed, ValueError) as error:
        return 1, {"verified": False, "reason": str(error)}, f"NOT genuine: {error}"
    if hashlib.sha256(key).digest()[:8] != sign1.kid:
        reason = f"the key is not that of terminal {sign1.kid.hex()}"
        return 1, {"verified": False, "reason": reason}, f"NOT genuine: {reason}"
    contents = {
        _NAMES[number] if number < len(_NAMES) else str(number): _plain(value)
        for number, value in fields.items()
    }
    contents["kind"] = KINDS[fields[report.KIND]]
    body = {"verified": True, "kid": sign1.kid.hex(), "boot": contents["boot"], "seq": contents["seq"]}
    text = f"genuine: {sign1.kid.hex()}/{contents['boot']}/{contents['seq']}\n{json.dumps(contents)}"
    return 0, {**body, "report": contents}, text


def _plain(value: Any) -> Any:
    """As JSON can hold it: a newer terminal's fields may be of any kind."""
    if isinstance(value, dict):
        return {key.hex() if isinstance(key, bytes) else str(key): _plain(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    return value if value is None or isinstance(value, bool | int | str) else repr(value)


def _frame(config: Config | None, options: argparse.Namespace) -> tuple[bytes, bytes]:
    """The frame and the key to check it with. Raises ValueError."""
    frame = None if options.frame is None else _read(options.frame)
    if frame is not None and options.public_key:
        return frame, _hex(options.public_key, "--public-key")
    if config is None:
        raise ValueError("without --public-key and --frame the registry is needed: name it with --config")
    if frame is None and not 0 < options.id < 1 << 63:
        raise ValueError(f"--id {options.id}: no such frame in the journal")
    with transaction(config, write=False) as tx:
        if frame is None:
            rows = tx.frames(options.id - 1, 1)
            if not rows or rows[0].id != options.id:
                raise ValueError(f"--id {options.id}: no such frame in the journal")
            frame = rows[0].frame
        if options.public_key:
            return frame, _hex(options.public_key, "--public-key")
        try:
            kid = cose.sign1_parse(frame).kid
        except Malformed as error:
            raise ValueError(f"frame: {error}") from None
        return frame, find(tx, kid.hex()).public_key


def _hex(text: str, name: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _read(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    path = Path(name)
    try:
        if path.is_file():
            return path.read_bytes()
    except (OSError, ValueError):
        pass  # too long for a file name: then it is the frame itself
    return _hex(name, "--frame: no such file, and not hex")


def _describe_audit(row: AuditRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "time": iso(row.at_ms),
        "actor": row.actor,
        "proof": row.proof,
        "action": row.action,
        "target": row.target,
        "result": row.result,
        "reason": row.reason,
        "details": json.loads(row.details),
    }


def audit(config: Config, options: argparse.Namespace) -> Result:
    if not 0 <= options.start < 1 << 63 or not 1 <= options.limit <= 1_000_000:
        raise ValueError("--from must not be negative, --limit must be 1 to 1000000")
    with transaction(config, write=False) as tx:
        rows = [
            _describe_audit(row)
            for row in tx.audit(options.start - 1, options.limit, options.actor, options.target)
        ]
    lines = [
        f"{r['id']:>6}  {r['time']}  {r['actor']} ({r['proof']})  {r['action']}  {r['target']}  {r['result']}"
        + (f": {r['reason']}" if r["reason"] else "")
        for r in rows
    ]
    return 0, {"audit": rows}, "\n".join(map(_on_one_line, lines)) or "nothing"


def _on_one_line(text: str) -> str:
    """What somebody called himself must not look like another row, nor speak to a terminal."""
    return "".join(one if one.isprintable() else "?" for one in text)
