"""KEY: contacts of a panel, as fingers, dirt and vibration move them."""

from hwsim.conformance.case import case
from hwsim.conformance.signs import panic, pin, sound, stored, up
from protocol import report

STATUSES = ("available", "on_the_way", "on_scene", "busy", "off_duty")


@case("KEY-01", "officer.keys", against="KEY-02")
def one_press(s):
    """One press of a key: one beep within 100 ms and one report.

    The contact bounces for up to 5 ms on every press and release."""
    s.working()
    s.press("available")
    s.expect(pin("buzzer"), 0.1)
    s.expect(sound("key taken"), 0.1)
    s.expect(stored("status"), 2)
    s.wait(3)
    s.count(stored("status"), 1)
    s.count(sound("key taken"), 1)


@case("KEY-02", "officer.keys", against="KEY-01")
def sparks(s):
    """Contacts too short for a finger are no press: no beep, no report."""
    s.working()
    s.spark("available")
    s.wait(0.5)
    s.spark("available", times=12, us=900)
    s.never(up("status"), 4, s.began_us)
    s.never(sound(), since=s.began_us)


@case("KEY-03", "officer.keys", against="KEY-04")
def dirty_contact(s):
    """A dirty contact that breaks for a moment while it is held is one press."""
    s.working()
    s.key_down("busy")
    for _ in range(6):
        s.wait(0.05)
        s.car.terminal.pin_in("busy", 1)
        s.kernel.run_for(0.002)
        s.car.terminal.pin_in("busy", 0)
    s.wait(0.1)
    s.key_up("busy")
    s.wait(3)
    s.count(stored("status"), 1)


@case("KEY-04", "officer.keys", against="KEY-03")
def two_presses(s):
    """Two presses a third of a second apart are two reports."""
    s.working()
    s.tap("busy", 2, every_ms=330)
    s.wait(3)
    s.count(stored("status"), 2)


@case("KEY-05", "officer.keys", against="KEY-02")
def two_keys(s):
    """Two keys at the same moment both count."""
    s.working()
    s.press("available")
    s.press("accept")
    s.press("event")
    s.expect(stored("status"), 2)
    s.expect(stored("event"), 4)


@case("KEY-06", "officer.panic", against="KEY-07")
def panic_with_another(s):
    """PANIC counts while another key is held down."""
    s.working()
    s.key_down("busy")
    s.wait(1)
    s.expect(panic(), 1.5, s.hold_panic())


@case("KEY-07", "officer.keys", against="KEY-06")
def release_is_nothing(s):
    """A key that is let go after a long hold says nothing more."""
    s.working()
    s.key_down("busy")
    s.expect(stored("status"), 2)
    s.wait(10)
    s.key_up("busy")
    s.wait(4)
    s.count(stored("status"), 1)
    s.count(sound("key taken"), 1)


@case("KEY-08", "officer.keys", "frame.health", "settings.officer", against="KEY-09", settings={"stuck_s": 8})
def stuck(s):
    """A key held for longer than the settings allow is reported as stuck; the others go on working."""
    s.working()
    s.wait(12)
    s.key_down("on_scene")
    s.expect(stored("health", "with that key's bit", _stuck(1 << 3)), 25)
    s.press("busy")
    s.expect(stored("status", "busy", lambda r: r[report.STATUS] == 4), 3)
    s.expect(panic(), 1.5, s.hold_panic())


@case("KEY-09", "frame.health", "settings.officer", against="KEY-08", settings={"stuck_s": 30})
def not_stuck(s):
    """A key held for less than that is not."""
    s.working()
    s.wait(12)
    s.key_down("on_scene")
    s.wait(12)
    s.key_up("on_scene")
    s.wait(15)
    s.never(stored("health", "with a stuck key", lambda r: _mask(r) != 0), since=s.began_us)


@case("KEY-10", "frame.health", against="KEY-08", settings={"stuck_s": 8})
def freed(s):
    """A key that comes free again is reported as free, and works again."""
    s.working()
    s.wait(12)
    s.key_down("on_scene")
    s.expect(stored("health", "with that key's bit", _stuck(1 << 3)), 25)
    s.wait(12)
    s.key_up("on_scene")
    s.expect(stored("health", "without a stuck key", _stuck(0)), 15)
    before = len(s.reports("status"))
    s.press("on_scene")
    s.expect(stored("status"), 2)
    s.equal(len(s.reports("status")), before + 1, "reports of the key")


@case("KEY-11", "officer.panic", "officer.keys", against="KEY-12", settings={"stuck_s": 8})
def jammed_panic(s):
    """A PANIC key that jams has raised one alarm, not more, and is reported."""
    s.working()
    s.wait(12)
    s.key_down("panic")
    s.expect(stored("health", "with PANIC's bit", _stuck(1)), 25)
    s.wait(10)
    s.count(panic(), 1)


@case("KEY-12", "officer.panic", against="KEY-11", settings={"stuck_s": 8})
def panic_after_jam(s):
    """When it comes free, PANIC raises the next alarm as before."""
    s.working()
    s.key_down("panic")
    first = s.alarm(2)
    s.wait(12)
    s.key_up("panic")
    s.wait(1)
    second = s.alarm(2, s.hold_panic())
    s.check(first != second, "another alarm")


@case("KEY-13", "officer.panic", "power", against="KEY-14")
def held_at_start(s):
    """PANIC held while the terminal is being switched on raises an alarm once it runs."""
    s.car.panel.down("panic")
    s.switch_on()
    s.expect(pin("red"), 4)
    s.kernel.after(3_000_000, s.car.panel.up, "panic")
    s.expect(panic(), 60)
    s.count(panic(), 1)


@case("KEY-14", "officer.panic", against="KEY-13")
def quiet_at_start(s):
    """A start with no key held raises nothing, whatever the pins do while the chip wakes up."""
    s.working()
    s.never(panic(), 5, since=0)
    s.never(pin("red"), since=0)
    s.never(stored("status"), since=0)


def _mask(fields):
    return fields.get(report.HEALTH, {}).get(report.HEALTH_STUCK, 0)


def _stuck(mask):
    return lambda fields: _mask(fields) == mask
