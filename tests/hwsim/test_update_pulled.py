"""Power cut at any moment of an update in the field, in the middle of a flash operation or between two: the
board starts the old program or the new one, goes on by itself until the new one is confirmed, and no alarm
that was raised meanwhile is lost. (UPD-10 cuts the first operations of a fetch; this is the whole way.)

PATROLA_PULLS=60 in the environment tries that many moments of each kind, and every flash operation between
"ready" and "done"; otherwise a few, others each day."""

import datetime
import os
import random

import pytest

from hwsim.checks import Recorder, violations
from hwsim.conformance.case import Case
from hwsim.conformance.cases import upd
from hwsim.conformance.office import ACKNOWLEDGED, CLEARED, Office
from hwsim.conformance.shelf import Shelf
from hwsim.conformance.signs import stored
from hwsim.conformance.stage import Stage
from hwsim.rig import Rig
from protocol import report, update
from protocol.update import version_number

PULLS = int(os.environ.get("PATROLA_PULLS", "2"))
SEED = int(os.environ.get("PATROLA_SEED", datetime.datetime.now(datetime.UTC).toordinal()))
CASE = Case("UPD-00", (), "", None, "", "", slots=True)
OLD, NEW = version_number("0.1.0"), version_number(upd.NEW)
CUTS = 5  # of one fetch
OPERATION, TIME = "operation", "microsecond"
CARED_S = 4  # of the operations centre


class Field:
    """One car, and a headquarters that has a release for it. `ready`: (flash, links) of a board that has
    fetched it and stands where it may start it."""

    def __init__(self, shelf, folder, seed, ready=None):
        kit = shelf.kit(CASE)
        if ready is not None:
            kit.flashes, kit.links = [ready[0]], ready[1]
        self.rig = Rig(kit, folder, seed=seed, desk=Office)
        self.rig.desk.adopt(kit.links)
        self.stage = Stage(self.rig)
        self.stage.workshop = shelf.workshop
        self.kernel = self.rig.kernel
        self.car = self.rig.cars[0]
        self.terminal = self.car.terminal
        self.recorder = Recorder(self.rig)
        self.dice = random.Random(f"{SEED} {seed}")
        self.states = []  # of the update, as the terminal told them
        self.alarms = set()
        self.kernel.subscribe(self._hear)
        self.image = upd.offer(self.stage)
        self.begun = self.reached

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.recorder.close()
        self.stage.witness.close()
        self.rig.__exit__(*_)

    @property
    def reached(self):
        """{kind: how many of it there were}."""
        return {OPERATION: self.terminal.flash.operations, TIME: self.kernel.now_us}

    @property
    def gone(self):
        """The same since the update began."""
        return {kind: count - self.begun[kind] for kind, count in self.reached.items()}

    def _hear(self, event):
        if event.what == "update":
            self.states.append(event.fields["state"])
        elif event.what == "stored" and event.fields["report"][report.KIND] == report.KIND_PANIC:
            id = event.fields["report"][report.PANIC][report.PANIC_ID]
            if id not in self.alarms:
                self.alarms.add(id)
                self.kernel.after(CARED_S * 1_000_000, self._end, id)

    def _end(self, id):
        for stage in (ACKNOWLEDGED, CLEARED):
            self.rig.desk.receipt(self.stage.kid, id, stage)

    def start(self):
        """Parked, from what its flash holds."""
        self.rig.start()
        self.car.park()

    def begin(self):
        """Served, and told that there is an update."""
        self.stage.working()
        upd.notice(self.stage)
        self.begun = self.reached

    def until(self, state, limit_s):
        """It says so, now or before."""
        self.kernel.run_until(lambda: state in self.states, limit_s)
        assert state in self.states, (self.states, self.rig.lines()[-20:])

    def cut(self, kind, number, limit_s):
        """Power fails when so many of that kind have gone by from now. False: all was over before."""
        if self.dice.random() < 0.5:
            self.kernel.after(self.dice.randrange(10_000_000), self._raise)
        if kind == OPERATION:
            self.terminal.flash.cut_at(self.terminal.flash.operations + number)
        else:
            self.kernel.after(number, self.terminal.power_off)
        self.kernel.run_until(lambda: not self.terminal.powered, limit_s)
        self.terminal.flash.cut_at(None)
        return not self.terminal.powered

    def _raise(self):
        if self.terminal.powered:
            self.car.press("panic")

    def comes_up(self):
        """Power is back: it starts, the old program or the new one, and says so."""
        self.kernel.run_for(1)
        since = self.kernel.now_us
        self.terminal.power_on()
        self.stage.expect(stored("health"), 90, since)
        assert upd.version(self.stage, since) in (OLD, NEW)

    def well(self, version):
        """That program is the one from now on, and nothing is missing: no press of a key, no frame."""
        self.kernel.run_for(30)
        self.terminal.power_off()
        self.comes_up()
        self.kernel.run_for(30)
        assert upd.version(self.stage, 0) == version
        found = violations(self.recorder, True)
        assert not found, found[0]


