"""Everything a bystander with headquarters' keys could write down: one list, in the order of its telling."""

from dataclasses import dataclass, field

from hwsim.conformance.ear import Ear
from hwsim.conformance.office import kind_name
from hwsim.lamps import SOUNDS
from protocol import report

_MODEM_PINS = ("modem_pwrkey", "modem_reset", "modem_supply")


@dataclass
class Seen:
    """`at_us` is when it began (a lamp's pattern is known only after a few of its phases)."""

    at_us: int
    what: str
    car: str
    text: str
    fields: dict = field(default_factory=dict)

    def __getattr__(self, name):
        try:
            return self.__dict__["fields"][name]
        except KeyError:
            raise AttributeError(name) from None


class Witness:
    """`seen` grows as the kernel runs. `context_of` are headquarters' keys."""

    def __init__(self, kernel, cars, context_of):
        self.seen = []
        self.levels = []  # (microseconds, car, pin, level) of lamps and sounders
        self._kernel = kernel
        self._ears = {car.name: Ear(context_of) for car in cars}
        self._by_kid = {car.kid: car.name for car in cars}
        self._told = {}  # (car, boot, seq) -> (report, frame), as they were on the air
        self._leave = kernel.subscribe(self._event)

    def close(self):
        self._leave()

    def add(self, what, car, text, at_us=None, **fields):
        self.seen.append(Seen(self._kernel.now_us if at_us is None else at_us, what, car, text, fields))

    def _event(self, event):
        if event.source in self._ears:
            handler = _CAR.get(event.what)
            if handler is not None:
                handler(self, event.source, event.fields)
        elif event.source == "headquarters":
            self._headquarters(event.what, event.fields)
        elif event.source == "gateway":
            self._gateway(event.what, event.fields)
        elif event.source == "broker":
            self._broker(event.what, event.fields)
        elif event.source == "operator" and event.what in _ORDERS:
            self.add("command", self._by_kid.get(event.fields["kid"], ""), f"operator: {event.what}")
        elif event.source == "fault":
            self.add("fault", event.fields.get("car", ""), _words(event.what, event.fields), of=event.what)

    def _key(self, car, fields):
        text = f"{fields['key']} {'down' if fields['down'] else 'up'}"
        self.add("key", car, text, key=fields["key"], down=fields["down"])

    def _lamp(self, car, fields):
        text = f"{fields['lamp']} lamp: {fields['state']}"
        self.add("lamp", car, text, fields["began_us"], lamp=fields["lamp"], state=fields["state"])

    def _sound(self, car, fields):
        meaning = heard(fields["pulses"])
        text = f"{fields['pin']}: {meaning or fields['pulses']}"
        # It is understood when it is over; it began with the first of its pulses.
        edges = [at for at, who, pin, level in self.levels if who == car and pin == fields["pin"] and level]
        began_us = edges[-len(fields["pulses"])]
        self.add("sound", car, text, began_us, pin=fields["pin"], meaning=meaning, pulses=fields["pulses"])

    def _pin(self, car, fields):
        if fields["pin"] in _MODEM_PINS:
            self.add("modem pin", car, f"{fields['pin']} {fields['level']}", **fields)
        else:
            self.levels.append((self._kernel.now_us, car, fields["pin"], fields["level"]))
            self.add("pin", car, f"{fields['pin']} {'on' if fields['level'] else 'off'}", **fields)

    def _air(self, car, fields):
        up = fields["direction"] == "up"
        if fields["fate"] == "nobody":
            return
        got = self._ears[car].hear(up, fields["data"])
        lost = fields["fate"] == "lost"
        for told, frame in zip(got.reports, got.frames, strict=True):
            self._told.setdefault((car, told[report.BOOT], told[report.SEQ]), (told, frame))
        text = f"{'↑' if up else '↓'} {got.name}{'' if got.first else ' (again)'}{' lost' if lost else ''}"
        self.add("up" if up else "down", car, text, datagram=got, name=got.name, lost=lost, first=got.first)

    def _start(self, car, fields):
        self.add("start", car, f"starts ({fields['cause']})", cause=fields["cause"])

    def _power(self, car, _fields):
        self.add("power off", car, "power is lost")

    def _trouble(self, what):
        def told(self, car, _fields):
            self.add("trouble", car, what)

        return told

    def _modem(self, car, fields):
        self.add("modem", car, f"modem {fields['state']}", state=fields["state"])

    def _registration(self, car, fields):
        self.add("registration", car, f"registration {fields['state']}", state=fields["state"])

    def _headquarters(self, what, fields):
        car = self._by_kid.get(fields["kid"], "")
        if what == "stored":
            told = fields["report"]
            text = "stored: " + describe(told)
            self.add("stored", car, text, report=told, kind=kind_name(told), frame=fields["frame"])
        elif what == "command":
            kind = _COMMANDS.get(fields["kind"], fields["kind"])
            text = f"command {fields['number']}: {kind} {fields['body']}"
            self.add("command", car, text, number=fields["number"], kind=fields["kind"], body=fields["body"])
        elif what == "update":
            text = f"update: {STATES[fields['state']]} {fields['reason']}".rstrip()
            self.add("update", car, text, state=STATES[fields["state"]], reason=fields["reason"])
        elif what == "answered":
            text = f"command {fields['number']} answered: {fields['answer']}"
            self.add("answered", car, text, number=fields["number"], answer=fields["answer"])

    def _gateway(self, what, fields):
        details = fields.get("details") or {}
        car = self._by_kid.get(details.get("kid"), "")
        if what == "frame.stored":
            told, frame = self._told[car, details["boot"], details["seq"]]
            self.add(
                "stored", car, "stored: " + describe(told), report=told, kind=kind_name(told), frame=frame
            )
        elif what in ("gateway.killed", "gateway.ready", "gateway.stopped", "disk", "gateway.store lost"):
            self.add("fault", "", what.replace("gateway.", "gateway "), of=what)
        elif what in ("panic.acknowledged", "panic.cleared"):
            self.add("stage", car, what.replace("panic.", "alarm "), of=what.split(".")[1])
        elif what in ("refused", "gateway.trouble"):
            self.add(what, car, f"{what}: {details.get('reason', details)}", details=details)

    def _broker(self, what, fields):
        if what == "message":
            label = fields["topic"].rsplit("/", 1)[-1]
            self.add("published", "", f"broker: {label}", label=label, **fields)
        else:
            self.add("fault", "", f"broker {what}", of=f"broker {what}")


