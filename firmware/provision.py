"""First life of a terminal: its key pair is made here, and the private key never leaves. flash.py calls

provision.create_identity(hal)    -> public key X || Y, 64 bytes
provision.install(config, hal)    -> what is wrong, a list of sentences; empty = it is written

Both forget the starts before: each reset on the workbench would count as one that failed (aftermath.py).

Nothing secret is set from outside: the keys of the link are agreed on with the gateway over the air, and the
gateway proves itself with the key of which `config` holds the public half.
"""

import json

from firmware import config as settings
from firmware import identity, p256, session, statefile
from firmware.drbg import HmacDrbg
from protocol import cbor

CONFIG = "/config.json"
# What earlier versions kept: link keys that were set at provisioning, and their Partial IVs.
_OUTDATED = ("/link.json", "/oscore")


class ProvisionError(Exception):
    """What cannot be done, and what to do instead."""


def create_identity(hal, replace=False, path=identity.PATH, slots=session.SLOTS):
    """Make a key pair, keep it, return the public key. Raises ProvisionError when there is one already:
    the gateway knows this terminal by it, and with a new one it has to be enrolled anew."""
    if not replace and identity.read(path) is not None:
        raise ProvisionError("this terminal has a key pair; ask for a new one only to enroll it anew")
    drbg = HmacDrbg(hal.entropy(48), b"patrola identity 1" + bytes([len(hal.uid)]) + hal.uid)
    number = 0
    while not 0 < number < p256.N:
        number = int.from_bytes(drbg.generate(32), "big")
    private = number.to_bytes(32, "big")
    public = p256.public_key(number)
    # Before the new pair: keys of the link must never outlive the identity they were made for.
    _remove(slots)
    statefile.replace(path, cbor.encode({identity.PRIVATE: private, identity.PUBLIC: public}))
    _forget_starts(hal)
    return public


def install(config, hal, path=CONFIG, identity_path=identity.PATH, slots=session.SLOTS):
    """Check and keep the settings, a JSON text. Nothing is written when something is wrong."""
    try:
        given = json.loads(config)
    except ValueError:
        return ["config.json is not JSON; look for a missing comma or quotation mark"]
    if not isinstance(given, dict):
        return ["config.json is not an object"]
    wrong = settings.check(given)[1]
    if wrong:
        return wrong
    own = identity.read(identity_path)
    if own is not None and bytes.fromhex(given["gateway_key"]) == own[1]:
        return ['"gateway_key" is the public key of this terminal itself. ' + settings.KEY_HELP]
    if settings.load(path)[0]["gateway_key"] != given["gateway_key"]:
        _remove(slots)  # another gateway has other keys
    statefile.replace(path, config.encode())
    _remove(_OUTDATED)
    _forget_starts(hal)
    return wrong


def _forget_starts(hal):
    if hal.memory is not None:
        hal.memory(b"")


def _remove(paths):
    for path in paths:
        statefile.remove(path)
