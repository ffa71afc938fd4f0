"""The gateway's texts: its configuration, what operators send, and what a report becomes for consumers."""

import json
import tomllib
from pathlib import Path

from gateway import northbound, requests
from gateway.config import KEYS, ConfigError, check
from gateway.journal.records import ENROLLED, Row, Terminal
from protocol import cbor, report
from protocol.errors import Malformed
from tests.fuzz.readers.report import report_fields
from tests.fuzz.readers.source import Source

_NAMES = [(section, name) for section, keys in KEYS.items() for name in keys]
TOKENS = (
    b'{"id":"a","command":"message","text":"x"}', b'"command":', b'"acknowledge"', b'"clear"', b'"task"',
    b'"panic":65537', b'"lat":', b'"lon":', b'"expires_s":', b'"operator":', b"NaN", b"-Infinity", b"1e308",
    b"1e999", b"\\ud800", b"90.0000001", b"180", b"null", b"true", b"9" * 30, b"[", b"]", b"\n", b" = ",
    b"'''", b'"""', b"\xef\xbb\xbf", b"patrola/v1/", b"$share/",
) + tuple(b"[%s]\n" % name.encode() for name in KEYS)  # fmt: skip
_VALUES = (
    "",
    "x",
    "a/b",
    "é",
    "\0",
    "/etc/passwd",
    "..",
    -1,
    0,
    1,
    5683,
    65536,
    1 << 31,
    1 << 70,
    0.5,
    float("nan"),
    True,
    [],
    {},
    ["x"],
)
_HERE = Path(".build/gateway.toml")


def gateway_toml(data):
    """A configuration file of any bytes: a configuration, or a ConfigError that names the file."""
    try:
        document = tomllib.loads(bytes(data).decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError):
        return None
    return _configured(document)


def gateway_values(data):
    """The sections and keys there are, with values of every type."""
    source = Source(data)
    document = {}
    for _ in range(source.byte() & 7):
        section, name = source.pick(_NAMES)
        document.setdefault(section, {})[name] = source.pick(_VALUES)
    return _configured(document)


def _configured(document):
    try:
        config = check(document, _HERE)
    except ConfigError as error:
        assert str(_HERE) in str(error)
        return None
    for section, keys in KEYS.items():
        for name in keys:
            assert type(config.values[f"{section}.{name}"]) is type(KEYS[section][name].default)
    return b"good"


def gateway_request(data):
    """An operator's request, from the broker: taken or refused with a reason, and the refusal is JSON."""
    topic = bytes(data[-20:]).decode(errors="replace")
    reply = requests.reply_topic(topic, "patrola/v1")
    assert reply is None or (not reply.startswith(("$", "patrola/v1/")) and not set("+#\0") & set(reply))
    try:
        request = requests.parse(bytes(data), reply, b"c")
    except requests.BadRequest as error:
        refusal = requests.refusal(bytes(data), str(error), 1_790_000_000_000)
        assert json.loads(refusal, parse_constant=_never)["reason"]
        return None
    assert request.name in ("acknowledge", "clear", "message", "task") and request.origin.strip()
    assert (request.panic is not None) >= (request.name in ("acknowledge", "clear"))
    assert request.lat_e7 is None or abs(request.lat_e7) <= 900_000_000
    assert request.lon_e7 is None or abs(request.lon_e7) <= 1_800_000_000
    cbor.encode(
        [request.panic, request.text, request.task, request.lat_e7, request.lon_e7, request.expires_s]
    )
    return request.origin.encode()


_TERMINAL = Terminal(
    b"terminal", bytes(64), "vranje", "ps-vranje", "vr-101", "Škoda", "Vranje 101", ENROLLED, 0, 0
)


def gateway_publish(data):
    """Whatever report is accepted becomes JSON that every reader takes: no exception, no NaN."""
    payload = report_fields(data)
    try:
        fields = report.decode(payload if payload is not None else bytes(data))
    except Malformed:
        return None
    row = Row(
        1,
        _TERMINAL.kid,
        fields[report.BOOT],
        fields[report.SEQ],
        fields[report.KIND],
        None,
        1_790_000_000_000,
        None,
        b"frame",
    )
    said = b""
    for publication in northbound.publications("patrola/v1", _TERMINAL, row, fields):
        if publication.label != "frame":
            body = json.loads(publication.payload, parse_constant=_never)
            assert body["type"] == "Feature"
            said += publication.payload
    return said


def _never(name):
    raise AssertionError(f"{name} in JSON")
