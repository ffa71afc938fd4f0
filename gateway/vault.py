"""Secrets of links at rest: AES-256-GCM under a key that is not in the journal.

A key is 32 bytes as 64 hex digits, from a file or from the environment. Several may be given, a line each:
the first one seals, all of them open; so keys are changed without a moment in which something cannot be
opened. Whoever has the journal, or a copy of it, and no key has nothing to open datagrams with.
"""

import hashlib
import os
import re
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.journal.base import ContextError
from gateway.journal.records import NewContext, StoredContext
from gateway.key import KeyFileError

ENVIRONMENT = "PATROLA_SECRETS_KEY"
_VERSION = b"\x01"
_ID = 4
_NONCE = 12
_TAG = 16
_HEAD = len(_VERSION) + _ID
# A link's own secret has 16 bytes; what is longer than this is sealed.
_LONGEST_PLAIN = 32
assert _LONGEST_PLAIN < _HEAD + _NONCE + 16 + _TAG


class VaultError(ContextError):
    """This secret cannot be opened with the keys there are. Its terminal makes a new context."""


class Key:
    """One key and its name, which says nothing about it."""

    def __init__(self, key: bytes) -> None:
        self.name = hashlib.sha256(b"patrola secrets" + key).digest()[:_ID]
        self.cipher = AESGCM(key)

    def __repr__(self) -> str:
        return f"Key({self.name.hex()})"


def sealed(secret: bytes) -> bool:
    return len(secret) > _LONGEST_PLAIN


def sealed_under(secret: bytes) -> bytes:
    """The name of the key it is sealed under."""
    return secret[len(_VERSION) : _HEAD]


class Vault:
    """Without keys it lets everything pass as it is, and opens nothing that is sealed. `path` is read again
    when it has changed."""

    def __init__(
        self,
        path: Path | None = None,
        keys: list[Key] | None = None,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self.path = path
        self._random = random
        self._seen: tuple[int, int, int] | None = None
        self.keys = keys or []
        if path is not None:
            self.look()

    def __bool__(self) -> bool:
        return bool(self.keys)

    def seal(self, new: NewContext) -> NewContext:
        """Call inside the transaction that stores it: then nothing is sealed under a key that a rotation has
        just taken away. A file that is gone changes nothing: the keys are known."""
        with suppress(KeyFileError):
            self.look()
        if not self.keys:
            return new
        return replace(new, secret=self.dress(new.secret, new))

    def open(self, stored: StoredContext) -> StoredContext:
        """Raises VaultError."""
        if not sealed(stored.secret):
            return stored
        return replace(stored, secret=self.undress(stored))

    def dress(self, secret: bytes, name: NewContext | StoredContext) -> bytes:
        key = self.keys[0]
        nonce = self._random(_NONCE)
        head = _VERSION + key.name
        return head + nonce + key.cipher.encrypt(nonce, secret, head + _bound(name))

    def undress(self, stored: StoredContext) -> bytes:
        body = stored.secret
        key = self._key(sealed_under(body))
        if key is None or body[:1] != _VERSION:
            raise VaultError(
                f"context {stored.oscore_id.hex()}: sealed under key {sealed_under(body).hex()}, not given"
            )
        head, nonce = body[:_HEAD], body[_HEAD : _HEAD + _NONCE]
        try:
            return key.cipher.decrypt(nonce, body[_HEAD + _NONCE :], head + _bound(stored))
        except InvalidTag:
            raise VaultError(f"context {stored.oscore_id.hex()}: changed on the disk") from None

    def _key(self, name: bytes) -> Key | None:
        for again in (False, True):
            if again:
                with suppress(KeyFileError):
                    self.look()
            for key in self.keys:
                if key.name == name:
                    return key
        return None

    def look(self) -> None:
        """Read the file again if it is another. Raises KeyFileError."""
        if self.path is None:
            return
        try:
            stat = os.stat(self.path)
        except OSError as error:
            raise KeyFileError(_unreadable(self.path, error)) from error
        seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        if seen != self._seen:
            self.keys = [Key(key) for key in read(self.path)]
            self._seen = seen


def vault(
    path: str,
    environment: Mapping[str, str] = os.environ,
    random: Callable[[int], bytes] = secrets.token_bytes,
) -> Vault:
    """The keys that the configuration and the environment name. Raises KeyFileError."""
    given = environment.get(ENVIRONMENT, "")
    if given and path:
        raise KeyFileError(
            f"{ENVIRONMENT} is set, and security.secrets_key_file is {path}: which is it? Take one away."
        )
    if given:
        return Vault(keys=[Key(key) for key in parse(given.replace(",", "\n"), ENVIRONMENT)], random=random)
    return Vault(Path(path) if path else None, random=random)


def parse(text: str, source: object) -> list[bytes]:
    """A key a line; a # begins a comment. Raises KeyFileError, which never quotes a key."""
    keys = []
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.split("#", 1)[0].strip()
        if not bare:
            continue
        if not re.fullmatch(r"[0-9A-Fa-f]{64}", bare):
            raise KeyFileError(
                f"{source}: line {number}: no key of 64 hex digits. "
                "`python -m gateway secrets --create` makes one."
            )
        keys.append(bytes.fromhex(bare))
    if not keys:
        raise KeyFileError(f"{source}: no key in it. `python -m gateway secrets --create` makes one.")
    return keys


def read(path: Path) -> list[bytes]:
    """Raises KeyFileError."""
    try:
        text = path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise KeyFileError(_unreadable(path, error)) from error
    return parse(text, path)


def write(path: Path, keys: list[bytes], create: bool) -> None:
    """The file with these keys, durable, for its owner only; with `create` it must not be there yet. Raises
    KeyFileError."""
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    text = "# Keys of the secrets in the journal. The first seals, all of them open. Keep a copy elsewhere.\n"
    text += "".join(key.hex() + "\n" for key in keys)
    try:
        with suppress(FileNotFoundError):
            new.unlink()
        descriptor = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if create:
            os.link(new, path)
            new.unlink()
        else:
            owner = os.stat(path)
            if os.geteuid() == 0:
                os.chown(new, owner.st_uid, owner.st_gid)
            os.replace(new, path)
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    except FileExistsError:
        new.unlink()
        raise KeyFileError(f"{path} is there already: nothing was changed") from None
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be made: {error.strerror}") from error


def _bound(name: NewContext | StoredContext) -> bytes:
    """What a sealed secret is tied to: it opens in no other row."""
    parts = (name.kid, name.oscore_id, name.gateway_id)
    return b"".join(len(part).to_bytes(1, "big") + part for part in parts)


def _unreadable(path: Path, error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) else "not text"
    return (
        f"{path}: the key of the journal's secrets cannot be read: {reason}. Bring it back from where you "
        "keep its copy, or make the first one with `python -m gateway secrets --create`."
    )
