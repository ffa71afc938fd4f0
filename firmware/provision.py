"""First life of a terminal: its key pair is made here, and the private key never leaves. flash.py calls

provision.create_identity(hal)    -> public key X || Y, 64 bytes
provision.install(config, link)   -> what is wrong, a list of sentences; empty = both are written
"""

import json

from firmware import config as settings
from firmware import p256, statefile
from firmware.drbg import HmacDrbg
from protocol import cbor
from protocol.errors import ProtocolError

IDENTITY = "/identity"
CONFIG = "/config.json"
LINK = "/link.json"

_PRIVATE = 0
_PUBLIC = 1
# What the gateway's `enroll --json` gives under "link", each in hex: name, least and most bytes.
_LINK = (("secret", 16, 64), ("salt", 0, 64), ("sender_id", 7, 7), ("recipient_id", 1, 7))


class ProvisionError(Exception):
    """What cannot be done, and what to do instead."""


def create_identity(hal, replace=False, path=IDENTITY):
    """Make a key pair, keep it, return the public key. Raises ProvisionError when there is one already:
    the gateway knows this terminal by it, and with a new one it has to be enrolled anew."""
    if not replace and read_identity(path) is not None:
        raise ProvisionError("this terminal has a key pair; ask for a new one only to enroll it anew")
    drbg = HmacDrbg(hal.entropy(48), b"patrola identity 1" + bytes([len(hal.uid)]) + hal.uid)
    number = 0
    while not 0 < number < p256.N:
        number = int.from_bytes(drbg.generate(32), "big")
    private = number.to_bytes(32, "big")
    public = p256.public_key(number)
    statefile.replace(path, cbor.encode({_PRIVATE: private, _PUBLIC: public}))
    return public


def read_identity(path=IDENTITY):
    """(private, public), or None without a whole pair. Whether they belong together, the signer checks."""
    try:
        with open(path, "rb") as file:
            pair = cbor.decode(file.read())
    except (OSError, ProtocolError):
        return None
    if not isinstance(pair, dict) or len(pair) != 2:
        return None
    private = pair.get(_PRIVATE)
    public = pair.get(_PUBLIC)
    if not isinstance(private, bytes) or not isinstance(public, bytes):
        return None
    return (private, public) if len(private) == 32 and len(public) == 64 else None


def check_link(link):
    """What is wrong with the link keys, in a sentence, or None."""
    if not isinstance(link, dict):
        return 'is not an object; take what `gateway enroll --json` gives under "link"'
    for name, least, most in _LINK:
        value = link.get(name)
        try:
            data = bytes.fromhex(value)
        except (TypeError, ValueError):
            return '"%s" is not hexadecimal text; take what `gateway enroll --json` gives' % name
        if not least <= len(data) <= most:
            return '"%s" has %d bytes; it needs %d to %d' % (name, len(data), least, most)
    return None


def install(config, link, config_path=CONFIG, link_path=LINK):
    """Check and keep both files. `config` and `link` are JSON texts. Nothing is written when one is wrong."""
    wrong = []
    try:
        given = json.loads(config)
        wrong = settings.check(given)[1] if isinstance(given, dict) else ["config.json is not an object"]
    except ValueError:
        wrong = ["config.json is not JSON; look for a missing comma or quotation mark"]
    try:
        bad = check_link(json.loads(link))
    except ValueError:
        bad = "is not JSON"
    if bad is not None:
        wrong = wrong + ["link.json: " + bad]
    if not wrong:
        statefile.replace(config_path, config.encode())
        statefile.replace(link_path, link.encode())
    return wrong


def read_link(path=LINK):
    """({"secret", "salt", "sender_id", "recipient_id"} as bytes, None), or (None, what is wrong)."""
    try:
        with open(path, "rb") as file:
            link = json.loads(file.read().decode())
    except OSError:
        return None, path + " is missing. Enroll the terminal at the gateway and provision it with flash.py."
    except ValueError:
        return None, path + " is not JSON. Provision the terminal again with flash.py."
    bad = check_link(link)
    if bad is not None:
        return None, "%s: %s" % (path, bad)
    return {name: bytes.fromhex(link[name]) for name, _, _ in _LINK}, None
