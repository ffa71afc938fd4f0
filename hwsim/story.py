"""What happened in a run, told by four witnesses on one clock: the cars (keys and lamps), the air, the
gateway's log, and the operator's program. Times are milliseconds since the kernel's zero.
"""

from protocol.report import KIND_PANIC, PANIC_CANCELLED, PANIC_CLEARED

STAGES = ("raised", "sent", "stored", "relayed", "acknowledged", "shown")
# A lamp's state begins where its pattern began; the gateway's clock is read in another process. So much may
# the two differ without anything being wrong.
CLOCK_SLACK_MS = 2.0


class FrameTale:
    """One frame's way. A time is None while it has not got there."""

    __slots__ = ("name", "kind", "panic", "sent_ms", "stored_ms", "relayed_ms", "received_ms")

    def __init__(self, name):
        self.name = name  # (kid hex, boot, seq)
        self.kind = self.panic = None
        self.sent_ms = self.stored_ms = self.relayed_ms = self.received_ms = None


class Alarm:
    """One press of the panic key, and when each stage was reached."""

    def __init__(self, car, pressed_ms, raised_ms):
        self.car = car
        self.panic = None  # its id, once heard on the air
        self.pressed_ms = pressed_ms
        self.at_ms = {"raised": raised_ms}

    def reach(self, stage, at_ms):
        self.at_ms.setdefault(stage, at_ms)

    @property
    def stage(self):
        """The furthest stage reached."""
        reached = [stage for stage in (*STAGES, "cleared") if stage in self.at_ms]
        return reached[-1]

    def as_json(self):
        """The form of demo.json: milliseconds since the alarm was raised, null for what has not happened."""
        raised = self.at_ms["raised"]
        row = {
            "terminal": self.car.name,
            "kid": self.car.kid,
            "panic": self.panic,
            "pressed_ms": round(self.pressed_ms - raised, 1),
        }
        for stage in STAGES:
            at = self.at_ms.get(stage)
            row[stage + "_ms"] = None if at is None else 0 if stage == "raised" else round(at - raised, 1)
        return row


class CarTale:
    """What is known of one terminal. `lamps` holds (lamp, state, began_ms) as an eye took them."""

    def __init__(self, name, kid, hold_ms):
        self.name = name
        self.kid = kid
        self.hold_ms = hold_ms
        self.alarms = []
        self.lamps = []
        self.red = "off"
        self.green = "dark"
        self.sounds = []
        self.starts = 0
        self.trouble = []  # what a terminal never should: died, watchdog
        self.stored_order = []
        self.down_ms = None


