"""SIGHUP: what can change while we serve is changed, and of the rest it is said that it cannot.

A configuration with a mistake in it changes nothing at all.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.config import Config, ConfigError, load
from gateway.key import KeyFileError
from gateway.settings import KEYS

if TYPE_CHECKING:
    from gateway.app import App

# Taken from the configuration each time they are used, or put where they are kept by `apply`.
LIVE = frozenset(
    {
        "broker.keepalive_s",
        "broker.window",
        "broker.session_expiry_s",
        "northbound.position_expiry_s",
        "commands.expire_s",
        "commands.per_terminal",
        "commands.authorisation",
        "panic.republish_s",
        "presence.silent_s",
        "security.refusal_log_s",
        "log.level",
        "broker.host",
        "broker.port",
        "broker.username",
        "broker.password_file",
        "broker.tls",
        "broker.ca_file",
        "broker.certificate_file",
        "broker.key_file",
    }
)
# Files whose contents count too: a certificate is renewed under the same name.
_CREDENTIALS = ("broker.password_file", "broker.ca_file", "broker.certificate_file", "broker.key_file")
# What each of several processes on one port has of its own; the file says it for the first.
_OWN = ("gateway.id", "broker.client_id", "listen.port")
assert {f"{section}.{name}" for section, keys in KEYS.items() for name in keys} >= LIVE


@dataclass(frozen=True, slots=True)
class Reloaded:
    """Names of keys. `broker`: the connection is made anew."""

    changed: tuple[str, ...]
    restart: tuple[str, ...]
    broker: bool
    error: str = ""


def fingerprints(config: Config) -> dict[str, bytes]:
    """What is in the files that a connection to the broker takes."""
    found = {}
    for name in _CREDENTIALS:
        if config.text(name):
            try:
                found[name] = hashlib.sha256(Path(config.text(name)).read_bytes()).digest()
            except OSError:
                found[name] = b""
    return found


def _from_or_to_none(name: str, old: Config, new: Config) -> bool:
    """Whether there is a relay at all is settled at the start."""
    return name == "broker.host" and bool(old.brokers()) != bool(new.brokers())


class Reloader:
    """`take(app)` reads the file again and puts it in force."""

    def __init__(self, config: Config) -> None:
        self._files = fingerprints(config)

    def take(self, app: "App") -> Reloaded:
        """Raises nothing: a mistake is in `error`."""
        old = app.config
        try:
            new = load(old.source)
            app.vault.look()
        except (ConfigError, KeyFileError) as error:
            return Reloaded((), (), False, str(error))
        own = _OWN if app.shared else ()
        different = [n for n, value in new.values.items() if old.values.get(n) != value and n not in own]
        changed = tuple(name for name in different if name in LIVE and not _from_or_to_none(name, old, new))
        files = fingerprints(new)
        renewed = files != self._files
        self._files = files
        for name in changed:
            old.values[name] = new.values[name]
        self._apply(app, changed)
        broker = renewed or any(name.startswith("broker.") for name in changed)
        if broker:
            app.relay.reconnect()
        return Reloaded(changed, tuple(name for name in different if name not in changed), broker)

    def _apply(self, app: "App", changed: tuple[str, ...]) -> None:
        if "log.level" in changed:
            app.log.set_level(app.config.text("log.level"))
        for refusals in (app.refusals, app.strangers):
            refusals.window_s = app.config.whole("security.refusal_log_s")
