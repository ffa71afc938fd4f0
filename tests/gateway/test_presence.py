"""A car on duty that falls silent is published as lost, and as back; who has a reason to be silent is not."""

import asyncio
import json

import pytest

from tests.gateway.bench import UNIT, call_cli, enroll
from tests.gateway.shift import AVAILABLE, DEFAULT_S, OFF_DUTY, Shift, status
from tests.gateway.terminal import Terminal


@pytest.fixture
async def shift(tmp_path):
    shift = await Shift(tmp_path).begin()
    yield shift
    await shift.bench.stop()


async def test_lost_after_a_minute_and_back_when_it_speaks(shift):
    await shift.says(shift.car.frame())
    await shift.says(status(shift.car, AVAILABLE))
    await shift.after(58)
    assert await shift.told() == []
    await shift.after(4)
    (lost,) = await shift.told()
    assert lost["geometry"]["coordinates"] == [19.11, 45.05, 78.0]
    place = lost["properties"]
    assert (place["presence"], place["status_name"], place["unit"]) == ("lost", "available", "vr-101")
    assert 60_000 <= place["time_ms"] - place["heard_ms"] <= 62_000
    assert (place["boot"], place["seq"]) == (1, 0)
    await shift.after(600)
    assert len(await shift.told()) == 1
    await shift.says(shift.car.frame())
    await shift.after(2)
    lost, back = await shift.told()
    assert (back["properties"]["presence"], back["id"]) == ("back", lost["id"])
    events = [row["event"] for row in shift.bench.events() if row["event"].startswith("presence.")]
    assert events == ["presence.lost", "presence.back"]
    # And once more, under another name.
    await shift.after(70)
    assert await shift.words() == ["lost", "back", "lost"]
    assert (await shift.told())[2]["id"] != lost["id"]


async def test_whoever_speaks_is_not_lost(shift):
    await shift.says(status(shift.car, AVAILABLE))
    for _ in range(10):
        await shift.after(50)
        await shift.says(shift.car.frame())
    assert await shift.told() == []


@pytest.mark.parametrize("code", [OFF_DUTY, None])
async def test_whoever_is_not_on_duty_may_be_silent(shift, code):
    if code:
        await shift.says(status(shift.car, AVAILABLE))
        await shift.says(status(shift.car, code))
    else:
        await shift.says(shift.car.frame())
    await shift.after(600, step=10)
    assert await shift.told() == []


async def test_an_older_status_that_comes_late_changes_nothing(shift):
    early, late = status(shift.car, AVAILABLE), status(shift.car, OFF_DUTY)
    await shift.says(late)
    await shift.says(early)
    await shift.after(120)
    assert await shift.told() == []


async def test_a_car_in_an_open_alarm_is_watched_whatever_it_said(shift):
    await shift.says(status(shift.car, OFF_DUTY))
    await shift.says(shift.car.panic())
    await shift.after(62)
    assert await shift.words() == ["lost"]
    await shift.says(shift.car.frame())
    await shift.after(2)
    call_cli(shift.bench.folder, "send", shift.car.kid.hex(), "clear", "--panic", "65537")
    await shift.after(120)
    assert await shift.words() == ["lost", "back"]


async def test_a_parked_car_may_be_silent_for_one_and_a_half_of_its_keep_alives(shift):
    """Of one with a keep-alive each minute: silence of a minute is its rhythm, not a loss."""
    await shift.says(status(shift.car, AVAILABLE))
    await shift.client.observe()
    for _ in range(5):
        await shift.after(60)
        await shift.client.observe()
    assert await shift.told() == []
    await shift.after(88)
    assert await shift.told() == []
    await shift.after(4)
    assert await shift.words() == ["lost"]
    # Long gaps of an outage are no rhythm: it is missed as soon as before.
    await shift.after(3000, step=10)
    await shift.client.observe()
    await shift.after(60)
    await shift.client.observe()
    await shift.after(92)
    assert await shift.words() == ["lost", "back", "lost"]


async def test_a_quick_keep_alive_makes_a_minute_count_again(shift):
    await shift.says(status(shift.car, AVAILABLE))
    for _ in range(5):
        await shift.client.observe()
        await shift.after(24)
    await shift.after(34)
    assert await shift.told() == []
    await shift.after(6)
    assert await shift.words() == ["lost"]


async def test_a_parked_car_with_the_default_keep_alive_is_told_after_a_minute(shift):
    await shift.says(status(shift.car, AVAILABLE))
    for _ in range(5):
        await shift.client.observe()
        await shift.after(DEFAULT_S)
    assert await shift.told() == []
    await shift.after(58 - DEFAULT_S)
    assert await shift.told() == []
    await shift.after(6)
    assert await shift.words() == ["lost"]


@pytest.mark.parametrize("started_anew", [False, True])
@pytest.mark.parametrize("how", ["status", "alarm"])
async def test_a_car_that_was_parked_off_duty_is_missed_as_soon_as_any_other(shift, how, started_anew):
    """There it speaks each four minutes; then it has the default again."""
    await shift.says(status(shift.car, AVAILABLE))
    for _ in range(4):
        await shift.client.observe()
        await shift.after(DEFAULT_S)
    await shift.says(status(shift.car, OFF_DUTY))
    if started_anew:
        await shift.bench.app.presences.load()
        shift.bench.app.presences._ears.clear()
    for _ in range(4):
        await shift.client.observe()
        await shift.after(240, step=10)
    await shift.says(status(shift.car, AVAILABLE) if how == "status" else shift.car.panic())
    await shift.client.observe()
    await shift.after(58)
    assert await shift.told() == []
    # A gateway that never heard it on duty waits for one and a half of the longest keep-alive that is usual.
    await shift.after(34 if started_anew else 6)
    assert await shift.words() == ["lost"]


