"""Puts the witnesses where they can see, and writes the Recording that the rules read."""

import hashlib
import json
from pathlib import Path

from hwsim.checks import signed
from hwsim.checks.ear import Ear
from hwsim.checks.ledger import DeskLedger, SqliteLedger
from hwsim.checks.recording import Car, Fault, Life, Light, Press, Recording, Row, Told, Wear

_ROOT = (0, 1)  # blocks of littlefs that never move
_READY_US = 10_000_000  # a program that lights no lamp is believed to serve its keys after this


class Recorder:
    """`bench` is a Rig or a House, made and not yet started. Its `kernel`, `cars`, and either `desk` or
    `gateway` are looked at; nothing is changed."""

    def __init__(self, bench):
        self.kernel = bench.kernel
        self.recording = Recording()
        self._publics = {}
        self._names = {}  # name -> digest, wherever it was seen
        self._verified = {}  # digest -> Frame or None
        gateway = getattr(bench, "gateway", None)
        desk = getattr(bench, "desk", None)
        if gateway is not None:
            self._ledger = SqliteLedger(Path(gateway.path))
            self._publics = {kid: bytes(public) for kid, public in bench.publics.items()}
            context_of = bench.context_of
            self.recording.has_broker = True
        else:
            self._ledger = DeskLedger(desk.frames)
            self._publics = {kid.hex(): row[0] for kid, row in desk.terminals.items()}
            context_of = desk.context_of
        self._bench_cars = {car.name: car for car in bench.cars}
        self._ears = {}
        settings = getattr(bench, "settings", {})
        for car in bench.cars:
            tale = Car(car.name, car.kid, settings)
            self.recording.cars[car.name] = tale
            self._ears[car.name] = Ear(self.recording, tale, context_of, self._missing, self._frame)
        self._leave = self.kernel.subscribe(self._event)

    def close(self):
        self._leave()
        self._ledger.close()

    def finish(self):
        """Look at flash and at headquarters' store as they are now; returns the Recording."""
        recording = self.recording
        recording.now_us = self.kernel.now_us
        self._read_store()
        recording.conflicts = self._ledger.conflicts()
        recording.alarms = self._ledger.alarms()
        withdrawn = self._ledger.withdrawn()
        for name, tale in recording.cars.items():
            tale.withdrawn = tale.kid in withdrawn
            tale.wear = _wear(self._bench_cars[name].terminal)
        return recording

    # --- headquarters

    def _missing(self, names):
        missing = self._ledger.missing(names)
        for name in names:
            if name not in missing:
                self._stored(name)
        return missing

    def _stored(self, name):
        if name not in self.recording.rows:
            row = Row(-1, name, self._names.get(name), 0, None, self.kernel.now_us)
            self.recording.rows[name] = row

    def _read_store(self):
        kept = set()
        for number, name, digest, kind, panic, relayed in self._ledger.new_rows():
            kept.add(name)
            if digest is not None:
                self._name(self.kernel.now_us, name, digest, "in headquarters' store")
            self._stored(name)
            row = self.recording.rows[name]
            row.number, row.kind, row.panic, row.relayed = number, kind, panic, relayed
            row.digest = digest or row.digest
        self.recording.kept = kept

    # --- frames, wherever they are seen

    def _frame(self, at_us, car, data):
        digest = hashlib.sha256(data).digest()
        if digest in self._verified:
            return self._verified[digest]
        frame = signed.read(data)
        self._verified[digest] = None if frame is None else frame.brief()
        if frame is None:
            return None
        self._name(at_us, frame.name, digest, "on the air" if car is not None else "at the broker")
        public = self._publics.get(frame.name[0])
        if public is None or not signed.verifies(frame, public):
            self.recording.forged.append((at_us, frame.name))
            return self._verified[digest]
        source = car.name if car is not None else frame.name[0]
        key = hashlib.sha256(public + frame.r).digest()[:16]
        what = f"the nonce of the signature of frame {frame.name[1]}/{frame.name[2]}"
        signed_digest = hashlib.sha256(frame.signed).digest()[:12]
        self.recording.nonces.used(at_us, source, what, key, signed_digest)
        return self._verified[digest]

    def _name(self, at_us, name, digest, where):
        known = self._names.setdefault(name, digest)
        if known != digest:
            self.recording.renamed.append((at_us, name, where))

    def _gateway(self, event):
        if event.what == "gateway.killed":
            self._ledger.close()  # its files are others from now on
        elif event.what == "gateway.store lost":
            self._ledger.close()
            self.recording.faults.append(Fault(event.t_us, "lose_store"))

    # --- events

    def _event(self, event):
        fields = event.fields
        if event.source == "fault":
            hangs = "program" if fields.get("task") == "all" else "task" if fields.get("supervised") else ""
            self.recording.faults.append(Fault(event.t_us, event.what, fields.get("car"), hangs))
        elif event.source == "gateway":
            self._gateway(event)
        elif event.source == "broker":
            if event.what == "message":
                self._told(event.t_us, fields["topic"], fields["payload"])
        elif event.source == "operator":
            if event.what in ("acknowledge", "clear"):
                row = (event.t_us, event.what, fields["kid"], fields["panic"])
                self.recording.centre.append(row)
        elif event.source in self.recording.cars:
            handler = _CAR_EVENTS.get(event.what)
            if handler is not None:
                handler(self, self.recording.cars[event.source], fields, event.t_us)

    def _air(self, car, fields, at_us):
        fate = fields["fate"]
        self._ears[car.name].hear(at_us, fields["direction"], bytes(fields["data"]), fate == "sent")

    def _key(self, car, fields, at_us):
        if fields["down"]:
            car.presses.append(Press(fields["key"], at_us))
            return
        for press in reversed(car.presses):
            if press.key == fields["key"]:
                press.up_us = min(press.up_us, at_us)
                return

    def _pin(self, car, fields, at_us):
        rows = {"red": car.lights, "buzzer": car.sounds, "green": car.green}.get(fields["pin"])
        if rows is None:
            return
        if fields["level"]:
            if fields["pin"] == "green" and car.lives:
                car.lives[-1].ready_us = min(car.lives[-1].ready_us, at_us)
            rows.append(Light(at_us))
        elif rows:
            rows[-1].to_us = min(rows[-1].to_us, at_us)
            if fields["pin"] == "green":
                del rows[:-4]  # only the newest matter

    def _note(self, car, fields, at_us):
        # Told to hang or die is what the bench does at once; a task meets it when it is next to run, and one
        # that seldom runs long afterwards. Hands and lamps are not to be judged from then on.
        for word, what in (("hangs", "task_hang"), ("dies", "task_death")):
            if fields["text"].startswith("fault: task ") and word in fields["text"]:
                self.recording.faults.append(Fault(at_us, what, car.name))

    def _start(self, car, fields, at_us):
        self._ended(car, at_us, "reset")
        car.lives.append(Life(at_us, fields["cause"]))

    def _power(self, car, fields, at_us):
        if not fields["on"]:
            self._ended(car, at_us, "power")

    def _died(self, car, _fields, at_us):
        self._ended(car, at_us, "died")

    def _watchdog(self, car, _fields, at_us):
        self._ended(car, at_us, "watchdog")

    @staticmethod
    def _ended(car, at_us, end):
        if car.lives and not car.lives[-1].end:
            life = car.lives[-1]
            life.ended_us, life.end = at_us, end
            if life.ready_us > at_us and at_us - life.started_us > _READY_US:
                life.ready_us = life.started_us + _READY_US

    # --- the broker

    def _told(self, at_us, topic, payload):
        last = topic.rsplit("/", 1)[-1]
        payload = bytes(payload)
        if last == "frame":
            frame = self._frame(at_us, None, payload)
            if frame is not None:
                committed = not self._missing([frame.name])
                self.recording.told.append(Told(at_us, topic, frame.name, frame.digest, committed))
        elif last == "panic" and payload:
            self._alarm(at_us, topic, payload)

    def _alarm(self, at_us, topic, payload):
        try:
            said = json.loads(payload)["properties"]
            name = (said["kid"], said["boot"], said["seq"])
        except (ValueError, KeyError, TypeError):
            return
        told = Told(at_us, topic, name, None, True, said.get("stage"), said.get("panic"))
        told.reminder = bool(said.get("reminder"))
        self.recording.told.append(told)


