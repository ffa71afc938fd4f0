"""Keys of the link, by the whole firmware in virtual time: made on the first day, made anew while driving and
while an alarm is open, lost at headquarters, lost on the way. No frame may be missing, no lamp may lie.

The other side is the bench's headquarters (lakers, OpenSSL); the real gateway is in test_keys_gateway.py.
"""

import pytest

from hwsim import checkers
from hwsim.desk import GRACE_S, PANIC_RECEIPT
from hwsim.rig import Kit, Rig
from protocol import report

LOSS = {"loss": 0.2, "duplicate": 0.05, "reorder": 0.05}


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    return Kit(tmp_path_factory.mktemp("kit"), settings={"keepalive_s": 15})


def kid_of(car):
    return bytes.fromhex(car.kid)


def sent(rig, car):
    """Names of the frames that have left the car."""
    return {(kid_of(car), e.fields["boot"], e.fields["seq"]) for e in rig.seen("frame.sent")}


def nothing_missing(rig, car, limit_s=120):
    """Parked, everything gets through: no number is left out of any boot."""
    car.park()
    kid = kid_of(car)

    def whole():
        names = rig.desk.named(kid) | rig.lost_with_the_store
        boots = {boot for _, boot, _ in names}
        made = {(kid, b, seq) for b in boots for seq in range(1 + max(s for _, x, s in names if x == b))}
        return made == names and sent(rig, car) <= names and not car.air.unanswered

    return rig.kernel.run_until(whole, limit_s)


@pytest.fixture
def drive(kit, tmp_path):
    rigs = []

    def begin(weather=None, seed=1, **options):
        rig = Rig(kit, tmp_path, seed=seed, weather=weather, **options)
        rig.lost_with_the_store = set()
        rigs.append(rig)
        rig.working(180)
        return rig, rig.cars[0]

    yield begin
    for rig in rigs:
        rig.__exit__()


def truthful(rig):
    """The lamp's stages against what headquarters really had, to the millisecond."""
    for car in rig.cars:
        for alarm in rig.story.cars[car.name].alarms:
            frames = [
                name
                for name, fields in rig.desk.frames.items()
                if fields.get(report.PANIC, {}).get(report.PANIC_ID) == alarm.panic
                and fields[report.KIND] == report.KIND_PANIC
            ]
            if frames:
                alarm.reach("stored", min(rig.desk.stored_us[name] for name in frames) / 1000)
        for panic, at_us in rig.acknowledged.items():
            for alarm in rig.story.cars[car.name].alarms:
                if alarm.panic == panic:
                    alarm.reach("acknowledged", at_us / 1000)
                    rig.story.commands.append(("acknowledge", car.kid, panic, at_us / 1000))
    return checkers.lamps_tell_the_truth(rig.story) + checkers.terminals_stay_alive(rig.story)


def test_a_fresh_terminal_agrees_on_keys_before_its_first_frame(drive):
    rig, car = drive()
    kid = kid_of(car)
    assert rig.desk.shakes.done == 1 and rig.desk.refused == []
    (link,) = rig.desk.links.values()
    assert link.kid == kid and len(link.oscore_id) <= 7 and link.oscore_id not in kid
    assert [event.fields["state"] for event in rig.seen("keys")] == ["handshake", "made", "used"]
    # Nothing that names the terminal has been on the air in clear.
    for event in rig.seen("air"):
        assert kid not in event.fields["data"] and rig.desk.public[:8] not in event.fields["data"]
    assert nothing_missing(rig, car)


def test_the_next_start_needs_no_handshake(drive):
    """The context is on flash: after a power cut the first datagram carries frames."""
    rig, car = drive()
    rig.kernel.run_for(5)
    before = len(rig.desk.named(kid_of(car)))
    car.terminal.cut_power(off_s=3)
    rig.kernel.run_for(5)
    assert rig.kernel.run_until(lambda: len(rig.desk.named(kid_of(car))) > before, 60)
    assert rig.desk.shakes.begun == 1
    assert nothing_missing(rig, car)


def test_renewals_while_driving_with_a_fifth_of_the_datagrams_lost(drive):
    rig, car = drive(LOSS, seed=3)
    for number in range(4):
        rig.desk.renew(kid_of(car))
        assert rig.kernel.run_until(lambda n=number: rig.desk.shakes.done >= n + 2, 240), rig.lines()[-5:]
        rig.kernel.run_for(20)
    assert nothing_missing(rig, car, 240)
    assert truthful_alive(rig)
    assert rig.desk.shakes.done == 5, "one for the start, one for each command, none for nothing"