async def test_a_replayed_datagram_proves_nothing(shift):
    protected = shift.car.post(status(shift.car, AVAILABLE))
    await shift.client.exchange(protected)
    for _ in range(7):
        await shift.after(10)
        shift.client.socket.send(protected[0])
        await shift.client.socket.get()
    assert await shift.words() == ["lost"]


async def test_a_gateway_that_was_away_judges_nobody_before_it_has_listened(shift):
    await shift.says(status(shift.car, AVAILABLE))
    await shift.after(4)
    await shift.bench.stop()
    shift.clock.turn(3600)
    await shift.bench.start(shift.clock)
    await shift.after(56)
    assert await shift.told() == []
    await shift.after(8)
    assert await shift.words() == ["lost"]


async def test_what_was_lost_before_a_new_start_comes_back_after_it(shift):
    await shift.says(status(shift.car, AVAILABLE))
    await shift.after(64)
    await shift.bench.stop()
    await shift.bench.start(shift.clock)
    assert await shift.words() == ["lost"]
    shift.client = await shift.bench.client(shift.car)
    await shift.says(shift.car.frame())
    await shift.after(2)
    assert await shift.words() == ["lost", "back"]


async def test_a_clock_that_is_set_loses_nobody(shift):
    await shift.says(status(shift.car, AVAILABLE))
    await shift.after(4)
    shift.clock.offset_ms = 86_400_000
    await shift.after(50)
    await shift.says(shift.car.frame())
    await shift.after(4)
    shift.clock.offset_ms = -86_400_000
    await shift.after(50)
    await shift.says(shift.car.frame())
    await shift.after(50)
    assert await shift.told() == []
    await shift.after(16)
    assert await shift.words() == ["lost"]


async def test_a_revoked_terminal_is_not_missed(shift):
    await shift.says(status(shift.car, AVAILABLE))
    await shift.after(64)
    call_cli(shift.bench.folder, "revoke", shift.car.kid.hex())
    await shift.bench.app.registry.refresh()
    await shift.after(4)
    assert await shift.words() == ["lost", "ended"]
    await shift.after(300, step=10)
    assert await shift.words() == ["lost", "ended"]


async def test_it_can_be_turned_off(tmp_path):
    shift = await Shift(tmp_path, presence={"silent_s": 0}).begin()
    await shift.says(status(shift.car, AVAILABLE))
    await shift.after(600, step=20)
    assert await shift.told() == []
    await shift.bench.stop()


async def test_a_thousand_at_once(shift):
    """The network of a whole region goes, and comes again."""
    now = shift.clock.wall_ms()
    cars = [Terminal() for _ in range(250)]
    for number, car in enumerate(cars):
        enroll(shift.bench.folder, car, f"vr-{number + 1000}", context=False)
    await shift.bench.app.registry.refresh()

    def on_duty(tx):
        for car in cars:
            tx.note_duty(car.kid, 1, 1, AVAILABLE, now)
            shift.bench.app.presences._watched.add(car.kid)

    await shift.bench.app.journal.write(on_duty)
    await shift.after(64)
    rows = await shift.bench.app.journal.read(lambda tx: tx.notices(0, 1000))
    assert len({row.kid for row in rows}) == len(rows) == len(cars)
    for car in cars:
        shift.bench.app.presences.heard(car.kid)
    await shift.after(2)
    assert await shift.bench.app.journal.read(lambda tx: tx.lost()) == []


async def test_a_late_subscriber_sees_who_is_silent(tmp_path, broker, consumers):
    """Retained at a real broker, as GeoJSON."""
    shift = Shift(tmp_path, broker_port=broker.port_v5)
    await shift.begin()
    await shift.bench.until(lambda: shift.bench.app.relay.connected)
    await shift.says(status(shift.car, AVAILABLE))
    await shift.after(64)
    await shift.bench.until(lambda: shift.bench.app.relay.settled)
    late = await consumers(broker.port_v5, ("patrola/v1/+/+/+/presence",))
    await shift.bench.until(lambda: late.messages)
    topic, payload, retained, properties = late.messages[0]
    assert (topic, retained, properties.ContentType) == (f"{UNIT}/presence", True, "application/geo+json")
    assert json.loads(payload)["properties"]["presence"] == "lost"
    await shift.bench.stop()


async def test_two_nodes_hear_for_each_other(shift):
    """The car's datagrams move to another node of the same journal: one loss is told, and told once."""
    second = type(shift.bench.app.presences)(
        *(shift.bench.app.config, shift.bench.app.journal, shift.bench.app.registry),
        *(shift.bench.app.log, shift.clock, "patrola/v1"),
    )
    await shift.says(status(shift.car, AVAILABLE))
    await second.load()
    for _ in range(100):
        shift.clock.turn(2)
        second.heard(shift.car.kid)
        await asyncio.gather(shift.bench.app.presences.round(), second.round())
    assert await shift.told() == []
    for _ in range(40):
        shift.clock.turn(2)
        await asyncio.gather(shift.bench.app.presences.round(), second.round())
    assert await shift.words() == ["lost"]
    second.heard(shift.car.kid)
    shift.clock.turn(2)
    await asyncio.gather(second.round(), shift.bench.app.presences.round())
    await shift.bench.app.presences.round()
    assert await shift.words() == ["lost", "back"]
