# runs on: micropython+guest
"""The whole firmware from power-on, in virtual time: what it stores, shows and survives without any link."""

import json

import machine

from firmware.journal import Journal
from protocol import report
from tests.firmware.solo_terminal import BOARD, SETTINGS, SoloTerminal, blinks


def _received(app):
    """The gateway's authentic receipt: the frame leaves the journal, the alarm stays open."""
    name = app.journal.peek(True, 1)[0][0]
    app.journal.done([name])
    app.desk.stored(name[0], name[1])


async def test_it_starts_with_nothing_but_power_and_says_so():
    terminal = SoloTerminal()
    with terminal:
        await terminal.boot()
        await terminal.run(5000)
        assert blinks(await terminal.levels("green", 4000), 100, 200) is False
        green = await terminal.levels("green", 4000)
        assert sum(green) in range(38, 43), "two flashes of 100 ms in 2 s: no link, no fix"
        kinds = [frame[report.KIND] for frame in terminal.frames(False)]
        assert kinds == [report.KIND_HEALTH]
        await terminal.off()


async def test_panic_without_fix_time_and_link_is_signed_and_on_flash_before_the_key_is_up():
    terminal = SoloTerminal()
    with terminal:
        await terminal.boot()
        await terminal.press("panic", 650)
        frames = terminal.frames(True)
        assert len(frames) == 1
        panic = frames[0]
        assert panic[report.PANIC] == {0: 65537, 1: report.PANIC_RAISED, 2: report.SOURCE_KEY}
        assert report.FIX not in panic and report.TIME not in panic
        assert blinks(await terminal.levels("red"), 100, 100)
        await terminal.off()


async def test_two_quick_taps_raise_nothing():
    terminal = SoloTerminal()
    with terminal:
        await terminal.boot()
        for _ in range(4):
            await terminal.press("panic", 400)
        assert terminal.frames(True) == []
        assert sum(await terminal.levels("red")) == 0
        await terminal.off()


async def test_after_a_power_cut_the_alarm_is_open_with_the_same_id_and_in_the_journal_once():
    terminal = SoloTerminal()
    with terminal:
        await terminal.boot()
        await terminal.press("panic", 650)
        await terminal.off()
        await terminal.boot()
        await terminal.run(3000)
        frames = terminal.frames(True)
        assert [f[report.PANIC][report.PANIC_ID] for f in frames] == [65537]
        assert (frames[0][report.BOOT], terminal.app.builder.boot) == (1, 2)
        assert blinks(await terminal.levels("red"), 100, 100)
        assert terminal.app.modem.panic_active, "its acknowledgement is asked for as often as before the cut"
        await terminal.press("panic", 650)
        assert [f[report.PANIC][report.PANIC_ID] for f in terminal.frames(True)] == [65537, 2 * 65536 + 1]
        await terminal.off()


async def test_a_journal_that_cannot_be_read_does_not_keep_the_terminal_from_starting():
    terminal = SoloTerminal()
    peek = Journal.peek

    def unreadable(self, urgent, n, after=None):
        raise OSError(5)

    with terminal:
        Journal.peek = unreadable
        try:
            await terminal.boot()
            await terminal.press("panic", 650)
        finally:
            Journal.peek = peek
        assert [f[report.PANIC][report.PANIC_ID] for f in terminal.frames(True)] == [65537]
        await terminal.off()


async def test_an_alarm_the_gateway_had_is_raised_again_after_a_power_cut():
    terminal = SoloTerminal()
    with terminal:
        await terminal.boot()
        await terminal.press("panic", 650)
        await terminal.run(2000)
        _received(terminal.app)
        assert blinks(await terminal.levels("red", 4000), 500, 500)
        await terminal.off()
        await terminal.boot()
        await terminal.run(2000)
        frames = terminal.frames(True)
        assert [(f[report.BOOT], f[report.PANIC][report.PANIC_ID]) for f in frames] == [(2, 65537)]
        assert blinks(await terminal.levels("red"), 100, 100), "this frame has not arrived yet"
        await terminal.off()


async def test_a_drive_without_a_link_becomes_tracks():
    terminal = SoloTerminal(dict(SETTINGS, track_s=30, slow_s=2, moving_s=2, least_s=2, parked_s=10))
    with terminal:
        await terminal.boot()
        await terminal.drive(59)
        frames = terminal.frames(False)
        tracks = [f for f in frames if f[report.KIND] == report.KIND_TRACK]
        assert len(tracks) >= 1
        points = report.track_points(tracks[0][report.TRACK])
        assert points[0][1:3] == (449700000, 196100000)
        assert abs(tracks[0][report.TRACK][0] - 1795338720000) < 5000
        green = await terminal.levels("green", 2000)
        assert blinks(green + green, 100, 1900) or sum(green) in range(9, 12)
        await terminal.off()


