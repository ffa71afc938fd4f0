"""A story from a file: TOML with moments and what is done or expected at each.

```toml
title = "A dead spot near Rujan"
seconds = 90                    # how long it plays
settings = { keepalive_s = 15 } # of the terminal, where they differ
network = { loss = 0.1, rtt_ms = 200 }
modem = "a7670"                 # or plain, a7670-slow, sim7600
gateway = true                  # the real one, with a broker; false: the bench's own headquarters

[[at]]
s = 5                           # seconds after the terminal is served
press = "available"             # hold_ms = 1200 with it; or panic = true, tap = ["event", 9]
[[at]]
s = 20
outage = true                   # or coverage, sky, antenna, power_off_s, loss, rtt_ms, modem = "hangs"
[[at]]
s = 60
expect = "red received"         # lamp and state; or "stored panic", "sent status"
within_s = 5
```
"""

import math
import tomllib
from pathlib import Path

from hwsim.board import load_board
from hwsim.conformance import signs
from hwsim.conformance.case import Case
from hwsim.modem import PROFILES

_KEYS = frozenset(load_board("SIM")["keys"])
_KINDS = ("position", "status", "panic", "health", "event", "task", "track")
_STATES = {
    "red": ("off", "sending", "received", "acknowledged", "fault"),
    "green": ("dark", "link+fix", "link", "fix", "neither", "fault", "safe", "safe+link"),
}


def _number(least, most=math.inf):
    return lambda value: type(value) in (int, float) and least <= value <= most and value < math.inf


def _whole(value):
    return type(value) is int


def _one_of(*words):
    return (lambda value: type(value) is str and value in words), "one of " + ", ".join(sorted(words))


def _is(kind):
    return lambda value: isinstance(value, kind)


_FLAG = _is(bool), "true or false"
_DO = (lambda value: value is True), "true; leave it out if it shall not happen"
_SHARE = _number(0, 1), "from 0 to 1"
_MS = _number(0), "milliseconds, from 0"
# What a value has to be.
_TOP = {
    "title": (_is(str), "text"),
    "seconds": (_number(0), "seconds, from 0"),
    "settings": (_is(dict), "a table"),
    "network": (_is(dict), "a table"),
    "modem": _one_of(*PROFILES),
    "gateway": _FLAG,
    "at": (lambda rows: type(rows) is list and all(type(row) is dict for row in rows), "[[at]] tables"),
    "seed": (_whole, "a whole number"),
}
_NETWORK = {"loss": _SHARE, "duplicate": _SHARE, "reorder": _SHARE, "rtt_ms": _MS, "jitter_ms": _MS}
_BESIDE = {"hold_ms": (_number(1), "milliseconds, from 1"), "within_s": (_number(0), "seconds, from 0")}
_VALUES = {
    "press": _one_of(*_KEYS),
    "panic": _DO,
    "tap": (
        lambda value: type(value) is list and len(value) == 2 and value[0] in _KEYS and _taps(value[1]),
        '["event", 9]: a key, and how often',
    ),
    "antenna": _one_of("ok", "open", "short"),
    "supply_mv": (lambda value: _whole(value) and value >= 0, "a whole number of millivolts"),
    "power_off_s": (_number(0), "seconds, from 0"),
    "loss": _SHARE,
    "rtt_ms": _MS,
    "modem": _one_of("hangs", "restarts"),
    "message": (_is(str), "text"),
    "gateway": _one_of("dies", "starts"),
    "expect": (_is(str), "text"),
} | dict.fromkeys(("outage", "coverage", "sky", "ignition", "drive"), _FLAG)
_VALUES |= dict.fromkeys(("rebind", "acknowledge", "clear", "renew"), _DO)


def _taps(value):
    return _whole(value) and 1 <= value <= 250


class ScenarioError(Exception):
    """The file is wrong; the text says where."""


