"""The terminal's settings: `/config.json`, one flat JSON object, checked key by key.

`load(path)` gives `(values, errors)`. A key with an error keeps its default, so that one slip of the pen
doesn't take the panic key away; each error is one sentence that names the key, what is wrong and what to do.
Every key is explained in docs/configuration.md, and a test holds that table to this one.
"""

import json

from firmware import p256

FUNCTIONS = ("panic", "available", "on_the_way", "on_scene", "busy", "off_duty", "event", "accept")

# (key, kind, default, least, most): s = text (limits are its length), i = whole number, b = true or false,
# k = public key in hexadecimal
TABLE = (
    # Link. The names are the modem driver's own.
    ("apn", "s", "", 0, 63),
    ("user", "s", "", 0, 63),
    ("password", "s", "", 0, 63),
    ("pin", "s", "", 0, 8),
    ("host", "s", "", 1, 63),
    ("port", "i", 5683, 1, 65535),
    ("local_port", "i", 5683, 1024, 65535),
    ("gateway_key", "k", "", 128, 128),
    ("keepalive_s", "i", 40, 15, 600),
    ("idle_keepalive_s", "i", 240, 15, 600),
    # Officer
    ("covert", "b", False, 0, 1),
    ("drill", "b", False, 0, 1),
    ("panic_hold_ms", "i", 600, 300, 3000),
    ("panic_position_s", "i", 3, 1, 60),
    ("stuck_s", "i", 30, 5, 600),
    ("event_code", "i", 1, 0, 65535),
    ("event_gap_ms", "i", 2000, 500, 10000),
    ("arrival_m", "i", 100, 10, 1000),
    # Patrol
    ("moving_s", "i", 20, 2, 3600),
    ("moving_m", "i", 300, 20, 10000),
    ("slow_s", "i", 60, 2, 3600),
    ("parked_s", "i", 600, 10, 86400),
    ("course_deg", "i", 30, 10, 180),
    ("least_s", "i", 5, 1, 600),
    ("track_s", "i", 120, 10, 3600),
    ("health_s", "i", 600, 30, 86400),
    # Machine
    ("supply_low_mv", "i", 9000, 0, 60000),
    ("watchdog_s", "i", 8, 4, 60),
    ("urgent_kb", "i", 64, 16, 1024),
    ("bulk_kb", "i", 1024, 32, 8192),
    ("log", "i", 1, 0, 3),
    ("release", "b", False, 0, 1),
    ("release_key", "k", "", 128, 128),
    ("unit", "s", "", 0, 194),
)


RELEASE_HELP = 'Copy what `flash.py release --make-key` gave as "release_key", all 128 digits.'
KEY_HELP = 'Copy what `gateway enroll --json` gives as "gateway_key", all 128 digits.'


def _text(key, value, low, high):
    if not isinstance(value, str):
        return "must be text in quotes"
    if not low <= len(value) <= high:
        return "has %d characters; it may have %d to %d" % (len(value), low, high)
    for c in value:
        # Quotation marks would end the AT command the text is put into.
        if not " " <= c <= "~" or c == '"':
            return "holds the character %r; the modem takes printable ASCII without quotation marks" % c
    if key == "pin" and value and not (value.isdigit() and len(value) >= 4):
        return "must be 4 to 8 digits, or empty for a SIM without a PIN"
    return None


def _public_key(value, digits):
    if not isinstance(value, str):
        return "must be text in quotes"
    if len(value) != digits:
        return "has %d characters; it needs %d hexadecimal digits" % (len(value), digits)
    try:
        public = bytes.fromhex(value)
    except ValueError:
        public = b""
    if len(public) * 2 != digits:  # some readers of hexadecimal text pass over blanks
        return "holds something that is not a hexadecimal digit"
    if not p256.valid_public(public):
        return "is not a public key: at least one digit is wrong"
    return None


def _number(value, low, high):
    # True is 1 for Python; in a settings file it is a slip.
    if isinstance(value, bool) or not isinstance(value, int):
        return "must be a whole number from %d to %d, without quotes" % (low, high)
    if not low <= value <= high:
        return "is %d; it may be %d to %d" % (value, low, high)
    return None


def _keys(value):
    """What is wrong with the key map {function: name of a key on the board}, or None."""
    if not isinstance(value, dict):
        return 'must be an object such as {"accept": "event", "event": ""}'
    used = {}
    for function in value:
        if function not in FUNCTIONS:
            return "names the function %r; the functions are %s" % (function, ", ".join(FUNCTIONS))
    for function in FUNCTIONS:
        key = value.get(function, function)
        if not isinstance(key, str):
            return 'gives "%s" something that is not the name of a key' % function
        if key and key in used:
            both = (key, used[key], function)
            return 'gives the key "%s" to both "%s" and "%s"; one key has one function' % both
        used[key] = function
    if not value.get("panic", "panic"):
        return 'takes the key away from "panic"; a terminal always has one'
    return None


def check(given):
    """(values with all keys, errors) for one parsed JSON object."""
    values = {}
    errors = []
    for key, kind, default, low, high in TABLE:
        values[key] = default
        if key not in given:
            continue
        value = given[key]
        if kind == "s":
            wrong = _text(key, value, low, high)
        elif kind == "i":
            wrong = _number(value, low, high)
        elif kind == "k":
            wrong = _public_key(value, low)
        else:
            wrong = None if isinstance(value, bool) else "must be true or false, without quotes"
        if wrong is None:
            values[key] = value
        elif kind == "k":
            errors.append('"%s" %s. %s' % (key, wrong, KEY_HELP if key == "gateway_key" else RELEASE_HELP))
        else:
            shown = '"%s"' % default if kind == "s" else json.dumps(default)
            errors.append('"%s" %s. Correct it, or leave it out for %s.' % (key, wrong, shown))
    if "host" not in given:
        errors.append('"host" is missing. Give the address of the gateway at headquarters.')
    if "gateway_key" not in given:
        errors.append('"gateway_key" is missing. ' + KEY_HELP)
    values["keys"] = {}
    if "keys" in given:
        wrong = _keys(given["keys"])
        if wrong is None:
            values["keys"] = given["keys"]
        else:
            errors.append('"keys" %s. Correct it, or leave it out for the board\'s own keys.' % wrong)
    for key in given:
        if key not in values:
            errors.append('"%s" is not a setting. Look for a slip of the pen in docs/configuration.md.' % key)
    return values, errors


def load(path="/config.json"):
    """(values, errors): always usable values; without a readable file the defaults and one error."""
    given = {}
    trouble = None
    try:
        with open(path, "rb") as file:
            text = file.read()
        given = json.loads(text.decode())
        if not isinstance(given, dict):
            given = {}
            trouble = "is not a JSON object. It begins with { and ends with }."
    except OSError:
        trouble = "is missing. Provision the terminal with flash.py."
    except (ValueError, UnicodeError):
        trouble = "is not JSON. Look for a missing comma or quotation mark."
    if trouble is not None:
        return check(given)[0], ["%s %s" % (path, trouble)]
    values, errors = check(given)
    return values, ["%s: %s" % (path, error) for error in errors]


def key_pins(functions, board_keys):
    """([(function, pin number)], errors): the key map laid over the keys this board has."""
    found = []
    errors = []
    for function in FUNCTIONS:
        name = functions.get(function, function)
        if not name:
            continue
        if name in board_keys:
            found.append((function, board_keys[name]))
        elif function in functions or function == "panic":
            have = ", ".join(sorted(board_keys))
            errors.append('"keys": "%s" wants the key "%s", and this board has %s.' % (function, name, have))
    return found, errors