@pytest.fixture(scope="module")
def shelf():
    return Shelf()


@pytest.fixture(scope="module")
def whole(shelf, tmp_path_factory):
    """(flash, links) of a board that has fetched all of it, and how much of each kind that took; and the same
    from there until it was done."""
    folder = tmp_path_factory.mktemp("whole")
    with Field(shelf, folder, 1) as field:
        field.begin()
        field.until(update.READY, 300)
        fetch = field.gone
        field.terminal.power_off()
        links = field.rig.desk.links_of()
    (flash,) = folder.glob("*.flash")
    flash = flash.rename(folder / "ready")
    with Field(shelf, folder, 2, (flash, links)) as field:
        field.start()
        field.until(update.DONE, 400)
        switch = field.gone
        field.well(NEW)
    return (flash, links), fetch, switch


def some(name, whole, count=PULLS):
    """So many moments at random, both kinds in turn."""
    dice = random.Random(f"{SEED} {name}")
    return [(kind, dice.randrange(whole[kind])) for kind in (OPERATION, TIME) * count][:count]


def told(field, moments):
    print(f"{', '.join(f'{kind} {number}' for kind, number in moments)}: {len(field.alarms)} alarms")


def test_while_it_is_fetched(shelf, whole, tmp_path):
    """Several in one fetch, each counted from the last: it goes on where it was, and is done in the end."""
    _, fetch, _ = whole
    moments = some("fetch", {kind: count // CUTS for kind, count in fetch.items()})
    for story in range(0, len(moments), CUTS):
        with Field(shelf, tmp_path, 10 + story) as field:
            field.begin()
            for kind, number in moments[story : story + CUTS]:
                assert field.cut(kind, number, 300), (kind, number)
                assert update.READY not in field.states
                field.comes_up()
            field.until(update.READY, 400)
            field.car.park()
            field.until(update.DONE, 600)
            field.well(NEW)
            told(field, moments[story : story + CUTS])


def switch_over(shelf, folder, ready, seed, kind, number):
    """Power cut there, between "ready" and "done"; True when it was in time."""
    with Field(shelf, folder, seed, ready) as field:
        field.start()
        struck = field.cut(kind, number, 400)
        if struck:
            field.comes_up()
        field.until(update.DONE, 600)
        assert update.FELL_BACK not in field.states
        field.well(NEW)
        told(field, [(kind, number)])
    return struck


def test_while_it_is_started_and_tried(shelf, whole, tmp_path):
    ready, _, switch = whole
    for at, (kind, number) in enumerate(some("switch", switch)):
        switch_over(shelf, tmp_path, ready, 100 + at, kind, number)


def test_at_every_flash_operation_of_the_switch_over(shelf, whole, tmp_path):
    ready, _, switch = whole
    every = range(switch[OPERATION])
    if len(every) > PULLS:
        every = sorted(random.Random(f"{SEED} every").sample(every, PULLS)) if PULLS < 60 else every
    struck = [switch_over(shelf, tmp_path, ready, 1000 + n, OPERATION, n) for n in every]
    print(f"{sum(struck)} of {len(struck)} flash operations of the switch-over")
    assert all(struck)
