"""The promises of a run: each checker is shown a run that keeps its promise and one that breaks it."""

import pytest

from hwsim import checkers
from hwsim.kernel import Kernel
from hwsim.story import Story
from protocol.report import KIND_PANIC, KIND_POSITION

KID = "0011223344556677"
PANIC = 65537


class Operations:
    """What the checkers ask of an operator."""

    def __init__(self):
        self.frames, self.unverified, self.conflicts, self.repeats = {}, [], [], 0


class Received:
    def __init__(self, name, frame):
        self.name, self.frame = name, frame


class Run:
    """Tells a story to the kernel, at times in milliseconds."""

    def __init__(self):
        self.kernel = Kernel(1)
        self.story = Story(self.kernel)
        self.car = self.story.add_car("car", KID)
        self.operator = Operations()

    def at(self, ms):
        self.kernel.run(ms * 1000)
        return self

    def hold(self, ms=900):
        self.kernel.emit("car", "key", key="panic", down=True)
        self.kernel.after(ms * 1000, lambda: self.kernel.emit("car", "key", key="panic", down=False))

    def sent(self, seq, kind=KIND_POSITION, panic=None, state=None):
        self.kernel.emit("car", "frame.sent", boot=1, seq=seq, kind=kind, panic=panic, state=state)

    def gateway(self, event, **details):
        details = {"kid": KID, **details}
        self.kernel.emit("gateway", event, at_ms=self.kernel.now_us / 1000, details=details)

    def received(self, seq, frame=None):
        name = (KID, 1, seq)
        self.operator.frames[name] = Received(name, frame or b"frame %d" % seq)
        self.kernel.emit(
            "operator", "frame", kid=KID, boot=1, seq=seq, kind=1, at_ms=self.kernel.now_us / 1000
        )

    def whole_way(self, seq):
        self.sent(seq)
        self.gateway("frame.stored", boot=1, seq=seq, panic=None)
        self.gateway("frame.relayed", boot=1, seq=seq, panic=None)
        self.received(seq)

    def lamp(self, state, began_ms):
        self.kernel.emit("car", "lamp", lamp="red", state=state, began_us=began_ms * 1000)

    def alarm(self, stored_ms=1800, acknowledged_ms=3000):
        """A panic pressed at 1000 ms that goes the whole way, with the lamp as it should be."""
        self.at(1000).hold()
        self.at(1700).sent(0, KIND_PANIC, PANIC, 1)
        self.at(stored_ms).gateway("frame.stored", boot=1, seq=0, panic=PANIC)
        self.at(stored_ms + 50).gateway("frame.relayed", boot=1, seq=0, panic=PANIC)
        self.received(0)
        self.at(2900).kernel.emit("operator", "acknowledge", kid=KID, panic=PANIC)
        self.at(acknowledged_ms).gateway("panic.acknowledged", panic=PANIC)
        self.at(3500)
        return self

    def broken(self):
        return checkers.check(self.story, self.operator)


def test_an_alarm_that_went_the_whole_way_keeps_every_promise():
    run = Run().alarm()
    run.lamp("sending", 1605)
    run.lamp("received", 1900)
    run.lamp("acknowledged", 3100)
    assert run.broken() == []
    (row,) = [alarm.as_json() for alarm in run.story.alarms]
    assert row == {
        "terminal": "car",
        "kid": KID,
        "panic": PANIC,
        "pressed_ms": -600.0,
        "raised_ms": 0,
        "sent_ms": 100.0,
        "stored_ms": 200.0,
        "relayed_ms": 250.0,
        "acknowledged_ms": 1400.0,
        "shown_ms": 1500.0,
    }
    assert checkers.alarms_reach(run.story, "shown") == []


def test_a_tap_is_no_alarm():
    run = Run()
    run.at(1000).hold(300)
    run.at(5000)
    assert run.story.alarms == []


@pytest.mark.parametrize(
    ("state", "began_ms", "what"),
    [
        ("sending", 900, "nobody had raised an alarm"),
        ("received", 1700, "was not stored by then"),
        ("acknowledged", 2000, "was not acknowledged by then"),
    ],
)
def test_a_lamp_that_runs_ahead_is_a_lie(state, began_ms, what):
    run = Run().alarm()
    run.lamp(state, began_ms)
    (sentence,) = [text for text in run.broken() if "lamp shows" in text]
    assert f"lamp shows {state} at {began_ms} ms" in sentence and what in sentence


def test_a_lamp_without_any_alarm_is_a_lie():
    run = Run()
    run.at(5000).lamp("received", 4000)
    assert "nobody had raised an alarm" in run.broken()[0]


