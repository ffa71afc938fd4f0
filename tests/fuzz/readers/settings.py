"""The terminal's settings, and the list of commands that an authentic gateway sends it."""

import json
from binascii import unhexlify

from firmware import config, p256
from firmware.commands import Commands
from protocol import coap
from protocol.cbor import encode
from protocol.coap import Message
from tests.fuzz.readers.cbor import draw
from tests.fuzz.readers.memory_flash import Flash
from tests.fuzz.readers.source import Source

TOKENS = (
    b'{"', b'":', b"true", b"null", b"[]", b"{}", b'"host":"h"', b'"keys":{"panic":""}',
    b'"keys":{"accept":"event"}', b'"gateway_key":"', b"1e5", b"-0", b"0.5", b"\\ud800", b"\\u0000",
    b'"pin":"0000"', b"\xc3\xa9", b"99999999999999999999", b',"', b'"port":5683', b'"log":3',
) + tuple([b'"' + row[0].encode() + b'":' for row in config.TABLE])  # fmt: skip
_POINT = (
    "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)
_VALUES = (
    "",
    "x",
    "é",
    "a" * 64,
    '"',
    "\n",
    "1234",
    "00",
    0,
    1,
    -1,
    255,
    300,
    65535,
    65536,
    1 << 70,
    True,
    False,
    None,
    [],
    {},
    0.5,
    _POINT,
    _POINT[:-1] + "6",
    _POINT.upper(),
    _POINT[:126],
)


def settings_file(data):
    """`config.load` of any file: always a whole set of values, each of which passes by itself."""
    with Flash({"/config.json": bytes(data)}, config):
        values, errors = config.load()
    return _usable(values, errors)


def settings_values(data):
    """`config.check` of the keys there are, with values of every type about their limits."""
    source = Source(data)
    names = [row[0] for row in config.TABLE] + ["keys", "nonsense"]
    given = {}
    for _ in range(source.byte() & 15):
        name = source.pick(names)
        if name == "keys" and source.byte() & 3:
            given[name] = keys = {}
            for _ in range(source.byte() & 3):
                function = source.pick(config.FUNCTIONS)
                keys[function] = source.pick(_VALUES + config.FUNCTIONS)
        else:
            row = [r for r in config.TABLE if r[0] == name and r[1] == "i"]
            value = source.pick(_VALUES)
            given[name] = (
                row[0][3 + (source.byte() & 1)] + source.byte() % 3 - 1
                if row and source.byte() & 1
                else value
            )
    values, errors = config.check(given)
    for name in given:
        assert (name in values and values[name] == given[name]) or any(
            ['"%s"' % name in e for e in errors]
        ), name
    return _usable(values, errors)


def _usable(values, errors):
    assert all([isinstance(e, str) and e for e in errors])
    assert len(values) == len(config.TABLE) + 1
    for name, kind, default, least, most in config.TABLE:
        # What the rest of the terminal counts on; True is no number.
        value = values[name]
        assert type(value) is {"s": str, "k": str, "i": int, "b": bool}[kind], (name, value)
        if kind == "k" and value != default:
            assert p256.valid_public(unhexlify(value)), "the gateway's key is no point"
        elif kind != "b" and value != default:
            assert least <= (value if kind == "i" else len(value)) <= most, (name, value)
    again, more = config.check({k: v for k, v in values.items() if v != "" or k != "host"})
    # A default of nothing, as for the gateway's address, is complained of and is still a default.
    assert again == values, more
    pins, _ = config.key_pins(values["keys"], {"panic": 1, "event": 2, "busy": 3})
    assert "panic" in [function for function, _ in pins] or "panic" in values["keys"]
    json.dumps(values)
    return repr(sorted([(k, v) for k, v in values.items() if k != "keys"])).encode()


class _Bearer:
    """Everything `Commands` calls; a command is answered as `answer` says."""

    def __init__(self, answer):
        self.answer = answer
        self.jobs = []

    def add(self, job):
        self.jobs.append(job)

    def cancel(self, attempt):
        pass

    def suspended_by_gateway(self, yes):
        pass

    def command(self, command):
        assert isinstance(command.id, int) and command.id >= 0 and isinstance(command.kind, int)
        return self.answer

    def ask(self, *what):
        return object()


def commands_list(data):
    """The list of commands: any bytes, or items nearly right. What is remembered has a limit."""
    source = Source(data)
    flags = source.byte()
    bearer = _Bearer(flags >> 4 & 3)
    it = Commands(bearer, bearer, bearer, lambda: 1000, lambda: 7, 60000, None)
    it.step(False)
    for _ in range(1 + (flags & 3)):
        if flags & 4:
            items = []
            for _ in range(source.byte() & 31):
                item = {0: source.byte(), 1: source.byte() & 7, 2: 5, 3: {0: 1}}
                if source.byte() & 1:
                    item[source.byte() & 3] = draw(source, 5)
                items.append(item)
            payload = encode(items)
        else:
            payload = source.take(source.byte())
        it.noted(None, Message(coap.CON, coap.CONTENT, payload=payload))
        it.step(bool(flags & 8))
        for job in bearer.jobs[-1:]:
            it.job_sent(job)
            if flags & 16:
                it.job_done(job, None, None)
    assert len(it._known) <= 64
    return b"%d %d %d" % (it.malformed, len(it._known), len(bearer.jobs))
