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
TASK = 1


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

    def computed(self, name):
        return [at_us for at_us, text in self.watch.happened if text.startswith("busy") and name in text]

    def begins(self, *names, within_s):
        """Until the flash begins such an operation; False when it does not."""
        done = self.watch.operations
        before = sum(done[name] for name in names)
        return self.kernel.run_until(lambda: sum(done[name] for name in names) > before, within_s)

    def hit(self, *words, before_us=0):
        """How many holds were over (or so long before that) in the middle of work of that name."""
        spans = []
        for at_us, text in self.watch.happened:
            if any(word in text for word in words):
                length = int(text.split()[1] if text.startswith("busy") else text.split()[-2])
                spans.append((at_us, at_us + length))
        return sum(any(begin < end - before_us < over for begin, over in spans) for end in self.watch.holds)

    def verdict(self, alarms, limit_ms=LIMIT_MS):
        latencies = self.watch.latencies_ms()
        assert len(latencies) == alarms
        print(f"panic to modem: {min(latencies):.0f} to {max(latencies):.0f} ms, {alarms} alarms")
        return judge(self.watch, limit_ms)


def test_at_any_moment_of_a_drive(kit, tmp_path):
    """At ever new phases of seconds, positions, garbage and prepared points."""
    with Drive(kit, tmp_path) as drive:
        for _ in range(40):
            drive.alarm(1_013_700)
        assert drive.verdict(40) == []
        assert drive.rig.desk.shakes.done == 1


def test_pressed_in_the_middle_of_a_nonce_point(kit, tmp_path):
    """Statuses take points out of the pool; as another is begun for them, the key goes down."""
    with Drive(kit, tmp_path) as drive:
        for number in range(12):
            begun = len(drive.computed("half_point"))
            for _ in range(8):
                drive.car.press("available")
                if drive.kernel.run_until(lambda n=begun: len(drive.computed("half_point")) > n, 4):
                    break
            drive.alarm(HOLD_US + 1 + number * 4_000)
        assert drive.verdict(12) == []
        assert drive.hit("half_point", before_us=HOLD_US) >= 8


def test_pressed_in_the_middle_of_an_erase_ahead(kit, tmp_path):
    """Statuses fill a block of the journal, another is erased in an idle moment, and the key goes down."""
    with Drive(kit, tmp_path) as drive:
        for number in range(4):
            for _ in range(60):
                drive.car.press("available")
                if drive.begins("erase journal", within_s=2):
                    break
            drive.alarm(HOLD_US + 1 + number * 11_000)
        assert drive.verdict(4) == []
        assert drive.hit("flash erase journal", before_us=HOLD_US) == 4


def test_pressed_as_new_keys_are_written(kit, tmp_path):
    """The slots of OSCORE are files of littlefs."""
    with Drive(kit, tmp_path) as drive:
        for _ in range(12):
            drive.kernel.run_for(3)
            drive.rig.desk.renew(drive.kid)
            assert drive.begins("program files", "erase files", within_s=20)
            drive.alarm(HOLD_US + 1)
        assert drive.verdict(12) == []
        assert drive.hit("files", before_us=HOLD_US) == 12
        assert drive.rig.desk.shakes.done == 13


def send_tasks(drive, first):
    for number in range(4):
        drive.rig.desk.command(drive.kid, TASK, {0: first + number, 1: "Accident"})


def tasks_shown(drive):
    answers = [r[report.TASK] for r in drive.rig.desk.frames.values() if r[report.KIND] == report.KIND_TASK]
    return sorted(answer[report.TASK_ID] for answer in answers)


def test_pressed_as_tasks_are_written(kit, tmp_path):
    """Each task that comes is written to a file, and every few of them littlefs has to erase first."""
    with Drive(kit, tmp_path) as drive:
        rounds = 0
        while rounds < 12 or (rounds < 48 and drive.hit("flash erase files", before_us=HOLD_US) < 3):
            rounds += 1
            lead_us = HOLD_US + 60_000 + rounds % 12 * 4_000
            drive.alarm(2_000_000, [(lead_us, lambda n=rounds: send_tasks(drive, 4 * n))])
        assert drive.verdict(rounds) == []
        assert drive.hit("flash erase files", before_us=HOLD_US) >= 3


def test_tasks_that_come_during_the_hold_are_written_when_the_alarm_has_left(kit, tmp_path):
    """They would be on their way to flash as the hold ends; and each of them is shown all the same, soon."""
    with Drive(kit, tmp_path) as drive:
        for number in range(12):
            lead_us = 60_000 + number * 4_000
            drive.alarm(1_500_000, [(lead_us, lambda n=number: send_tasks(drive, 4 * n))])
            assert tasks_shown(drive) == list(range(4 * number + 4))
        assert drive.verdict(12) == []
        assert drive.hit("files") == 0
        assert drive.watch.operations["program files"] > 48