def load(path):
    """A Case that tells what the file says."""
    try:
        told = tomllib.loads(Path(path).read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: {error}") from None
    _known(path, told, _TOP)
    _fit(f"{path}: ", told, _TOP)
    _known(f"{path}: network", told.get("network", {}), _NETWORK)
    _fit(f"{path}: network: ", told.get("network", {}), _NETWORK)
    rows = told.get("at", [])
    moments = [_moment(path, number, row) for number, row in enumerate(rows, 1)]
    profile = told.get("modem", "a7670")
    house = told.get("gateway", True)
    last_s = max([s for s, *_ in moments], default=0.0)

    def tell(stage):
        stage.working(240)
        for s, row in sorted(moments, key=lambda moment: moment[0]):
            stage.kernel.run(max(stage.kernel.now_us, stage.began_us + round(s * 1e6)))
            stage.acted_us = stage.kernel.now_us
            _play(stage, row, house)
        rest_s = told.get("seconds", last_s + 15) - stage.now_s
        stage.kernel.run_for(max(0.0, rest_s))

    return Case(
        id=Path(path).stem,
        clauses=(),
        against="",
        tell=tell,
        title=told.get("title", Path(path).stem),
        story="",
        settings=told.get("settings", {}),
        profile=profile,
        weather=told.get("network", {}),
        house=house,
        linked=not house,
        seed=told.get("seed", 1),
    )


def _known(path, row, names):
    for name in row:
        if name not in names:
            raise ScenarioError(f"{path}: {name}: not known; known are {', '.join(sorted(names))}")


def _fit(where, row, values):
    for name, value in row.items():
        fits, words = values[name]
        if not fits(value):
            raise ScenarioError(f"{where}{name}: {words}, not {value!r}")


def _moment(path, number, row):
    row = dict(row)
    s = row.pop("s", None)
    if not _number(0)(s):
        raise ScenarioError(f"{path}: at number {number}: s must be seconds, from 0")
    actions = [name for name in row if name not in ("hold_ms", "within_s")]
    if len(actions) != 1 or actions[0] not in _ACTIONS:
        raise ScenarioError(
            f"{path}: at number {number}: one of {', '.join(sorted(_ACTIONS))}; it has {actions}"
        )
    _fit(f"{path}: at number {number}: ", row, _VALUES | _BESIDE)
    if actions[0] == "expect":
        _sign(path, row["expect"])
    return float(s), row


def _play(stage, row, house):
    for name, value in row.items():
        if name in _ACTIONS:
            _ACTIONS[name](stage, value, row, house)


def _sign(path, words):
    first, _, rest = words.partition(" ")
    if rest in _STATES.get(first, ()):
        return signs.lamp(first, rest)
    if first == "stored" and rest in ("", *_KINDS):
        return signs.stored(rest or None)
    if first == "sent":
        return signs.up(rest or None)
    raise ScenarioError(
        f'{path}: expect: "red STATE", "green STATE", "stored KIND" or "sent KIND", not {words!r}; '
        f"states are {', '.join(_STATES['red'])}, and {', '.join(_STATES['green'])}; "
        f"kinds are {', '.join(_KINDS)}"
    )


def _newest(stage):
    alarms = stage.find(signs.panic())
    if not alarms:
        stage.check(False, "there is an alarm at headquarters")
    return signs.panic_id(alarms[-1].report)


_ACTIONS = {
    "press": lambda stage, key, row, _: stage.press(key, row.get("hold_ms", 120)),
    "panic": lambda stage, _value, row, _: stage.hold_panic(row.get("hold_ms", 900)),
    "tap": lambda stage, value, _row, _: stage.tap(value[0], value[1]),
    "outage": lambda stage, on, _row, _: stage.outage(on),
    "coverage": lambda stage, on, _row, _: stage.coverage(on),
    "sky": lambda stage, on, _row, _: stage.sky(on),
    "antenna": lambda stage, state, _row, _: stage.antenna(state),
    "ignition": lambda stage, on, _row, _: stage.ignition(on),
    "drive": lambda stage, on, _row, _: stage.drive() if on else stage.park(),
    "supply_mv": lambda stage, mv, _row, _: stage.supply(mv),
    "power_off_s": lambda stage, s, _row, _: stage.cut_power(s),
    "loss": lambda stage, share, _row, _: stage.weather(loss=share),
    "rtt_ms": lambda stage, ms, _row, _: stage.weather(rtt_ms=ms),
    "rebind": lambda stage, _value, _row, _: stage.rebind(),
    "modem": lambda stage, what, _row, _: stage.modem_hangs() if what == "hangs" else stage.modem_restarts(),
    "acknowledge": lambda stage, _value, _row, _: stage.acknowledge(_newest(stage)),
    "clear": lambda stage, _value, _row, _: stage.clear(_newest(stage)),
    "message": lambda stage, text, _row, _: stage.message(text),
    "renew": lambda stage, _value, _row, _: stage.renew(),
    "gateway": lambda stage, what, _row, house: _gateway(stage, what, house),
    "expect": lambda stage, words, row, _: stage.expect(_sign("scenario", words), row.get("within_s", 10)),
}


def _gateway(stage, what, house):
    """ "dies", "starts"; without the real one it falls silent."""
    if not house:
        stage.asleep(what == "dies")
    elif what == "dies":
        stage.gateway_killed()
    else:
        stage.gateway_starts()