async def test_status_event_and_covert_alarm():
    terminal = SoloTerminal(dict(SETTINGS, covert=True))
    with terminal:
        await terminal.boot()
        await terminal.press("available", 100)
        for _ in range(9):
            await terminal.press("event", 80)
        await terminal.run(2500)
        await terminal.press("panic", 700)
        frames = terminal.frames(True)
        kinds = [frame[report.KIND] for frame in frames]
        assert kinds == [report.KIND_PANIC, report.KIND_STATUS, report.KIND_EVENT], kinds
        assert frames[2][report.EVENT] == {0: 1, 1: 9} and frames[0][report.STATUS] == 1
        assert sum(await terminal.levels("red", 1000)) + sum(await terminal.levels("buzzer", 1000)) == 0
        terminal.app.desk.command(3, {0: frames[0][report.PANIC][0], 1: 5})
        shake = await terminal.levels("vibrator", 1000)
        assert sum(shake) in (19, 20, 21)
        await terminal.off()


async def test_a_stuck_key_is_in_the_health_report_and_blocks_no_other():
    terminal = SoloTerminal()
    with terminal:
        await terminal.boot()
        machine.Pin(BOARD["keys"]["busy"]).drive(0)
        await terminal.run(45000)
        health = [f[report.HEALTH] for f in terminal.frames(False) if f[report.KIND] == report.KIND_HEALTH]
        assert health[-1][report.HEALTH_STUCK] == 1 << 4
        await terminal.press("panic", 700)
        assert terminal.frames(True)[0][report.KIND] == report.KIND_PANIC
        await terminal.off()


async def test_a_wrong_setting_is_shown_and_the_rest_works():
    terminal = SoloTerminal()
    with terminal:
        terminal.spoil("/config.json", json.dumps(dict(SETTINGS, moving_s=0)))
        await terminal.boot()
        assert any('"moving_s" is 0' in text for level, text in terminal.said), terminal.said
        assert blinks(await terminal.levels("red"), 250, 250)
        await terminal.press("panic", 700)
        assert len(terminal.frames(True)) == 1
        assert blinks(await terminal.levels("red"), 100, 100), "the alarm takes the lamp"
        await terminal.off()


async def test_without_the_gateways_key_alarms_are_kept_on_flash():
    terminal = SoloTerminal()
    with terminal:
        terminal.spoil("/config.json", '{"host": "192.0.2.10"}')
        await terminal.boot()
        assert any('"gateway_key" is missing' in text for level, text in terminal.said)
        assert blinks(await terminal.levels("red"), 250, 250)
        await terminal.press("panic", 700)
        assert len(terminal.frames(True)) == 1
        assert blinks(await terminal.levels("red"), 100, 100)
        await terminal.off()


async def test_without_an_identity_nothing_is_signed_and_it_says_what_to_do():
    terminal = SoloTerminal()
    with terminal:
        terminal.spoil("/identity", "x")
        await terminal.boot()
        assert terminal.app is None
        assert any("/identity" in text and "flash.py" in text for level, text in terminal.said)


async def test_no_two_boots_have_one_number():
    terminal = SoloTerminal()
    seen = []
    with terminal:
        for n in range(4):
            if n == 2:
                terminal.spoil("/boot", "worn")
            await terminal.boot()
            seen.append(terminal.app.builder.boot)
            await terminal.off()
    assert seen[:2] == [1, 2] and seen[2] >= 1 << 30 and seen[3] == seen[2] + 1, seen


async def test_where_flash_does_not_keep_the_starts_it_is_no_witness_of_an_acknowledgement():
    """An alarm raised later may be missing in a file that was last kept long ago: steady light would say that
    somebody has seen that one too."""
    terminal = SoloTerminal()
    with terminal:
        await terminal.boot()
        await terminal.press("panic", 650)
        await terminal.run(2000)
        _received(terminal.app)
        terminal.app.panics.step(65537, "acknowledged")
        await terminal.off()
        await terminal.boot()
        await terminal.run(2000)
        assert all(await terminal.levels("red")), "all is well: steady, as before"
        assert terminal.frames(True) == []
        await terminal.off()
        terminal.spoil("/boot", "worn")
        await terminal.boot()
        await terminal.run(2000)
        assert [f[report.PANIC][report.PANIC_ID] for f in terminal.frames(True)] == [65537]
        assert blinks(await terminal.levels("red"), 100, 100), "raised again"
        await terminal.off()
