"""gateway.toml read and checked against the table in settings.py, and what is wrong with it said."""

import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.addresses import addresses
from gateway.settings import KEYS

_FILES = (
    "journal.path",
    "edhoc.key",
    "broker.password_file",
    "broker.ca_file",
    "broker.certificate_file",
    "broker.key_file",
    "enrolment.certificate_file",
    "enrolment.key_file",
)


class ConfigError(Exception):
    """Names the file, the key, the value, and what to do."""


@dataclass(frozen=True)
class Config:
    """The checked values by full name: `config["listen.port"]`. Files are absolute paths."""

    source: Path
    values: dict[str, Any] = field(default_factory=dict)

    def text(self, name: str) -> str:
        value = self.values[name]
        assert isinstance(value, str), name
        return value

    def whole(self, name: str) -> int:
        value = self.values[name]
        assert isinstance(value, int), name
        return value

    def flag(self, name: str) -> bool:
        return self.values[name] is True

    @property
    def database(self) -> str:
        """The PostgreSQL database that is the journal; empty: the file is. DATABASE_URL keeps a password out
        of the configuration."""
        return self.text("journal.url") or os.environ.get("DATABASE_URL", "")

    @property
    def journal_path(self) -> Path:
        return Path(self.text("journal.path"))

    @property
    def key_path(self) -> Path:
        return Path(self.text("edhoc.key"))

    def brokers(self) -> list[tuple[str, int]]:
        """(host, port) of each node that may be connected to; none means no relay."""
        return addresses(self.text("broker.host"), self.whole("broker.port"))

    def broker_password(self) -> str | None:
        """Read when connecting, so that a new password needs no restart."""
        name = self.text("broker.password_file")
        if not name:
            return None
        try:
            return Path(name).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"{self.source}: broker.password_file = {name!r}: cannot be read: {error}"
            ) from error


def load(path: Path) -> Config:
    """Read and check the whole file; raises ConfigError naming the first thing that is wrong."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read: {error.strerror}. Copy gateway/gateway.example.toml there, or "
            "name another file with --config."
        ) from error
    try:
        document = tomllib.loads(raw.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}. Compare with gateway/gateway.example.toml.") from error
    return check(document, path)


def check(document: dict[str, Any], path: Path) -> Config:
    """Fill in the defaults and refuse what is unknown, of the wrong type, out of range or contradictory."""
    for section, body in document.items():
        if section not in KEYS:
            raise ConfigError(f"{path}: [{section}]: unknown section. Known are: {', '.join(KEYS)}.")
        if not isinstance(body, dict):
            raise ConfigError(
                f"{path}: {section} = {body!r}: must be a section, written [{section}] on its own line."
            )
        for name in body:
            if name not in KEYS[section]:
                known = ", ".join(KEYS[section])
                raise ConfigError(f"{path}: {section}.{name}: unknown key. [{section}] has: {known}.")
    values: dict[str, Any] = {}
    for section, keys in KEYS.items():
        for name, key in keys.items():
            value = document.get(section, {}).get(name, key.default)
            wrong = key.check(value)
            if wrong is not None:
                raise ConfigError(f"{path}: {section}.{name} = {value!r}: {wrong}. What to do: {key.hint}.")
            values[f"{section}.{name}"] = value
    for name in (*_FILES, "security.secrets_key_file"):
        if values[name]:
            values[name] = str(path.resolve().parent / values[name])
    config = Config(path, values)
    _check_together(config)
    return config


def _check_enrolment(config: Config) -> None:
    certificate, host = config.text("enrolment.certificate_file"), config.text("enrolment.host")
    if bool(certificate) != bool(config.text("enrolment.key_file")):
        raise ConfigError(
            f"{config.source}: enrolment.certificate_file, enrolment.key_file: one without the other. "
            "What to do: set both."
        )
    if host and not certificate and host not in ("127.0.0.1", "::1", "localhost"):
        raise ConfigError(
            f"{config.source}: enrolment.host = {host!r}: reachable from other machines without TLS. What to "
            'do: set enrolment.certificate_file and enrolment.key_file, or enrolment.host = "127.0.0.1".'
        )


def _check_together(config: Config) -> None:
    if config.whole("broker.retry_first_ms") > config.whole("broker.retry_cap_ms"):
        raise ConfigError(
            f"{config.source}: broker.retry_first_ms = {config.whole('broker.retry_first_ms')}: longer than "
            "broker.retry_cap_ms. What to do: lower the first or raise the second."
        )
    if bool(config.text("broker.certificate_file")) != bool(config.text("broker.key_file")):
        raise ConfigError(
            f"{config.source}: broker.certificate_file, broker.key_file: one without the other. "
            "What to do: set both."
        )
    _check_enrolment(config)
    for name in _FILES[2:]:
        value = config.text(name)
        if value and not Path(value).is_file():
            raise ConfigError(
                f"{config.source}: {name} = {value!r}: no such file. What to do: check the path."
            )
    for name in _FILES[:2]:
        parent = Path(config.text(name)).parent
        if not parent.is_dir():
            raise ConfigError(
                f"{config.source}: {name} = {config.text(name)!r}: no such folder. "
                f"What to do: create {parent}."
            )
