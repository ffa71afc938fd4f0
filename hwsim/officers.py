"""Officers at work: they drive and park, report their status, count what they see, and raise alarms. Each car
has its own dice, and what its officers do does not depend on whether anything works.

A car's day has two shifts of eight hours, one after the other, and eight hours without officers: parked, off
duty, switched on. It begins somewhere on duty, with two hours left at least."""

from hwsim.fleet import HOLD_MS

_DUTY_S, _OFF_S = 16 * 3600, 8 * 3600
_LEFT_S = (2 * 3600, _DUTY_S)  # of the duty, when the run begins
_CHANGE_S = (60, 900)  # between the two crews the car stands
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
# What they do with it: a day's work, or one thing all the time: driving, standing on duty, parked for the
# night by a crew that has gone off duty.
PATROL, DRIVE, WAIT, PARK = LIVES = ("patrol", "drive", "wait", "park")
_SERVED_S = 60  # a key pressed after that is on a terminal that works


class Officers:
    """Of one car. `start()` switches it on; `stop()`: they go home, the car is parked and stays on."""

    def __init__(self, car, panic_s=_PANIC_S, life=PATROL):
        self.car = car
        self._life = life
        self.kernel = car.kernel
        self._panic_s = panic_s
        self._rng = car.kernel.rng("officers/" + car.name)
        self._hours = car.kernel.rng("shifts/" + car.name)
        self._driving = True
        self._timers = []

    def start(self):
        self.car.start()
        if self._life in (WAIT, PARK):
            self.car.park()
            self._after(_SERVED_S, self._tap, "off_duty" if self._life == PARK else "available")
        if self._life != PATROL:
            return
        self._work(self._hours.uniform(*_LEFT_S))

    def _work(self, left_s):
        """On duty for so long; half a duty before its end the second crew takes over."""
        self._driving = True
        self._after(left_s, self._go_home)
        if left_s > _DUTY_S / 2:
            self._after(left_s - _DUTY_S / 2, self._change)
        self._after(self._rng.uniform(*_DRIVE_S), self._drive_or_park)
        for every_s, act in (
            (_STATUS_S, self._status),
            (_EVENT_S, self._events),
            (self._panic_s, self._panic),
            (_ACCEPT_S, self._accept),
        ):
            self._again(every_s, act)

    def stop(self):
        for timer in self._timers:
            timer.cancel()
        self._timers = []
        self.car.park()

    def _go_home(self):
        """Nobody is in the car until the next duty; the terminal stays on."""
        self.stop()
        self._tap("off_duty")
        self._after(_OFF_S, self._come)

    def _come(self):
        self._tap("available")
        self.car.drive()
        self._work(_DUTY_S)

    def _change(self):
        """One crew says good-bye, the other begins a little later."""
        self._tap("off_duty")
        if self._driving:
            self.car.park()
        self._after(self._hours.uniform(*_CHANGE_S), self._take_over)

    def _take_over(self):
        self._tap("available")
        if self._driving:
            self.car.drive()

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


class DutyOfficer:
    """The operations centre of a House: acknowledges and closes alarms, sends tasks and messages, asks for
    new keys. What the broker lost on the way is said again when the gateway tells of the alarm again."""

    _TASK_S, _MESSAGE_S, _RENEW_S = 3600, 7200, 14_400
    _ACKNOWLEDGE_S, _CLEAR_S = (2, 60), (20, 900)
    _PATIENCE_S = 120  # until an order that had no effect is given again

    def __init__(self, house):
        self.kernel = house.kernel
        self.centre = house.centre
        self.cars = house.cars
        self._rng = house.kernel.rng("duty officer")
        self._ordered = {}  # (order, kid, panic) -> when it is to be given again
        self._tasks = 0
        self._timers = {}
        self._leave = house.kernel.subscribe(self._event)

    def start(self):
        for car in self.cars:
            for order, every_s in (
                ("task", self._TASK_S),
                ("message", self._MESSAGE_S),
                ("renew", self._RENEW_S),
            ):
                self._plan(order, car.kid, every_s)

    def stop(self):
        """No more tasks; alarms are answered for ever."""
        for timer in self._timers.values():
            timer.cancel()

    def _plan(self, order, kid, every_s):
        after_us = round(self._rng.expovariate(1 / every_s) * 1e6)
        self._timers[order, kid] = self.kernel.after(after_us, self._turn, order, kid, every_s)

    def _turn(self, order, kid, every_s):
        if kid in self.centre.places:  # it was heard of
            if order == "task":
                self._tasks += 1
                lon, lat = self.centre.places[kid]
                self.centre.task(kid, self._tasks, "Accident with injured persons", lat + 0.01, lon + 0.01)
            elif order == "message":
                self.centre.message(kid, "Check the parking area at kilometre 82")
            else:
                self.centre.renew(kid)
        self._plan(order, kid, every_s)

    def _event(self, event):
        if event.source != "operator" or event.what != "alarm":
            return
        fields = event.fields
        if fields["state"] not in ("raised", "drill"):
            return
        if fields["stage"] in ("stored", "accepted"):
            self._order("acknowledge", self._ACKNOWLEDGE_S, fields)
        elif fields["stage"] in ("acknowledged", "shown"):
            self._order("clear", self._CLEAR_S, fields)

    def _order(self, order, after_s, fields):
        key = (order, fields["kid"], fields["panic"])
        if self.kernel.now_us < self._ordered.get(key, 0):
            return
        delay_s = self._rng.uniform(*after_s)
        self._ordered[key] = self.kernel.now_us + round((delay_s + self._PATIENCE_S) * 1e6)
        call = getattr(self.centre, order)
        self.kernel.after(round(delay_s * 1e6), call, fields["kid"], fields["panic"])
