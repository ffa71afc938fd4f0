"""The recorder on a real terminal and the real gateway in virtual time, and rules that fire when the bench
itself lies."""

import cbor2
import pytest

from hwsim.checks import Recorder, judge, violations
from hwsim.faults.chip import HANG
from hwsim.house import House
from hwsim.rig import Kit


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    return Kit(tmp_path_factory.mktemp("kit"))


@pytest.fixture
def house(kit, tmp_path):
    with House(kit, tmp_path, seed=5) as house:
        house.recorder = Recorder(house)
        house.working()
        yield house
        house.recorder.close()


def test_a_shift_is_seen_from_all_sides_and_found_clean(house):
    (car,) = house.cars
    kernel = house.kernel
    for key in ("available", "event"):
        car.press(key)
        kernel.run_for(1)
    car.press("panic")
    kernel.run_for(5)
    ((kid, panic),) = house.centre.open_alarms()
    house.centre.acknowledge(kid, panic)
    kernel.run_for(3)
    house.centre.clear(kid, panic)
    car.terminal.cut_power(1)
    kernel.run_for(30)
    assert [str(violation) for violation in violations(house.recorder)] == []

    recording = house.recorder.recording
    tale = recording.cars[car.name]
    assert [life.end for life in tale.lives] == ["power", ""]
    assert all(life.started_us + 1e6 < life.ready_us < life.started_us + 5e6 for life in tale.lives)
    assert [press.key for press in tale.presses] == ["available", "event", "panic"]
    assert {fact.stage for fact in tale.facts} >= {3, 5, 7}
    assert set(recording.rows) >= set(tale.frames) and len(tale.frames) > 5
    assert recording.kept == set(recording.rows)
    assert {told.name for told in recording.told if told.digest} == recording.kept
    assert tale.handshakes and tale.lights and tale.wear.programs > 20
    assert len(recording.nonces) > 20, "signatures and Partial IVs of both sides"
    assert all(ear.unread == 0 for ear in house.recorder._ears.values())

    # The same run with one thing taken away is not clean any more.
    name = max(name for name in recording.kept if name in tale.frames)
    recording.kept.discard(name)
    assert "store" in {violation.rule for violation in judge(recording)}
    recording.kept.add(name)
    tale.facts = [fact for fact in tale.facts if fact.stage != 5]
    assert "lamp" in {violation.rule for violation in judge(recording)}


def test_a_second_voice_with_the_same_numbers_is_heard(house):
    """The bench lets the terminal say two things under one Partial IV."""
    (car,) = house.cars
    ear = house.recorder._ears[car.name]
    (keys,) = next(iter(ear._keys.values()))
    piv = b"\x3f"
    nonce = keys.nonce(keys.terminal_id, piv)
    option = bytes([0x09]) + piv + keys.terminal_id

    def say(text):
        aad = _aad(keys.terminal_id, piv)
        sealed = keys._ciphers[keys.terminal_id].encrypt(nonce, text, aad)
        head = bytes([0x44, 2, 0, 9]) + b"toke" + bytes([0x90 | len(option)]) + option
        house.kernel.emit(car.name, "air", direction="up", fate="sent", data=head + b"\xff" + sealed)

    say(b"\x01")
    say(b"\x01")
    assert violations(house.recorder, drained=False) == [], "the same once more is a repeat"
    say(b"\x02")
    found = violations(house.recorder, drained=False)
    assert {violation.rule for violation in found} == {"nonce"}
    assert "terminal's Partial IV 63" in found[0].text


def _aad(kid, piv):
    return cbor2.dumps(["Encrypt0", b"", cbor2.dumps([1, [10], kid, piv, b""])])


def test_a_row_that_is_not_there_makes_a_receipt_a_lie(house):
    (car,) = house.cars
    house.recorder._ledger.missing = lambda names: list(names)
    car.press("available")
    house.kernel.run_for(3)
    assert "2.04 before commit" in {v.rule for v in violations(house.recorder, drained=False)}


def test_a_task_told_to_hang_is_broken_when_it_next_runs(house):
    """One that only a pressed key wakes does so long after it was told: lamps are excused from then on."""
    (car,) = house.cars
    recording = house.recorder.recording
    keys_task = 10
    car.terminal.afflict(HANG, bytes((keys_task,)))
    house.kernel.run_for(10)
    assert recording.faults == [], "told, and not yet met"
    at_us = house.kernel.now_us
    car.press("panic")
    house.kernel.run_for(1)
    (fault,) = recording.faults
    assert (fault.what, fault.car) == ("task_hang", car.name) and at_us <= fault.at_us < at_us + 1_000_000