def truthful_alive(rig):
    return checkers.terminals_stay_alive(rig.story) == []


def test_the_old_context_serves_until_the_new_one_has_been_used_and_then_300_s(drive):
    rig, car = drive()
    (old,) = rig.desk.links.values()
    rig.desk.renew(kid_of(car))
    assert rig.kernel.run_until(lambda: rig.desk.shakes.done == 2, 30)
    (new,) = [link for link in rig.desk.links.values() if link is not old]
    assert old.retire_us is None or new.used_us is not None
    assert rig.kernel.run_until(lambda: new.used_us is not None, 60)
    assert old.retire_us == new.used_us + GRACE_S * 1_000_000
    rig.kernel.run_for(GRACE_S + 1)
    assert list(rig.desk.links.values()) == [new]
    assert nothing_missing(rig, car)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_renewal_in_an_open_alarm_takes_nothing_from_it(drive, seed):
    """The command comes with the alarm, on a bad way: every stage is reached, the lamp shows what is so."""
    rig, car = drive(LOSS, seed=seed)
    rig.acknowledged = {}
    kid = kid_of(car)
    rig.desk.renew(kid)
    rig.kernel.run_for(0.3 * seed)
    car.press("panic")
    lamp = rig.story.cars[car.name]
    assert rig.kernel.run_until(lambda: lamp.red == "received", 60), lamp.lamps
    rig.desk.renew(kid)
    rig.kernel.run_for(5)
    (alarm,) = lamp.alarms
    rig.acknowledged[alarm.panic] = rig.kernel.now_us
    rig.desk.command(kid, PANIC_RECEIPT, {0: alarm.panic, 1: 5})
    assert rig.kernel.run_until(lambda: lamp.red == "acknowledged", 60)
    rig.desk.command(kid, PANIC_RECEIPT, {0: alarm.panic, 1: 7})
    assert rig.kernel.run_until(lambda: lamp.red == "off", 120)
    assert rig.kernel.run_until(lambda: rig.desk.shakes.done >= 2, 300), "it was only put off"
    assert nothing_missing(rig, car, 240)
    assert truthful(rig) == []


def test_headquarters_loses_its_store_and_the_terminal_finds_back_by_itself(drive):
    rig, car = drive()
    kid = kid_of(car)
    rig.kernel.run_for(10)
    rig.lost_with_the_store = rig.desk.named(kid)
    rig.desk.lose_everything()
    lost_us = rig.kernel.now_us
    assert rig.kernel.run_until(lambda: rig.desk.named(kid), 120), rig.lines()[-10:]
    assert rig.desk.shakes.done == 2
    took_s = (rig.kernel.now_us - lost_us) / 1e6
    print(f"served again after {took_s:.1f} s")
    assert took_s < 60
    assert nothing_missing(rig, car)


def test_an_alarm_raised_while_headquarters_knows_nobody_goes_through_at_once(drive):
    """With a panic waiting the terminal does not spread its attempts over time."""
    rig, car = drive()
    kid = kid_of(car)
    rig.kernel.run_for(10)
    rig.lost_with_the_store = rig.desk.named(kid)
    rig.desk.lose_everything()
    car.press("panic")
    lamp = rig.story.cars[car.name]
    assert rig.kernel.run_until(lambda: lamp.red == "sending", 3)
    pressed_us = rig.kernel.now_us
    assert rig.kernel.run_until(lambda: lamp.red == "received", 30), rig.lines()[-10:]
    took_s = (rig.kernel.now_us - pressed_us) / 1e6
    print(f"received after {took_s:.1f} s")
    assert took_s < 12
    rig.acknowledged = {}
    assert nothing_missing(rig, car)
    assert truthful(rig) == []


def test_a_gateway_that_nobody_proved_is_no_gateway(drive):
    """An answer under another key than the one the terminal was given makes no keys, and ends nothing."""
    rig, car = drive()
    rig.kernel.run_for(5)
    links = dict(rig.desk.links)
    other = type(rig.desk)(rig.kernel)
    rig.desk.shakes._private = (12345).to_bytes(32, "big")  # message_2 now proves somebody else
    rig.desk.renew(kid_of(car))
    rig.kernel.run_for(60)
    assert rig.desk.shakes.begun >= 2 and rig.desk.shakes.done == 1
    assert rig.desk.links == links
    rig.desk.shakes._private = other.shakes._private
    assert nothing_missing(rig, car)
    assert rig.kernel.run_until(lambda: rig.desk.shakes.done == 2, 3700), "asked again after a pause"
