# runs on: both
"""Health: said at start, when something breaks or mends itself, and every so often; no more."""

from firmware.health import Health
from protocol import cbor, report
from protocol.errors import Malformed, Misuse
from tests.portable import raises


def look(health, supply=13800, antenna="ok", stuck=0, restarts=0, worn=0):
    health.look(supply, antenna, stuck, restarts, worn)


def fields(health, now=0, temperature=None, rsrp=-95, queue=3, heap=50000):
    return health.fields(now, temperature, rsrp, queue, heap)


def test_at_start_and_then_every_ten_minutes():
    health = Health(600000, 9000, 1)
    look(health)
    assert health.due(0)
    values = fields(health)
    assert values[report.HEALTH_SUPPLY_MV] == 13800 and values[report.HEALTH_SUPPLY_LOST] == 0
    assert values[report.HEALTH_RESET] == 1 and values[report.HEALTH_ANTENNA] == report.ANTENNA_OK
    assert report.HEALTH_TEMPERATURE not in values
    look(health)
    assert not health.due(599999) and health.due(600000)


def test_a_health_report_is_one_the_protocol_takes():
    health = Health(600000, 9000, 3)
    look(health, 70000, "short", 0x81, 2, 3)
    values = fields(health, 4294967295000, -273, -140, 0, 0)
    frame = {report.BOOT: 1, report.SEQ: 0, report.KIND: report.KIND_HEALTH, report.HEALTH: values}
    assert report.decode(report.encode(frame))[report.HEALTH] == values


def test_what_breaks_is_said_at_once_but_not_more_often_than_every_ten_seconds():
    health = Health(600000, 9000, 1)
    look(health)
    fields(health, 0)
    look(health, antenna="open")
    assert not health.due(9999) and health.due(10000)
    fields(health, 10000)
    look(health, antenna="open", stuck=2)
    assert not health.due(19999) and health.due(20000)
    fields(health, 20000)
    look(health, antenna="open", stuck=2)
    assert not health.due(60000)
    look(health, antenna="open", stuck=0)
    assert health.due(60000), "mended is news too"
    assert fields(health, 60000)[report.HEALTH_WORN] == 0
    look(health, antenna="open", worn=1)
    assert health.due(70000) and fields(health, 70000)[report.HEALTH_WORN] == 1


def test_a_cranking_engine_is_not_a_supply_that_comes_and_goes():
    health = Health(600000, 9000, 1)
    for supply, lost in (
        (13800, False),
        (8900, True),
        (9200, True),
        (9499, True),
        (9500, False),
        (9000, False),
    ):
        look(health, supply)
        assert health.supply_lost == lost, supply


def test_a_board_without_a_divider_says_nothing_of_the_supply():
    health = Health(600000, 9000, 1)
    look(health, None, None)
    values = fields(health, 0, None, None)
    for key in (
        report.HEALTH_SUPPLY_MV,
        report.HEALTH_SUPPLY_LOST,
        report.HEALTH_ANTENNA,
        report.HEALTH_RSRP_DBM,
    ):
        assert key not in values


def test_safe_mode_and_what_the_log_said_before_the_reset():
    health = Health(600000, 9000, 3, report.SAFE_WATCHDOG)
    look(health)
    values = health.fields(0, None, None, 0, 0, b"5 modem: up\n")
    assert values[report.HEALTH_SAFE] == 1 and values[report.HEALTH_TRACE] == b"5 modem: up\n"
    look(health)
    assert not health.due(9999, True) and health.due(10000, True) and not health.due(10000)
    assert report.HEALTH_TRACE not in health.fields(10000, None, None, 0, 0, b"")


def test_the_fullest_health_report_fits():
    health = Health(600000, 9000, 255, 255)
    look(health, 0, "short", 0xFFFF, 0xFFFFFFFF, 0xFFFF)
    values = health.fields(4294967295000, 2000, -200, 0xFFFFFFFF, 0xFFFFFFFF, b"x" * 240)
    values[report.HEALTH_JAMMING] = 3
    frame = {report.BOOT: 0xFFFFFFFF, report.SEQ: 0xFFFFFFFF, report.KIND: report.KIND_HEALTH}
    frame[report.TIME] = 0xFFFFFFFFFFFF
    frame[report.STATUS] = 0xFFFF
    frame[report.HEALTH] = values
    assert report.decode(report.encode(frame))[report.HEALTH] == values
    assert len(report.encode(frame)) <= 240 + 95


def test_a_trace_is_bytes_and_not_too_many():
    for wrong in (b"", b"x" * 241, "text", 5, None):
        values = {report.HEALTH_TRACE: wrong}
        with raises(Misuse):
            report.encode({0: 1, 1: 0, report.KIND: report.KIND_HEALTH, report.HEALTH: values})
        with raises(Malformed):
            report.decode(cbor.encode({0: 1, 1: 0, report.KIND: report.KIND_HEALTH, report.HEALTH: values}))