def test_the_lamp_speaks_for_the_newest_alarm_too():
    run = Run().alarm()
    run.lamp("acknowledged", 3100)
    run.at(4000).hold()
    run.at(4700).sent(1, KIND_PANIC, PANIC + 1, 1)
    run.at(5000).lamp("acknowledged", 4990)
    assert any("lamp shows acknowledged at 4990 ms" in text for text in run.broken())


def test_an_acknowledgement_nobody_gave_is_a_lie():
    run = Run()
    run.at(1000).hold()
    run.at(1700).sent(0, KIND_PANIC, PANIC, 1)
    for event in ("frame.stored", "frame.relayed", "panic.acknowledged"):
        run.gateway(event, boot=1, seq=0, panic=PANIC)
    run.received(0)
    run.at(3000).lamp("acknowledged", 2500)
    assert any("no operator had acknowledged" in text for text in run.broken())


def test_a_gap_in_the_sequence_is_a_loss():
    run = Run()
    run.whole_way(0)
    run.whole_way(1)
    assert run.broken() == []
    run.whole_way(3)
    assert run.story.created() == 4
    assert any("1 of 4 frames never stored: car/1/2" in text for text in run.broken())


def test_stored_but_not_relayed_is_a_loss_only_when_there_was_time():
    run = Run()
    run.whole_way(0)
    run.sent(1)
    run.gateway("frame.stored", boot=1, seq=1, panic=None)
    assert any("never relayed" in text for text in run.broken())
    assert checkers.check(run.story, run.operator, drained=False) == []


def test_another_order_northbound_is_seen():
    run = Run()
    for seq in (0, 1):
        run.gateway("frame.stored", boot=1, seq=seq, panic=None)
        run.gateway("frame.relayed", boot=1, seq=seq, panic=None)
    run.received(1)
    run.received(0)
    assert run.broken() == ["car: frames reached the operator in another order than they were stored in"]


def test_one_frame_under_two_names_and_one_name_for_two_frames():
    run = Run()
    run.whole_way(0)
    run.gateway("frame.stored", boot=1, seq=1, panic=None)
    run.gateway("frame.relayed", boot=1, seq=1, panic=None)
    run.received(1, b"frame 0")
    assert run.broken() == ["the same frame under two names: car/1/0, car/1/1"]
    run = Run()
    run.operator.conflicts.append((KID, 1, 0))
    assert run.broken() == ["one name for two different frames: car/1/0"]


def test_a_stage_before_the_one_it_follows_from():
    run = Run().alarm()
    run.story.alarms[0].at_ms["relayed"] = 1750
    assert run.broken() == ["car: alarm 65537 was relayed 50 ms before it was stored"]


def test_a_terminal_that_died_and_one_bitten_by_its_watchdog():
    run = Run()
    run.at(500).kernel.emit("car", "died", reason="out of memory")
    run.at(800).kernel.emit("car", "watchdog")
    assert run.broken() == ["car: out of memory at 500 ms", "car: watchdog at 800 ms"]


def test_alarms_that_got_stuck_are_named():
    run = Run()
    run.at(1000).hold()
    run.at(1700).sent(0, KIND_PANIC, PANIC, 1)
    assert checkers.alarms_reach(run.story, "shown") == ["car: the alarm raised at 1600 ms got only to sent"]


def rows(*entries):
    return [
        {"kid": KID, "boot": 1, "seq": seq, "relayed": relayed, "frame": frame.hex()}
        for seq, relayed, frame in entries
    ]


def test_the_gateways_own_journal_counts_more_than_its_log():
    run = Run()
    run.whole_way(0)
    run.sent(1)
    run.received(1)
    assert any("never stored" in text for text in run.broken()), "its last line was not written"
    run.story.take_journal(rows((0, "now", b"frame 0"), (1, "now", b"frame 1")))
    assert run.broken() == []
    run.story.take_journal(rows((0, "now", b"frame 0"), (1, None, b"frame 1")))
    assert run.broken() == ["1 of 2 frames never relayed: car/1/1"]
    run.story.take_journal(rows((1, "now", b"frame 1"), (0, "now", b"frame 0")))
    assert run.broken() == ["car: frames reached the operator in another order than they were stored in"]
    run.story.take_journal(rows((0, "now", b"frame X"), (1, "now", b"frame 1")))
    assert run.broken() == ["what the operator got is not what was stored: car/1/0"]


def test_what_a_killed_broker_took_with_it_is_not_the_gateways_fault():
    run = Run()
    run.whole_way(0)
    run.sent(1)
    run.gateway("frame.stored", boot=1, seq=1, panic=None)
    run.gateway("frame.relayed", boot=1, seq=1, panic=None)
    assert run.broken() == ["1 of 2 frames never received by the operator: car/1/1"]
    assert checkers.check(run.story, run.operator, broker_kept=False) == []