def _wear(terminal):
    flash = terminal.flash
    journal = terminal.board["flash"].get("journal", {"address": 0, "size": 0})
    first = journal["address"] // flash.block
    blocks = range(first, first + journal["size"] // flash.block)
    programs, erases = (sum(count[block] for block in blocks) for count in (flash.written, flash.wear))
    slots = [slot["address"] // flash.block for slot in terminal.board["flash"].get("slots", ())]
    images = [
        block
        for first, slot in zip(slots, terminal.board["flash"].get("slots", ()), strict=True)
        for block in range(first, first + slot["size"] // flash.block)
    ]
    of_images = [sum(count[block] for block in images) for count in (flash.written, flash.wear)]
    return Wear(
        programs,
        erases,
        flash.programs - programs - of_images[0],
        flash.erases - erases - of_images[1],
        flash.set_again,
        of_images[0],
        of_images[1],
        # Each image that is written begins with its head's block.
        sum(flash.wear[first] for first in slots),
        sum(block in flash.worn for block in _ROOT),
    )


_CAR_EVENTS = {
    "air": Recorder._air,
    "key": Recorder._key,
    "pin": Recorder._pin,
    "note": Recorder._note,
    "start": Recorder._start,
    "power": Recorder._power,
    "died": Recorder._died,
    "watchdog": Recorder._watchdog,
}
