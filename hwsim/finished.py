"""A board that was flashed and provisioned elsewhere, by its flash file: it comes into a car of the bench as
it is, with its own program and its own key pair. Only where its gateway is, it is told anew."""

import json
import shutil
from pathlib import Path

from hwsim import technician
from hwsim.technician import FleetError

# Its own program's modules, without starting it: as flash.py does at its prompt.
_MOUNT = """\
import sys
sys.path.append("/")
import selector
if selector.mount(selector.BOARD) is None:
    raise OSError("neither slot holds a whole program")
"""
_READ = (
    _MOUNT
    + """\
import json
from firmware import identity
from firmware import config
pair = identity.read()
values, _ = config.load()
with open("/config.json") as file:
    settings = json.load(file)
sizes = {name: values[name] for name in ("urgent_kb", "bulk_kb")}
print("finished", json.dumps([pair and pair[1].hex(), settings, sizes]))
"""
)
_INSTALL = (
    _MOUNT
    + """\
from board import BOARD
from firmware import provision
from firmware.hal import Hal
print("installed", provision.install({config!r}, Hal(BOARD)))
"""
)


def take(name, flash_file, flash_path, seed=0):
    """Copy the board's flash to `flash_path`: (its public key, its settings, the sizes of its journal).
    Raises FleetError."""
    if not Path(flash_file).is_file():
        raise FleetError(
            f"{flash_file}: no such file; `python -m hwsim board --pty --flash FILE` keeps a board's flash"
        )
    shutil.copyfile(flash_file, flash_path)
    try:
        (said,) = technician.run_once(name, None, flash_path, _READ, "finished", seed=seed)
    except FleetError as error:
        raise FleetError(f"{flash_file}: not the flash of a finished board ({error})") from None
    public, settings, sizes = json.loads(said)
    if public is None:
        raise FleetError(f"{flash_file}: the board has no identity yet: ./flash.py provision makes one")
    return bytes.fromhex(public), settings, sizes


def aim(name, flash_path, settings, gateway, seed=0):
    """Give it `gateway`: its host, port and gateway_key, beside its own settings."""
    program = _INSTALL.format(config=json.dumps(settings | gateway))
    (wrong,) = technician.run_once(name, None, flash_path, program, "installed", seed=seed)
    if wrong != "[]":
        raise FleetError(f"{name}: the terminal refuses its configuration: {wrong}")
