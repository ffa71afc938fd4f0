"""Terminals made ready once for all cases: identity, settings, and where a case begins with it, keys agreed
on."""

import hashlib
import importlib
import json
import os
import shutil
import tempfile
from pathlib import Path

from hwsim import releases, slots_ready, technician, world
from hwsim.conformance.office import Office
from hwsim.desk import Desk
from hwsim.kernel import Kernel
from hwsim.modem import STAND_INS
from hwsim.rig import SETTINGS, Rig

_ROOT = Path(__file__).resolve().parent.parent.parent
_BUILD = _ROOT / ".build" / "conformance"
_KEPT = 3
_RUNS = 0x000100  # the version of the program that the suite holds
# Whose modem the terminal has, and the board whose image knows it.
MODEMS = {"simcom": technician.BOARD, "quectel": "SIM-QUECTEL"}
_SLIP = """\
import json
with open("/config.json") as file:
    settings = json.load(file)
settings.update({wrong!r})
with open("/config.json", "w") as file:
    json.dump(settings, file)
print("slipped", "in")
"""


class ShelfKit:
    """What a Rig takes for a kit, and `links`: rows for `Office.adopt`."""

    def __init__(self, folder, image, units, settings, terminal=None):
        told = json.loads((folder / "kit.json").read_text())
        self.directory = folder
        self.image = image
        self.terminal = terminal
        self.units = world.units(units)
        self.settings = settings
        self.flashes = [folder / f"{unit.unit}.flash" for unit in self.units]
        self.publics = [bytes.fromhex(public) for public in told["publics"]]
        self.links = [(*map(bytes.fromhex, row[:4]), row[4]) for row in told["links"]]


class Shelf:
    """Under `directory`, or kept in .build from run to run as long as nothing has changed. `image`: that
    program instead of the one that the tree makes. `modem`: one of MODEMS. `maker`: "module:Class" of a
    terminal that is not ours (page.md); it is asked for its kits anew in each run, so give it a
    directory of the run's own."""

    def __init__(self, directory=None, image=None, maker=None, modem="simcom"):
        self.maker = maker
        self.modem = modem
        self.board = MODEMS[modem]
        self.terminal = None
        if maker is not None:
            module, _, name = maker.partition(":")
            self.terminal = getattr(importlib.import_module(module), name)
            self.image, self.folder = None, Path(directory)
            return
        base = _BUILD if directory is None else Path(directory)
        base.mkdir(parents=True, exist_ok=True)
        made = technician.build_image(base, self.board) if image is None else Path(image)
        self.folder = base / _digest(made)
        self.folder.mkdir(exist_ok=True)
        self.image = _keep(made, self.folder / "firmware.romfs")
        if directory is None:
            _tidy(base, self.folder)

    @property
    def workshop(self):
        """The folder for releases, which take a while to make."""
        folder = self.folder / "releases"
        folder.mkdir(exist_ok=True)
        return folder

    def profile(self, name):
        """The modem's profile of a case, or that of another maker which stands in for it."""
        return STAND_INS.get(self.modem, {}).get(name, name)

    def kit(self, case):
        """The kit of a case; made now if need be."""
        settings = SETTINGS | {"gateway_key": Desk(Kernel()).public.hex()} | case.settings
        if case.slots:
            settings["release_key"] = releases.public_of(releases.own_key()).hex()
        more = [case.slots] if case.slots else []
        words = json.dumps(
            [case.units, case.linked and not case.house, settings, case.slip, *more], sort_keys=True
        )
        folder = self.folder / hashlib.sha256(words.encode()).hexdigest()[:12]
        if not (folder / "kit.json").is_file():
            self._make(folder, case, settings)
        image = None if case.slots else self.image
        return ShelfKit(folder, image, case.units, settings, self.terminal)

    def _make(self, folder, case, settings):
        # Whole or not at all: another process may make the same.
        making = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=self.folder))
        publics = []
        for unit in world.units(case.units):
            if self.terminal is not None:
                flash = making / f"{unit.unit}.flash"
                publics.append(self.terminal.provision(unit.unit, settings | case.slip, flash))
                continue
            publics.append(self._identity(unit, making / f"{unit.unit}.flash"))
            technician.install(unit.unit, self.image, making / f"{unit.unit}.flash", settings)
            if case.slip:
                self._slip(unit, making / f"{unit.unit}.flash", case.slip)
        told = {"publics": [public.hex() for public in publics], "links": []}
        (making / "kit.json").write_text(json.dumps(told))
        if case.linked and not case.house:
            links = self._link(making, case.units, settings)
            told["links"] = [[*(part.hex() for part in row[:4]), row[4]] for row in links]
            (making / "kit.json").write_text(json.dumps(told))
        if case.slots:
            for unit in world.units(case.units):
                flash = making / f"{unit.unit}.flash"
                slots_ready.ready(unit.unit, flash, self.image, _RUNS, self.board)
        try:
            making.rename(folder)
        except OSError:
            shutil.rmtree(making)

    def _identity(self, unit, flash):
        """A copy of the flash with that unit's key pair, made once; the public half."""
        kept = self.folder / f"{unit.unit}.identity"
        public = kept.with_suffix(".public")
        if not public.is_file():
            making = kept.with_name(f"{kept.name}.{os.getpid()}")
            found = technician.make_identity(unit.unit, self.image, making)
            if not public.is_file():
                making.rename(kept)
                _write(public, found.hex())
        shutil.copyfile(kept, flash)
        return bytes.fromhex(public.read_text())

    def _slip(self, unit, flash, wrong):
        """Settings that a technician's tool would have refused."""
        technician.run_once(unit.unit, self.image, flash, _SLIP.format(wrong=wrong), "slipped")

    def _link(self, folder, units, settings):
        """Switch on, agree on keys, be served, and off again."""
        kit = ShelfKit(folder, self.image, units, settings, self.terminal)
        with Rig(kit, folder, seed=1, profile=self.profile("plain"), desk=Office) as rig:
            rig.working()
            rig.kernel.run_for(8)
            for car in rig.cars:
                car.terminal.power_off()
            links = rig.desk.links_of()
        for unit, flash in zip(kit.units, kit.flashes, strict=True):
            Path(folder, f"{unit.unit}-1.flash").replace(flash)
        return links


def _digest(image):
    """Of the image and of everything on the bench that made or ran it."""
    digest = hashlib.sha256(Path(image).read_bytes())
    for path in sorted(
        (
            *_ROOT.glob("hwsim/**/*.py"),
            *_ROOT.glob("hwsim/*.toml"),
            *_ROOT.glob("boards/**/*.toml"),
            *_ROOT.glob("flashing/**/*.py"),  # the texts that start a board, which no image holds
            *_ROOT.glob("firmware/*.py"),
        )
    ):
        if "conformance/cases" not in path.as_posix():
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _keep(source, target):
    if not target.is_file():
        making = target.with_name(f"{target.name}.{os.getpid()}")
        shutil.copyfile(source, making)
        making.rename(target)
    return target


def _write(path, text):
    making = path.with_name(f"{path.name}.{os.getpid()}")
    making.write_text(text)
    making.rename(path)


def _tidy(base, keep):
    folders = sorted((p for p in base.iterdir() if p.is_dir()), key=lambda p: p.stat().st_mtime, reverse=True)
    for folder in [f for f in folders if f != keep][_KEPT:]:
        shutil.rmtree(folder, ignore_errors=True)
