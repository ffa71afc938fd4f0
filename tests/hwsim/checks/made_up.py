"""Recordings that nobody recorded: a car that did everything right, for tests that change one thing."""

import hashlib

from hwsim.checks import judge, signed
from hwsim.checks.recording import (
    ACKNOWLEDGED,
    CLEARED,
    STORED,
    Car,
    Fact,
    Life,
    Light,
    Press,
    Receipt,
    Recording,
    Row,
    Told,
    Wear,
)

S = 1_000_000
KID = "00112233445566aa"
PANIC = 1 * 65536 + 1


def frame(seq, kind=signed.POSITION, boot=1, **fields):
    """`status=1`, `event=(code, count)`, `panic=id`."""
    report = {signed.BOOT: boot, signed.SEQ: seq, signed.KIND: kind}
    if "status" in fields:
        kind = signed.STATUS_KIND
        report[signed.STATUS] = fields["status"]
    if "event" in fields:
        kind = signed.EVENT_KIND
        report[signed.EVENT] = dict(enumerate(fields["event"]))
    if "panic" in fields:
        kind = signed.PANIC_KIND
        report[signed.PANIC] = {0: fields["panic"], 1: signed.RAISED, 2: 1}
    digest = hashlib.sha256(repr(sorted(report.items())).encode()).digest()
    return signed.Frame((KID, boot, seq), kind, report, digest, b"", b"", b"")


class Story:
    """A car that started at 0 and served its keys from 3 s on. Everything is stored, confirmed and relayed as
    it should be; `recording` is there to be spoilt."""

    def __init__(self, now_s=300, **settings):
        self.recording = Recording(now_us=now_s * S, has_broker=True, kept=set())
        self.car = Car("sm-21", KID, settings)
        self.car.lives.append(Life(0, ready_us=3 * S))
        self.car.wear = Wear(programs=20, erases=5)
        self.recording.cars["sm-21"] = self.car
        self.seq = 0

    def press(self, key, at_s, held_s=0.12):
        press = Press(key, round(at_s * S), round((at_s + held_s) * S))
        self.car.presses.append(press)
        return press

    def report(self, at_s, boot=1, **fields):
        """A frame that goes the whole way."""
        made = frame(self.seq, boot=boot, **fields)
        self.seq += 1
        at_us = round(at_s * S)
        self.car.frames[made.name] = (at_us, made)
        self.store(made, at_us + 30_000)
        return made

    def store(self, made, at_us):
        number = len(self.recording.rows) + 1
        self.recording.rows[made.name] = Row(number, made.name, made.digest, made.kind, None, at_us)
        self.recording.kept.add(made.name)
        self.recording.told.append(Told(at_us + 5000, "frame", made.name, made.digest))
        self.car.receipts.append(Receipt(at_us + 1000, (made.name,)))

    def status(self, key, code, at_s):
        self.press(key, at_s)
        return self.report(at_s + 0.3, status=code)

    def alarm(self, at_s, panic=PANIC, upto=CLEARED):
        """Held at `at_s`; received 1 s after the hold, acknowledged 10 s, cleared 20 s after it."""
        self.press("panic", at_s, 0.9)
        raised_s = at_s + 0.6
        self.report(raised_s + 0.2, panic=panic)
        self.fact(STORED, raised_s + 1, panic)
        self.light(raised_s, raised_s + 1.05, 0.1)
        self.sound(raised_s + 1.05, 0.1, 0.1)
        end_s = self.recording.now_us / S if upto < ACKNOWLEDGED else raised_s + 10.1
        self.light(raised_s + 1.15, end_s, 0.5)
        if upto >= ACKNOWLEDGED:
            self.act("acknowledge", raised_s + 9.9, panic)
            self.fact(ACKNOWLEDGED, raised_s + 10, panic)
            self.sound(raised_s + 10.2, 0.6)
            end_s = self.recording.now_us / S if upto < CLEARED else raised_s + 20.1
            self.car.lights.append(Light(round((raised_s + 10.2) * S), round(end_s * S)))
        if upto >= CLEARED:
            self.act("clear", raised_s + 19.9, panic)
            self.fact(CLEARED, raised_s + 20, panic)

    def fact(self, stage, at_s, panic=PANIC, arrived=True):
        self.car.facts.append(Fact(round(at_s * S), panic, stage, arrived))

    def act(self, what, at_s, panic=PANIC):
        self.recording.centre.append((round(at_s * S), what, KID, panic))

    def light(self, from_s, to_s, half_s):
        """Blinking, as long lit as dark."""
        at_s = from_s
        while at_s < to_s:
            self.car.lights.append(Light(round(at_s * S), round(min(at_s + half_s, to_s) * S)))
            at_s += 2 * half_s

    def sound(self, at_s, *pulses_s):
        for pulse_s in pulses_s:
            self.car.sounds.append(Light(round(at_s * S), round((at_s + pulse_s) * S)))
            at_s += pulse_s + 0.1

    def rules(self, drained=True):
        """The names of the rules that were broken."""
        return sorted({violation.rule for violation in judge(self.recording, drained)})


def day():
    """Statuses, events, an alarm to its end: nothing is wrong with it."""
    story = Story()
    story.status("available", 1, 10)
    story.status("on_the_way", 2, 12)
    story.press("event", 15)
    story.press("event", 15.8)
    story.report(18, event=(1, 2))
    story.alarm(30)
    story.status("busy", 4, 80)
    return story
