"""gateway.toml's table: every key with its default, its limits, and a hint for whoever has it wrong.

`gateway.example.toml` beside this file shows them all; a test holds the two together.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gateway.addresses import addresses
from gateway.log import LEVELS

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?\Z")


@dataclass(frozen=True)
class Key:
    """One line of the file. `check` returns what the value must be when it isn't, else None."""

    default: Any
    check: Callable[[Any], str | None]
    hint: str


def _whole(low: int, high: int) -> Callable[[Any], str | None]:
    def check(value: Any) -> str | None:
        good = type(value) is int and low <= value <= high
        return None if good else f"must be a whole number from {low} to {high}"

    return check


def _text(value: Any) -> str | None:
    return None if isinstance(value, str) and "\0" not in value else "must be text in quotes"


def _filled(value: Any) -> str | None:
    return None if isinstance(value, str) and value.strip() else "must be text in quotes, not empty"


def _flag(value: Any) -> str | None:
    return None if isinstance(value, bool) else "must be true or false"


def _slug(value: Any) -> str | None:
    good = isinstance(value, str) and SLUG.match(value)
    return None if good else "must be 1 to 64 of a-z 0-9 _ -, beginning and ending with a letter or digit"


def _prefix(value: Any) -> str | None:
    good = isinstance(value, str) and re.match(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*\Z", value)
    return None if good else "must be topic levels of letters, digits, _ and -, joined by /"


def _one_of(*names: str) -> Callable[[Any], str | None]:
    def check(value: Any) -> str | None:
        return None if value in names else "must be one of " + ", ".join(f'"{name}"' for name in names)

    return check


def _url(value: Any) -> str | None:
    good = isinstance(value, str) and (not value or value.startswith(("postgresql://", "postgres://")))
    return None if good else 'must begin with "postgresql://"'


def _hosts(value: Any) -> str | None:
    if _text(value) is not None:
        return "must be text in quotes"
    try:
        addresses(value, 1)
    except ValueError:
        return "must be names or addresses, each with its port if it has one of its own, with commas between"
    return None


# As topics.KINDS; a test holds the two together.
_KINDS = ("position", "status", "panic", "health", "event", "task", "track")

KEYS: dict[str, dict[str, Key]] = {
    "gateway": {
        "id": Key("gateway-1", _slug, "give each gateway a short name of its own"),
    },
    "listen": {
        "host": Key("0.0.0.0", _filled, 'use "0.0.0.0" for every IPv4 address of the machine'),  # noqa: S104
        "port": Key(5683, _whole(0, 65535), "5683 is CoAP's port; 0 takes any free one"),
        "receive_buffer": Key(4194304, _whole(65536, 1 << 30), "bytes the kernel may hold for us in a burst"),
    },
    "journal": {
        "path": Key("patrola.sqlite", _filled, "name a file on a local disk with room to grow"),
        "url": Key("", _url, "a PostgreSQL database, which several gateways may share; empty means the file"),
        "queue_limit": Key(
            4096, _whole(1, 1_000_000), "requests waiting for the disk before 5.03 is answered"
        ),
        "group_limit": Key(512, _whole(1, 100_000), "requests that share one fsync"),
        "busy_timeout_ms": Key(5000, _whole(0, 600_000), "how long to wait for another writer"),
        "retry_after_s": Key(5, _whole(1, 3600), "Max-Age of a 5.03: when a terminal should try again"),
    },
    "security": {
        "verify_threads": Key(1, _whole(0, 64), "threads beside the loop, which checks too; few help"),
        "contexts": Key(20000, _whole(1, 10_000_000), "security contexts kept in memory"),
        "refusal_log_s": Key(
            60, _whole(1, 86400), "one log line for each peer and reason in this time, then their sum"
        ),
        "secrets_key_file": Key(
            "", _text, "the key of the secrets in the journal; `gateway secrets --create` makes it"
        ),
    },
    "edhoc": {
        "key": Key("gateway.key", _filled, "name the gateway's own key file; it is made at the first start"),
        "sessions": Key(1024, _whole(16, 100_000), "handshakes under way that are kept in memory"),
        "rate": Key(50, _whole(1, 10_000), "handshakes begun in a second; each costs about a millisecond"),
    },
    "broker": {
        "host": Key(
            "127.0.0.1",
            _hosts,
            'name the MQTT broker, or each node of a cluster: "a, b, c:1884"; empty means no relay, frames '
            "wait in the journal",
        ),
        "port": Key(1883, _whole(1, 65535), "1883 is MQTT's port, 8883 MQTT over TLS"),
        "protocol": Key("auto", _one_of("auto", "5", "3.1.1"), '"auto" tries 5 and falls back to 3.1.1'),
        "client_id": Key("", _text, 'empty means "patrola-" and gateway.id; it must be unique at the broker'),
        "username": Key("", _text, "empty means none"),
        "password_file": Key(
            "", _text, "a file with the password alone; keep it readable by the gateway only"
        ),
        "tls": Key(False, _flag, "true needs broker.port of the TLS listener"),
        "ca_file": Key("", _text, "PEM; empty means the system's own list"),
        "certificate_file": Key("", _text, "PEM; the client certificate, with broker.key_file"),
        "key_file": Key("", _text, "PEM; the client certificate's key"),
        "keepalive_s": Key(15, _whole(5, 3600), "a silent broker is noticed after this time"),
        "window": Key(256, _whole(1, 16384), "messages under way that the broker has not confirmed"),
        "stall_ms": Key(30000, _whole(100, 600_000), "a broker that confirms nothing for so long is left"),
        "retry_first_ms": Key(500, _whole(10, 600_000), "first pause before connecting again"),
        "retry_cap_ms": Key(15000, _whole(10, 600_000), "longest pause before connecting again"),
        "session_expiry_s": Key(86400, _whole(0, 2_000_000_000), "how long the broker keeps commands for us"),
    },
    "northbound": {
        "prefix": Key("patrola/v1", _prefix, "the first levels of every topic"),
        "position_expiry_s": Key(3600, _whole(1, 2_000_000_000), "MQTT 5: a broker drops older positions"),
        "replay_rate": Key(1000, _whole(1, 1_000_000), "frames a second for those who ask for a replay"),
    },
    "retention": {
        **{f"{kind}_days": Key(0, _whole(0, 36_500), "0 keeps them for ever") for kind in _KINDS},
        "audit_days": Key(0, _whole(0, 36_500), "the same for the audit log: who asked for what"),
        "step": Key(200, _whole(10, 10_000), "frames looked at in one transaction"),
        "pause_ms": Key(40, _whole(1, 60_000), "rest after each such step"),
    },
    "commands": {
        "expire_s": Key(3600, _whole(1, 30_000_000), "life of a message or task that names none itself"),
        "per_terminal": Key(64, _whole(1, 10_000), "commands waiting for one terminal"),
        "authorisation": Key(
            "open",
            _one_of("open", "broker", "signed"),
            '"open" believes whoever the broker lets publish; "broker" takes the last level of the topic for '
            'who asks, guarded by the access list of the broker; "signed" wants a signature',
        ),
    },
    "panic": {
        "republish_s": Key(
            30, _whole(1, 86400), "an alarm nobody acknowledged is published again after this"
        ),
    },
    "presence": {
        "silent_s": Key(
            60,
            _whole(0, 86400),
            "a car on duty that is silent for so long is published as lost; 0 turns that off",
        ),
    },
    "metrics": {
        "host": Key("", _text, 'empty means none; "127.0.0.1" for this machine only'),
        "port": Key(9683, _whole(0, 65535), "of /metrics, /healthz, /readyz; 0 takes any free one"),
    },
    "enrolment": {
        "host": Key(
            "", _text, 'empty means off; "127.0.0.1" for this machine only; others need certificate_file'
        ),
        "port": Key(9684, _whole(0, 65535), "of POST /enrol; 0 takes any free one"),
        "certificate_file": Key("", _text, "PEM, with its chain; POST /enrol is HTTPS then"),
        "key_file": Key("", _text, "PEM; the certificate's key"),
        "rate": Key(30, _whole(1, 6000), "documents from one address in a minute"),
        "file_days": Key(30, _whole(1, 3650), "how old a document in a file may be for `gateway enroll`"),
    },
    "log": {
        "level": Key("info", _one_of(*LEVELS), '"debug" has a line for each frame stored and relayed'),
    },
}