class Story:
    """Subscribes to the kernel and keeps the books. `add_car` before a terminal is switched on."""

    def __init__(self, kernel):
        self.kernel = kernel
        self.cars = {}  # terminal name -> CarTale
        self.frames = {}  # (kid, boot, seq) -> FrameTale
        self.journal = None  # the gateway's own, once read: {name: (relayed, frame)} in its order
        self.commands = []  # (what, kid, panic, at_ms): what the operator sent
        self.gateway = {}  # event name -> how often
        self.refusals = []
        self.started_ms = None
        self._by_kid = {}
        self._leave = kernel.subscribe(self._event)

    def close(self):
        self._leave()

    def add_car(self, name, kid, hold_ms=600):
        car = CarTale(name, kid, hold_ms)
        self.cars[name] = self._by_kid[kid] = car
        return car

    @property
    def alarms(self):
        return sorted(
            (alarm for car in self.cars.values() for alarm in car.alarms), key=lambda a: a.pressed_ms
        )

    def frame(self, kid, boot, seq):
        name = (kid, boot, seq)
        if name not in self.frames:
            self.frames[name] = FrameTale(name)
        return self.frames[name]

    def created(self):
        """How many frames the terminals have made, by their names: highest seq + 1 of each boot."""
        highest = {}
        for kid, boot, seq in self.frames:
            highest[kid, boot] = max(seq, highest.get((kid, boot), -1))
        return sum(seq + 1 for seq in highest.values())

    def reached(self, stage):
        """The names of the frames that are stored, relayed, or received by the operator. What the gateway's
        log
        said counts until its journal has been read: a killed process may leave its last line unwritten."""
        if self.journal is not None and stage in ("stored", "relayed"):
            return {name for name, (relayed, _) in self.journal.items() if relayed or stage == "stored"}
        return {name for name, tale in self.frames.items() if getattr(tale, stage + "_ms") is not None}

    def count(self, stage):
        return len(self.reached(stage))

    def take_journal(self, rows):
        """What `python -m gateway journal --json` says."""
        self.journal = {}
        for row in rows:
            name = (row["kid"], row["boot"], row["seq"])
            self.frame(*name)
            self.journal[name] = (row["relayed"] is not None, bytes.fromhex(row["frame"]))

    def _event(self, event):
        at_ms = event.t_us / 1000
        if event.source == "gateway":
            self._from_gateway(event)
        elif event.source == "operator":
            self._from_operator(event, at_ms)
        elif event.source in self.cars:
            handler = _CAR_EVENTS.get(event.what)
            if handler is not None:
                handler(self, self.cars[event.source], event.fields, at_ms)

    # A car.

    def _key(self, car, fields, at_ms):
        if fields["key"] != "panic":
            return
        if fields["down"]:
            car.down_ms = at_ms
            self.kernel.after(car.hold_ms * 1000, self._held, car, at_ms)
        else:
            car.down_ms = None

    def _held(self, car, down_ms):
        if car.down_ms == down_ms:  # not let go in between
            car.alarms.append(Alarm(car, down_ms, self.kernel.now_us / 1000))

    def _sent(self, car, fields, at_ms):
        tale = self.frame(car.kid, fields["boot"], fields["seq"])
        tale.kind, tale.panic = fields["kind"], fields["panic"]
        if tale.sent_ms is None:
            tale.sent_ms = at_ms
        if fields["kind"] == KIND_PANIC and fields["state"] not in (PANIC_CANCELLED, PANIC_CLEARED):
            alarm = self._alarm(car, fields["panic"])
            if alarm is not None:
                alarm.reach("sent", at_ms)

    def _alarm(self, car, panic):
        """The alarm of that id; a new id belongs to the oldest press that has none yet."""
        for alarm in car.alarms:
            if alarm.panic == panic:
                return alarm
        for alarm in car.alarms:
            if alarm.panic is None:
                alarm.panic = panic
                return alarm
        return None

    def _lamp(self, car, fields, _at_ms):
        began_ms = fields["began_us"] / 1000
        car.lamps.append((fields["lamp"], fields["state"], began_ms))
        setattr(car, fields["lamp"], fields["state"])
        if fields["lamp"] == "red" and fields["state"] == "acknowledged":
            # The lamp speaks for all open alarms: it shows the least advanced one.
            for alarm in car.alarms:
                if alarm.at_ms["raised"] <= began_ms:
                    alarm.reach("shown", began_ms)

    def _sound(self, car, fields, at_ms):
        car.sounds.append((fields["pin"], fields["meaning"], at_ms))
        if fields["meaning"] == "acknowledged, covert" and car.alarms:
            car.alarms[-1].reach("shown", at_ms)

    def _start(self, car, _fields, _at_ms):
        car.starts += 1

    def _trouble(self, car, fields, at_ms):
        car.trouble.append((at_ms, fields.get("reason", "watchdog")))

    # Headquarters.

    def _from_gateway(self, event):
        self.gateway[event.what] = self.gateway.get(event.what, 0) + 1
        if "at_ms" not in event.fields:
            return
        at_ms, details = event.fields["at_ms"], event.fields["details"]
        if event.what in ("frame.stored", "frame.relayed"):
            stage = event.what.split(".")[1]
            tale = self.frame(details["kid"], details["boot"], details["seq"])
            if getattr(tale, stage + "_ms") is None:
                setattr(tale, stage + "_ms", at_ms)
                if stage == "stored" and details["kid"] in self._by_kid:
                    self._by_kid[details["kid"]].stored_order.append(tale.name)
            self._panic_stage(details, stage, at_ms)
        elif event.what in ("panic.acknowledged", "panic.cleared"):
            self._panic_stage(details, event.what.split(".")[1], at_ms)
        elif event.what == "refused":
            self.refusals.append((at_ms, details.get("reason"), details.get("code")))

    def _panic_stage(self, details, stage, at_ms):
        car = self._by_kid.get(details.get("kid"))
        if car is None or details.get("panic") is None:
            return
        for alarm in car.alarms:
            if alarm.panic == details["panic"]:
                alarm.reach(stage, at_ms)

    # The operator.

    def _from_operator(self, event, at_ms):
        if event.what == "frame":
            fields = event.fields
            tale = self.frame(fields["kid"], fields["boot"], fields["seq"])
            if tale.received_ms is None:
                tale.received_ms = fields["at_ms"]
        elif event.what in ("acknowledge", "clear"):
            self.commands.append((event.what, event.fields["kid"], event.fields["panic"], at_ms))


_CAR_EVENTS = {
    "key": Story._key,
    "frame.sent": Story._sent,
    "lamp": Story._lamp,
    "sound": Story._sound,
    "start": Story._start,
    "died": Story._trouble,
    "watchdog": Story._trouble,
}
