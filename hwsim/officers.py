"""Officers at work: they drive and park, report their status, count what they see, and raise alarms. Each car
has its own dice, and what its officers do does not depend on whether anything works."""

from hwsim.fleet import HOLD_MS

_DRIVE_S = (300, 3600)
_PARK_S = (120, 5400)
_STATUS_S = 700  # between two statuses, on average
_EVENT_S = 2700
_PANIC_S = 2400
_ACCEPT_S = 1800
_STATUSES = ("available", "on_the_way", "on_scene", "busy", "off_duty")
_TAP_MS = (70, 250)
_HELD_MS = (HOLD_MS + 100, 2500)
_LET_GO_MS = (60, HOLD_MS - 150)  # too early, and no alarm


class Officers:
    """Of one car. `start()` switches it on; `stop()`: they go home, the car is parked and stays on."""

    def __init__(self, car, panic_s=_PANIC_S):
        self.car = car
        self.kernel = car.kernel
        self._panic_s = panic_s
        self._rng = car.kernel.rng("officers/" + car.name)
        self._driving = True
        self._timers = []

    def start(self):
        self.car.start()
        self._after(self._rng.uniform(*_DRIVE_S), self._drive_or_park)
        for every_s, act in (
            (_STATUS_S, self._status),
            (_EVENT_S, self._events),
            (_PANIC_S if self._panic_s is None else self._panic_s, self._panic),
            (_ACCEPT_S, self._accept),
        ):
            self._again(every_s, act)

    def stop(self):
        for timer in self._timers:
            timer.cancel()
        self._timers = []
        self.car.park()

    def _after(self, seconds, call, *args):
        self._timers = [timer for timer in self._timers if timer.active]
        self._timers.append(self.kernel.after(round(seconds * 1e6), call, *args))

    def _again(self, every_s, act):
        self._after(self._rng.expovariate(1 / every_s), self._turn, every_s, act)

    def _turn(self, every_s, act):
        act()
        self._again(every_s, act)

    def _drive_or_park(self):
        self._driving = not self._driving
        (self.car.drive if self._driving else self.car.park)()
        self._after(self._rng.uniform(*(_DRIVE_S if self._driving else _PARK_S)), self._drive_or_park)

    def _tap(self, key):
        self.car.panel.press(key, self._rng.uniform(*_TAP_MS))

    def _status(self):
        self._tap(self._rng.choice(_STATUSES))

    def _accept(self):
        self._tap("accept")

    def _events(self):
        at_s = 0.0
        for _ in range(self._rng.randint(1, 9)):
            self._after(at_s, self._tap, "event")
            at_s += self._rng.uniform(0.35, 0.9)

    def _panic(self):
        """Mostly once; now and then let go too early, or pressed again in fear."""
        rng, panel = self._rng, self.car.panel
        if rng.random() < 0.15:
            panel.press("panic", rng.uniform(*_LET_GO_MS))
            return
        held_ms = rng.uniform(*_HELD_MS)
        panel.press("panic", held_ms)
        if rng.random() < 0.2:
            self._after(held_ms / 1000 + rng.uniform(0.2, 5), self._again_in_fear)

    def _again_in_fear(self):
        self.car.panel.press("panic", self._rng.uniform(*_HELD_MS))


class DeskOfficer:
    """The operations centre of a Rig: acknowledges and closes alarms, sends tasks and messages, asks for new
    keys. A House has its own."""

    _TASK_S, _MESSAGE_S, _RENEW_S = 3600, 7200, 14_400
    _TASK, _MESSAGE, _RECEIPT = 1, 2, 3
    _ACKNOWLEDGED, _CLEARED = 5, 7

    def __init__(self, rig):
        self.desk = rig.desk
        self.kernel = rig.kernel
        self.cars = rig.cars
        self._rng = rig.kernel.rng("duty officer")
        self._seen = set()
        self._tasks = 0
        self._timers = {}
        self._by_name = {car.name: bytes.fromhex(car.kid) for car in rig.cars}
        self._leave = rig.kernel.subscribe(self._event)

    def start(self):
        for car in self.cars:
            kid = bytes.fromhex(car.kid)
            for name, every_s in (
                ("task", self._TASK_S),
                ("message", self._MESSAGE_S),
                ("renew", self._RENEW_S),
            ):
                self._plan(name, kid, every_s)

    def stop(self):
        """No more tasks; alarms are answered for ever."""
        for timer in self._timers.values():
            timer.cancel()

    def _plan(self, name, kid, every_s):
        after_us = round(self._rng.expovariate(1 / every_s) * 1e6)
        self._timers[name, kid] = self.kernel.after(after_us, self._turn, name, kid, every_s)

    def _turn(self, name, kid, every_s):
        if name == "task":
            self._tasks += 1
            place = {2: 450_000_000, 3: 195_000_000} if self._rng.random() < 0.7 else {}
            self.desk.command(kid, self._TASK, {0: self._tasks, 1: "Accident", **place})
        elif name == "message":
            self.desk.command(kid, self._MESSAGE, {1: "Check the parking area"})
        else:
            self.desk.renew(kid)
        self._plan(name, kid, every_s)

    def _event(self, event):
        if event.what != "frame.sent" or event.fields["panic"] is None:
            return
        key = (self._by_name[event.source], event.fields["panic"])
        if key not in self._seen:
            self._seen.add(key)
            self._later(self._rng.uniform(2, 60), self._acknowledge, key)

    def _later(self, seconds, call, *args):
        self.kernel.after(round(seconds * 1e6), call, *args)

    def _acknowledge(self, key):
        if not any(
            name[0] == key[0] and self._panic(fields) == key[1] for name, fields in self.desk.frames.items()
        ):
            self._later(5, self._acknowledge, key)  # it was heard on the air, and has not arrived yet
            return
        self._say("acknowledge", key, self._ACKNOWLEDGED)
        self._later(self._rng.uniform(20, 900), self._say, "clear", key, self._CLEARED)

    def _say(self, what, key, stage):
        kid, panic = key
        self.kernel.emit("operator", what, kid=kid.hex(), panic=panic)
        self.desk.command(kid, self._RECEIPT, {0: panic, 1: stage})

    @staticmethod
    def _panic(fields):
        return fields.get(6, {}).get(0)
