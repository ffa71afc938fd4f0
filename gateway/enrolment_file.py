"""Command line: documents that technicians signed, out of a file they brought along.

The file is a CBOR sequence (RFC 8742) of the very documents that go over HTTPS, so that two files are joined
by writing one behind the other. Each counts for itself: a refused one keeps nobody else out.
"""

import argparse
from pathlib import Path
from typing import Any

from gateway import audit, enrolment, key
from gateway.administration import Result, opened
from gateway.clock import Clock
from gateway.config import Config, ConfigError
from gateway.enrolment_document import REFUSED, REPLACED, Unproven, take
from gateway.journal.base import Transaction
from protocol import cbor
from protocol.enrolment import MAX_DOCUMENT
from protocol.errors import Malformed

# Tag 18, with which every document begins; no JSON does.
_MARK = b"\xd2"
MAX_FILE = 16 << 20
_DAY_MS = 86_400_000


def enroll(config: Config, options: argparse.Namespace) -> Result:
    """`gateway enroll`: from the command line, from JSON lines, or from documents."""
    path = options.file
    if path is None or not _signed(path):
        return enrolment.enroll(config, options)
    if any((options.public_key, options.directorate, options.station, options.unit)):
        raise ConfigError("--file has all of it: no other option beside it")
    documents = _documents(path)
    now_ms, fresh_ms = Clock().wall_ms(), config.whole("enrolment.file_days") * _DAY_MS
    with opened(config) as tx:
        own = key.settle(config.key_path, tx)
        rows = [_row(tx, document, own, now_ms, fresh_ms, path) for document in documents]
    refused = sum(row["result"] == REFUSED for row in rows)
    lines = [_line(number, row) for number, row in enumerate(rows, 1)]
    lines.append(f"{len(rows) - refused} of {len(rows)} are in the registry")
    body = {"documents": rows, "refused": refused, "gateway_key": own.public.hex()}
    return int(refused > 0), body, "\n".join(lines)


def _row(
    tx: Transaction, document: bytes, own: key.GatewayKey, now_ms: int, fresh_ms: int, path: Path
) -> dict[str, Any]:
    try:
        done = take(tx, document, own, now_ms, fresh_ms)
    except Unproven as error:
        audit.local(tx, "terminal.enrolled", "registry", "refused", str(error), file=path.name)
        return {
            "result": REFUSED,
            "unit": "",
            "kid": "",
            "technician": "",
            "error": error.code,
            "text": str(error),
        }
    row = {"result": done.result, "unit": done.unit, "kid": done.kid.hex(), "technician": done.technician}
    if done.result == REFUSED:
        return {**row, "error": done.code, "text": done.text}
    return {**row, "replaced": done.holder.hex()} if done.result == REPLACED else row


def _line(number: int, row: dict[str, Any]) -> str:
    said = f"{number:4}  {row['result']:9}  {row['kid']:16}  {row['unit']}"
    return f"{said}\n      {row['text']}" if "text" in row else said.rstrip()


def _signed(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(1) == _MARK
    except OSError:
        return False  # who reads it next says why


def _documents(path: Path) -> list[bytes]:
    """Raises ValueError that names the place."""
    data = path.read_bytes()
    if len(data) > MAX_FILE:
        raise ValueError(f"--file {path}: {len(data)} bytes, at most {MAX_FILE}")
    found: list[bytes] = []
    at = 0
    while at < len(data):
        try:
            end = cbor.decode_prefix(data[: at + MAX_DOCUMENT], at)[1]
        except Malformed as error:
            raise ValueError(
                f"--file {path}: document {len(found) + 1}, at byte {at}: {error}. Nothing was enrolled: "
                "bring the file again, whole"
            ) from None
        found.append(data[at:end])
        at = end
    return found