def test_pressed_in_the_middle_of_a_renewal(kit, tmp_path):
    """Keys are being made anew: points of ECDH, and a context that changes between two datagrams."""
    with Drive(kit, tmp_path) as drive:
        for number in range(24):
            keys = [(HOLD_US + 100_000 + number * 67_000, lambda: drive.rig.desk.renew(drive.kid))]
            drive.alarm(3_000_000, keys)
            drive.kernel.run_for(3)
        assert drive.verdict(24) == []
        assert drive.hit("shared_secret", before_us=HOLD_US) >= 3
        assert drive.rig.desk.shakes.done > 16


def test_another_key_is_being_written_as_the_hold_ends(kit, tmp_path):
    """A status is signed and written some 45 ms after its key went down; half of one is flash."""
    with Drive(kit, tmp_path) as drive:
        rounds = 0
        while rounds < 24 or (rounds < 72 and drive.hit("flash program journal") < 2):
            lead_us = 20_000 + rounds * 1_700 if rounds < 12 else 42_000 + (rounds - 12) % 24 * 200
            drive.alarm(1_500_000, [(lead_us, lambda: drive.car.press("available"))])
            rounds += 1
        assert drive.verdict(rounds) == []
        assert drive.hit("flash program journal") >= 2


def test_a_renewal_goes_on_as_a_second_hold_follows_a_tap(kit, tmp_path):
    with Drive(kit, tmp_path) as drive:
        for number in range(24):
            keys = [(2_100_000, drive.tap)]
            keys.append((100_000 + number * 67_000, lambda: drive.rig.desk.renew(drive.kid)))
            drive.alarm(3_000_000, keys)
            drive.kernel.run_for(3)
        assert drive.verdict(24) == []
        assert drive.hit("shared_secret", before_us=HOLD_US) >= 3


def test_a_renewal_goes_on_when_the_key_has_chattered(kit, tmp_path):
    """After three taps nothing waits for the fourth: that is the rule against keys that chatter."""
    with Drive(kit, tmp_path) as drive:
        for number in range(24):
            keys = [(lead_us, drive.tap) for lead_us in (3_500_000, 2_900_000, 2_300_000, 1_700_000)]
            keys.append((100_000 + number * 67_000, lambda: drive.rig.desk.renew(drive.kid)))
            drive.alarm(4_000_000, keys)
            drive.kernel.run_for(10)
        assert drive.verdict(24) == []
        assert drive.hit("shared_secret") >= 3


def test_a_panic_key_that_chatters_keeps_nothing_else_from_headquarters(kit, tmp_path):
    """Taps without end, none of them an alarm; what is held back for them comes all the same, and soon."""
    with Drive(kit, tmp_path) as drive:
        for tenth in range(0, 600, 3):
            drive.kernel.after(tenth * 100_000, drive.tap)
        for at_s in range(10, 60, 10):
            drive.kernel.after(at_s * 1_000_000, drive.car.press, "available")
        begun_us = drive.kernel.now_us
        drive.kernel.run_for(60)
        keys = [e for e in drive.rig.seen("key") if e.fields["key"] == "available"]
        pressed = [e.t_us for e in keys if e.fields["down"]]
        sent = [e.t_us for e in drive.rig.seen("frame.sent") if e.t_us > begun_us]
        assert len(pressed) == 5
        for at_us in pressed:
            assert any(at_us < t_us < at_us + 2_500_000 for t_us in sent), (at_us, sent)
        kinds = [r[report.KIND] for r in drive.rig.desk.frames.values()]
        assert kinds.count(report.KIND_STATUS) == 5 and report.KIND_PANIC not in kinds
        assert len(sent) > 15


def test_the_judge_can_say_no(kit, tmp_path):
    """A chip that takes five times as long keeps no half of the limit, and is called so, with the reason."""
    with Drive(kit, tmp_path, cpu=225) as drive:
        drive.alarm(1_000_000)
        (sentence,) = drive.verdict(1, LIMIT_MS / 2)
    assert f"1 of 1 alarms took longer than {LIMIT_MS / 2:.0f} ms" in sentence
    assert "the hold is over" in sentence and "busy" in sentence and "AT+CIPSEND" in sentence


def test_what_never_comes_is_late(kit, tmp_path):
    with Drive(kit, tmp_path) as drive:
        drive.car.terminal.attach_uart("modem", None)  # the plug is out
        drive.car.press("panic")
        drive.kernel.run_for(3)
        assert drive.watch.latencies_ms() == [float("inf")]
        assert "reached the modem never" in judge(drive.watch)[0]
