"""Panic on the modelled ESP32: 300 ms after the hold the last byte of its datagram is with the modem.

Whatever the terminal was doing: nonce points, flash, keys being renewed. Virtual time, the bench's own
headquarters, and the chip's time for every operation (hwsim/costs.toml, boards/SIM/board.toml).
"""

import pytest

from hwsim.desk import PANIC_RECEIPT
from hwsim.rig import Kit, Rig
from protocol import report
from tests.hwsim.latency import LIMIT_MS, PanicWatch, judge

HOLD_US = 600_000
STAGES = (5, 7)  # acknowledged, cleared


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    return Kit(tmp_path_factory.mktemp("kit"))


class Drive:
    """One car that works, and somebody who raises alarms and sees them answered."""

    def __init__(self, kit, folder, **options):
        self.rig = Rig(kit, folder, **options)
        (self.car,) = self.rig.cars
        self.kernel = self.rig.kernel
        self.kid = bytes.fromhex(self.car.kid)
        self.car.terminal.told_us = 1000
        self.watch = PanicWatch(self.car)

    def __enter__(self):
        self.rig.working()
        return self

    def __exit__(self, *_):
        self.rig.__exit__()

    def alarm(self, in_us, before=()):
        """The hold will be over `in_us` from now; `before`: (microseconds before that, call). Then the alarm
        is acknowledged and cleared."""
        end_us = self.kernel.now_us + in_us
        for lead_us, call in before:
            self.kernel.at(end_us - lead_us, call)
        self.kernel.at(end_us - HOLD_US, self.car.press, "panic")
        self.kernel.run(end_us + 2_500_000)
        alarms = [r for r in self.rig.desk.frames.values() if r[report.KIND] == report.KIND_PANIC]
        assert alarms, "no alarm came through"
        newest = max(r[report.PANIC][report.PANIC_ID] for r in alarms)
        for stage in STAGES:
            self.rig.desk.command(self.kid, PANIC_RECEIPT, {0: newest, 1: stage})
        self.kernel.run_for(2)

    def tap(self):
        """Too short for an alarm. After one, what is prepared in idle moments does not wait for the next."""
        self.car.panel.press("panic", 90)

    def hit(self, *words):
        """How many holds were over in the middle of a computation or of flash work of that name."""
        spans = []
        for at_us, text in self.watch.happened:
            if any(word in text for word in words):
                length = int(text.split()[1] if text.startswith("busy") else text.split()[-2])
                spans.append((at_us, at_us + length))
        return sum(any(begin < end < over for begin, over in spans) for end in self.watch.holds)

    def verdict(self, alarms):
        latencies = self.watch.latencies_ms()
        assert len(latencies) == alarms
        print(f"panic to modem: {min(latencies):.0f} to {max(latencies):.0f} ms, {alarms} alarms")
        return judge(self.watch)


def test_at_any_moment_of_a_drive(kit, tmp_path):
    """At ever new phases of seconds, positions, garbage and prepared points."""
    with Drive(kit, tmp_path) as drive:
        for _ in range(40):
            drive.alarm(1_013_700)
        assert drive.verdict(40) == []
        assert drive.rig.desk.shakes.done == 1


def test_in_the_middle_of_a_nonce_point(kit, tmp_path):
    """The pool is being filled again while the key is down for the second time in two seconds."""
    with Drive(kit, tmp_path) as drive:
        for number in range(30):
            keys = [(2_100_000, drive.tap)]
            keys += [(at_us, lambda: drive.car.press("event")) for at_us in (1_900_000, 1_500_000, 1_100_000)]
            drive.alarm(3_000_000 + number * 17_300, keys)
        assert drive.verdict(30) == []
        assert drive.hit("half_point", "nonce_points") >= 4


def test_in_the_middle_of_a_flash_write(kit, tmp_path):
    """Another key, pressed with it, has a frame written at that moment: program and erase."""
    with Drive(kit, tmp_path) as drive:
        for number in range(24):
            drive.alarm(1_500_000, [(number * 7_000, lambda: drive.car.press("available"))])
        assert drive.verdict(24) == []
        assert drive.hit("flash") >= 4
        assert drive.hit("flash erase") >= 2


def test_in_the_middle_of_a_renewal(kit, tmp_path):
    """Keys are being made anew: points of ECDH, and a context that changes between two datagrams."""
    with Drive(kit, tmp_path) as drive:
        for number in range(30):
            keys = [(2_100_000, drive.tap)]
            keys.append((100_000 + number * 67_000, lambda: drive.rig.desk.renew(drive.kid)))
            drive.alarm(3_000_000, keys)
            drive.kernel.run_for(3)
        assert drive.verdict(30) == []
        assert drive.hit("shared_secret") >= 4
        assert drive.rig.desk.shakes.done > 20


def test_the_judge_can_say_no(kit, tmp_path):
    """A chip that takes ten times as long is too slow, and is called so, with the reason."""
    with Drive(kit, tmp_path, cpu=450) as drive:
        drive.alarm(1_000_000)
        (sentence,) = drive.verdict(1)
    assert f"1 of 1 alarms took longer than {LIMIT_MS:.0f} ms" in sentence
    assert "the hold is over" in sentence and "busy" in sentence and "AT+CIPSEND" in sentence


def test_what_never_comes_is_late(kit, tmp_path):
    with Drive(kit, tmp_path) as drive:
        drive.car.terminal.attach_uart("modem", None)  # the plug is out
        drive.car.press("panic")
        drive.kernel.run_for(3)
        assert drive.watch.latencies_ms() == [float("inf")]
        assert "reached the modem never" in judge(drive.watch)[0]