_CAR = {
    "key": Witness._key,
    "lamp": Witness._lamp,
    "sound": Witness._sound,
    "pin": Witness._pin,
    "air": Witness._air,
    "start": Witness._start,
    "power": Witness._power,
    "died": Witness._trouble(None, "its program has ended"),
    "watchdog": Witness._trouble(None, "the watchdog bites"),
    "modem": Witness._modem,
    "registration": Witness._registration,
}
_COMMANDS = {1: "task", 2: "message", 3: "receipt", 5: "update", 6: "renew"}
# What a terminal says of its update.
STATES = {1: "fetching", 2: "ready", 3: "trying", 4: "done", 5: "refused", 6: "fell back"}
_ORDERS = ("acknowledge", "clear", "message", "task", "renew")
_STATES = {1: "raised", 2: "cancelled", 3: "cleared", 4: "drill"}


def heard(pulses):
    """What an ear takes a group of pulses (milliseconds) for, or None. It counts, and tells short from
    long: a busy chip may hold a pulse a little longer."""
    for pattern, meaning in SOUNDS.items():
        if len(pattern) == len(pulses) and all(
            0.6 * shall <= is_ <= 1.4 * shall + 45 for is_, shall in zip(pulses, pattern, strict=True)
        ):
            return meaning
    return None


def describe(fields):
    """A report in a few words."""
    words = [f"{kind_name(fields)} {fields[report.BOOT]}/{fields[report.SEQ]}"]
    if fields[report.KIND] == report.KIND_STATUS:
        words.append(f"code {fields[report.STATUS]}")
    if fields[report.KIND] == report.KIND_EVENT:
        words.append(f"count {fields[report.EVENT][report.EVENT_COUNT]}")
    if fields[report.KIND] == report.KIND_TASK:
        words.append(f"task {fields[report.TASK][0]} answer {fields[report.TASK][1]}")
    if report.PANIC in fields:
        words.append(f"alarm {fields[report.PANIC][0]} {_STATES.get(fields[report.PANIC][1])}")
    return " ".join(words)


def _words(what, fields):
    rest = " ".join(f"{name} {value}" for name, value in fields.items() if name != "car")
    return f"{what} {rest}".strip()
