"""LAMP: what an officer sees, hears and feels."""

from hwsim.conformance.case import case
from hwsim.conformance.signs import lamp, panic, pin, sound, stored

SLOW = {"rtt_ms": 1600, "jitter_ms": 0}


@case("LAMP-01", "officer.green", against="LAMP-02")
def link_and_fix(s):
    """Link and position: the green lamp is steady."""
    s.working()
    s.expect(lamp("green", "link+fix"), 15, since=0)
    s.never(lamp("green"), 10)


@case("LAMP-02", "officer.green", against="LAMP-01")
def link_only(s):
    """No position: the green lamp goes dark for a moment every two seconds."""
    s.working()
    s.sky(False)
    s.expect(lamp("green", "link"), 12)
    s.sky(True)
    s.expect(lamp("green", "link+fix"), 5)


@case("LAMP-03", "officer.green", against="LAMP-04", settings={"keepalive_s": 15})
def fix_only(s):
    """No answer from headquarters for two and a half keep-alives: one short flash every two seconds."""
    s.working()
    s.outage(True)
    s.expect(lamp("green", "fix"), 45)
    s.outage(False)
    s.expect(lamp("green", "link+fix"), 70)


@case("LAMP-04", "officer.green", against="LAMP-03", settings={"keepalive_s": 15})
def still_linked(s):
    """An outage shorter than that does not change it."""
    s.working()
    s.expect(lamp("green", "link+fix"), 15, since=0)
    s.outage(True)
    s.wait(12)
    s.outage(False)
    s.never(lamp("green"), 20, s.began_us)


@case("LAMP-05", "officer.green", against="LAMP-01")
def neither(s):
    """Neither link nor position: two short flashes every two seconds."""
    s.car.gnss.signal = False
    s.car.modem.set_coverage(False)
    s.switch_on()
    s.expect(lamp("green", "neither"), 12)
    s.never(lamp("green", "link", "fix", "link+fix"), 30, since=0)


@case("LAMP-06", "officer.green", against="LAMP-02")
def bridge(s):
    """A position that is missing for three seconds, under a bridge, is not shown as lost."""
    s.working()
    s.expect(lamp("green", "link+fix"), 15, since=0)
    s.sky(False)
    s.wait(3)
    s.sky(True)
    s.never(lamp("green"), 10, s.began_us)


@case("LAMP-07", "officer.fault", "settings", against="LAMP-08", slip={"moving_s": 1})
def fault(s):
    """A mistake in the settings: red and green blink in turn; reports and alarms go on.

    moving_s may be 2 to 3600; this terminal was given 1."""
    s.working()
    s.expect(lamp("red", "fault"), 15, since=0)
    s.press("available")
    s.expect(stored("status"), 2)
    both = sum(
        _lit(s, "red", at) and _lit(s, "green", at) for at in range(s.began_us, s.kernel.now_us, 10_000)
    )
    s.equal(both, 0, "moments when both lamps are lit")
    held = s.hold_panic()
    s.expect(panic(), 2, held)


@case("LAMP-08", "officer.fault", against="LAMP-07")
def no_fault(s):
    """Right settings: no such blinking."""
    s.working()
    s.never(lamp("red", "fault"), 10, since=0)
    s.never(lamp("green", "fault"), since=0)


@case("LAMP-09", "officer.red", "panic.stages", against="LAMP-10", weather=SLOW)
def stages(s):
    """Sending, received, acknowledged, off: each is told apart by lamp and buzzer, in this order and no
    other."""
    s.working()
    held = s.hold_panic()
    id = s.alarm(5, held)
    s.wait(6)
    s.acknowledge(id)
    s.wait(6)
    s.clear(id)
    s.wait(6)
    shown = [seen.state for seen in s.find(lamp("red"), held)]
    s.equal(shown, ["sending", "received", "acknowledged", "off"], "states of the red lamp")
    heard = [seen.meaning for seen in s.find(sound(pin="buzzer"), s.began_us)]
    s.equal(heard, ["key taken", "received", "acknowledged"], "sounds")


@case("LAMP-10", "officer.red", against="LAMP-09")
def two_alarms(s):
    """With two alarms open the lamp shows the one that is less far."""
    s.working()
    first = s.alarm(3, s.hold_panic())
    s.wait(3)
    s.acknowledge(first)
    s.expect(lamp("red", "acknowledged"), 2)
    second = s.alarm(3, s.hold_panic())
    s.expect(lamp("red", "received"), 3)
    s.never(lamp("red", "acknowledged"), 5)
    s.acknowledge(second)
    s.expect(lamp("red", "acknowledged"), 2)


@case("LAMP-11", "panic.stages", against="LAMP-09")
def dark_between(s):
    """A lit lamp goes dark before it shows the next stage: nobody takes light that was there before for the
    answer."""
    s.working()
    id = s.alarm(3, s.hold_panic())
    s.expect(lamp("red", "received"), 3)
    # At any phase of the slow blink.
    for _ in range(3):
        s.kernel.run_until(lambda: s.car.terminal.level("red"), 2)
    s.wait(0.02)
    command_us = s.kernel.now_us
    s.acknowledge(id)
    steady = s.expect(lamp("red", "acknowledged"), 2)
    dark = s.find(pin("red", 0), command_us, steady.at_us)
    s.check(bool(dark), "it was dark in between")


@case("LAMP-12", "panic.covert", against="LAMP-13", settings={"covert": True})
def covert(s):
    """Covert: no red light and no sound from the hold to the end; one short vibration when a person has
    seen it."""
    s.working()
    held = s.hold_panic()
    id = s.alarm(3, held)
    s.wait(4)
    s.acknowledge(id)
    s.expect(sound("acknowledged, covert", "vibrator"), 2)
    s.wait(4)
    s.clear(id)
    s.wait(4)
    s.never(pin("red"), since=s.began_us)
    s.never(pin("buzzer"), since=s.began_us)
    s.count(sound(pin="vibrator"), 1)


@case("LAMP-13", "panic.covert", against="LAMP-12")
def open_mode(s):
    """Not covert: light and sound, and no vibration."""
    s.working()
    id = s.alarm(3, s.hold_panic())
    s.wait(3)
    s.acknowledge(id)
    s.expect(sound("acknowledged", "buzzer"), 2)
    s.never(pin("vibrator"), 5, since=s.began_us)


@case("LAMP-14", "panic.stages", "power", against="LAMP-09")
def dark_without_power(s):
    """Without power every lamp is dark; nothing is shown of an alarm before the terminal knows of it
    again."""
    s.working()
    s.alarm(3, s.hold_panic())
    s.wait(3)
    s.cut_power()
    s.wait(1)
    s.check(not s.car.terminal.level("red") and not s.car.terminal.level("green"), "both lamps are dark")
    s.never(pin("red"), 5)


def _lit(s, name, at_us):
    """The level of a wire at a moment that is past."""
    level = 0
    for when, car, wire, to in s.witness.levels:
        if when > at_us:
            break
        if car == s.car.name and wire == name:
            level = to
    return level
