"""Command line: releases of the terminals' program, as `flash.py release` makes them."""

import argparse
from hashlib import sha256
from pathlib import Path
from typing import Any

from gateway import audit
from gateway.administration import opened
from gateway.clock import Clock
from gateway.config import Config
from gateway.journal.updates import StoredRelease
from gateway.log import iso
from gateway.operators import _public_key as read_key
from gateway.security import load_public_key, verify
from protocol import suit, update
from protocol.errors import Malformed, Unauthentic

Result = tuple[int, dict[str, Any], str]

_URI = "/u/"


def release(config: Config, options: argparse.Namespace) -> Result:
    """`release add FILE`, `release withdraw NAME`, or all of them."""
    if options.action == "list":
        return _list(config)
    if options.what is None:
        raise ValueError(f"release {options.action}: which one? See `release --help`")
    if options.action == "withdraw":
        return _withdraw(config, options.what)
    return _add(config, Path(options.what), options.public_key)


def _add(config: Config, path: Path, key: str | None) -> Result:
    """The manifest at `path`, and its image beside it."""
    manifest = _read(path)
    try:
        envelope = suit.Envelope(manifest)
        if key is None:
            said = envelope.verify(lambda data: sha256(data).digest(), lambda *_: True)
        else:
            public = load_public_key(read_key(key))
            said = envelope.verify(
                lambda data: sha256(data).digest(), lambda signed, mark: verify(public, signed, mark)
            )
    except Unauthentic as error:
        raise ValueError(
            f"{path}: {error}: it was not signed by this release key, or it was changed since"
        ) from None
    except Malformed as error:
        raise ValueError(f"{path}: no manifest of a release: {error}. Make one: ./flash.py release") from None
    name = said.uri.removeprefix(_URI)
    board = name.rpartition("-")[0]
    if said.uri == name or not board or name != update.image_name(board, said.version):
        raise ValueError(f"{path}: its image is at {said.uri}, not at /u/<board>-<version>.romfs")
    image = _read(path.with_name(name))
    if len(image) != said.size or sha256(image).digest() != said.digest:
        raise ValueError(
            f"{path.with_name(name)}: {len(image)} bytes, SHA-256 {sha256(image).hexdigest()[:16]}...; the "
            f"manifest says {said.size} bytes, {said.digest.hex()[:16]}...: copy both files again"
        )
    now_ms = Clock().wall_ms()
    row = StoredRelease(board, said.version, said.size, said.digest, manifest, now_ms)
    with opened(config) as tx:
        try:
            tx.add_release(row, image)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        audit.local(tx, "release.added", name, digest=said.digest.hex(), key=envelope.kid.hex())
    return 0, _describe(row), f"{_name(row)}: {row.size} bytes, signed by {envelope.kid.hex() or 'one key'}"


def _withdraw(config: Config, name: str) -> Result:
    board, dash, version = name.rpartition("-")
    try:
        number = update.version_number(version)
    except Malformed as error:
        raise ValueError(f"{name}: {error}. `release` shows the names") from None
    with opened(config) as tx:
        known = tx.release(board, number) if dash else None
        if known is None:
            raise ValueError(f"{name}: no such release; `release` shows those there are")
        if not tx.withdraw_release(board, number, Clock().wall_ms()):
            raise ValueError(f"{name} was withdrawn at {iso(known.withdrawn_ms or 0)}")
        audit.local(tx, "release.withdrawn", name)
        row = tx.release(board, number)
    assert row is not None
    return 0, _describe(row), f"{name} is served no more; terminals that were fetching it let go of it"


def _list(config: Config) -> Result:
    with opened(config, write=False) as tx:
        rows = [_describe(row) for row in tx.releases()]
    lines = [
        f"{row['name']:24}  {row['bytes']:>8} bytes  {row['added']}  {row['withdrawn'] and 'withdrawn' or ''}"
        for row in rows
    ]
    return 0, {"releases": rows}, "\n".join(line.rstrip() for line in lines) or "no release"


def _name(row: StoredRelease) -> str:
    return f"{row.board}-{update.version_text(row.version)}"


def _describe(row: StoredRelease) -> dict[str, Any]:
    return {
        "name": _name(row),
        "board": row.board,
        "version": update.version_text(row.version),
        "bytes": row.size,
        "sha256": row.digest.hex(),
        "added": iso(row.added_ms),
        "withdrawn": None if row.withdrawn_ms is None else iso(row.withdrawn_ms),
    }


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}. Needed: the manifest (.suit) and its image") from None
