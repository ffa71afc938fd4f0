"""Command line: the key of the journal's secrets: made, put to use, changed."""

import argparse
import secrets
import time
from collections import Counter
from pathlib import Path
from typing import Any

from gateway import audit, vault
from gateway.administration import opened
from gateway.config import Config
from gateway.journal.base import JournalError, Transaction
from gateway.journal.records import StoredContext
from gateway.store import scrub

Result = tuple[int, dict[str, Any], str]

# A running service reads the file; after this nothing of it is cut any more.
_SCRUB_TRIES = 20


def secrets_command(config: Config, options: argparse.Namespace) -> Result:
    """What `python -m gateway secrets` does: look, or one of its options."""
    path = config.text("security.secrets_key_file")
    if options.create:
        return _create(config, path)
    box = vault.vault(path)
    if options.rotate:
        return _rotate(config, box)
    if options.encrypt:
        if not box:
            raise ValueError(f"no key: {_HOW}")
        with opened(config) as tx:
            changed = reseal(tx, box)
            audit.local(tx, "secrets.encrypted", "journal", contexts=changed)
        return _done(config, {"sealed": changed, "key": box.keys[0].name.hex()}, f"{changed} secrets sealed")
    return _show(config, box)


_ENCRYPT = "`python -m gateway secrets --encrypt`"
_HOW = (
    "set security.secrets_key_file in the configuration and make it with "
    f"`python -m gateway secrets --create`, or set {vault.ENVIRONMENT}"
)


def _create(config: Config, path: str) -> Result:
    if not path:
        raise ValueError("security.secrets_key_file is not set: name the file in the configuration first")
    vault.write(Path(path), [secrets.token_bytes(32)], create=True)
    name = vault.vault(path).keys[0].name.hex()
    text = (
        f"{path}: key {name} made. Keep a copy of it, not beside copies of the journal.\n"
        f"Next: {_ENCRYPT}, and start the service again if it runs."
    )
    return 0, {"key": name, "file": path}, text


def reseal(tx: Transaction, box: vault.Vault) -> int:
    """Everything is sealed under the first key; how many were not. Raises ValueError when one cannot be
    opened: then nothing was changed."""
    changed = 0
    for stored in tx.contexts():
        if not stored.secret or vault.sealed_under(stored.secret) == box.keys[0].name:
            continue
        plain = _opened(box, stored)
        tx.set_secret(stored.oscore_id, stored.generation, box.dress(plain.secret, plain))
        changed += 1
    return changed


def _opened(box: vault.Vault, stored: StoredContext) -> StoredContext:
    try:
        return box.open(stored)
    except vault.VaultError as error:
        raise ValueError(f"{error}. Bring that key back, or revoke and enroll its terminal anew") from None


def _rotate(config: Config, box: vault.Vault) -> Result:
    """First the new key is where every reader finds it, then it is used, then the old ones are let go."""
    if not box:
        raise ValueError(f"no key: {_HOW}")
    if box.path is None:
        raise ValueError(
            f"the key comes from {vault.ENVIRONMENT}: put the new one before the old one there, with a "
            "comma, start the service again, run `python -m gateway secrets --encrypt`, and take the old one "
            "away"
        )
    with opened(config, write=False) as tx:
        for stored in tx.contexts():
            _opened(box, stored)
    old = vault.read(box.path)
    vault.write(box.path, [secrets.token_bytes(32), *old], create=False)
    fresh = vault.vault(str(box.path))
    with opened(config) as tx:
        changed = reseal(tx, fresh)
        audit.local(tx, "secrets.rotated", "journal", contexts=changed, key=fresh.keys[0].name.hex())
    with opened(config, write=False) as tx:
        left = [c for c in tx.contexts() if c.secret and vault.sealed_under(c.secret) != fresh.keys[0].name]
    if not left:
        vault.write(box.path, vault.read(box.path)[:1], create=False)
    name = fresh.keys[0].name.hex()
    text = f"{changed} secrets sealed under the new key {name}; " + (
        f"{len(left)} are not: the old keys stay in the file, run it again" if left else "the old one is gone"
    )
    return _done(config, {"sealed": changed, "key": name, "left": len(left)}, text)


def _done(config: Config, body: dict[str, Any], text: str) -> Result:
    """Where the storage keeps old pages, the plain secrets are still to be read."""
    clean = False
    for _ in range(_SCRUB_TRIES):
        try:
            clean = scrub(config)
        except JournalError:
            break
        if clean:
            break
        time.sleep(0.1)
    if not clean:
        text += (
            "\nold copies of the secrets stand in the write-ahead log until the service is started again "
            "(it reads the file just now)"
        )
    if body["sealed"]:
        text += "\nbackups from before this hold what was in the journal then: put them away, or delete them"
    return 0, {**body, "clean": clean}, text


def _show(config: Config, box: vault.Vault) -> Result:
    with opened(config, write=False) as tx:
        stored = [context for context in tx.contexts() if context.secret]
    held = Counter(
        vault.sealed_under(context.secret).hex() if vault.sealed(context.secret) else "plain"
        for context in stored
    )
    known = [key.name.hex() for key in box.keys]
    lines = [
        f"{number:>8}  " + (f"plain: {_ENCRYPT}" if name == "plain" and known else _said(name, known))
        for name, number in sorted(held.items())
    ]
    if not known:
        lines.append(f"no key is given: {_HOW}")
    missing = sum(n for name, n in held.items() if name != "plain" and name not in known)
    body = {"keys": known, "contexts": dict(held), "unreadable": missing}
    nothing = f"key {', '.join(known)}; no secret of a link in the journal yet"
    return int(missing > 0), body, "\n".join(lines) or nothing


def _said(name: str, known: list[str]) -> str:
    if name == "plain":
        return "plain"
    if name not in known:
        return f"sealed under {name}, a key that is not given: their terminals will make new ones"
    return f"sealed under {name}" + ("" if name == known[0] else f", an older key: {_ENCRYPT}")
