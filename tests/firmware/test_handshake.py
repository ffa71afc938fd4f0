# runs on: micropython+guest
"""Keys of the link, made over the air by the whole firmware: at once, in time, on demand, after a loss; and
no alarm ever waits for it."""

import asyncio
import os
import sys

from firmware.ccm import AesCcm
from firmware.session import LOW, RESERVE, Session
from protocol import report
from protocol.oscore import Context
from tests.firmware.linked_terminal import ON_DEMAND, alarm, fresh, over, started, whats
from tests.firmware.solo_terminal import blinks

PANIC = report.KIND_PANIC


def slots():
    return sorted([name for name in os.listdir("/") if name.startswith("oscore")])


async def test_a_fresh_terminal_agrees_on_keys_at_once_and_speaks():
    terminal = await started()
    await terminal.agreed()
    assert terminal.gateway.log[0][1] == "message_1" and terminal.gateway.log[0][0] < 1500
    assert whats(terminal)[:2] == ["message_1", "message_3"] and "list" in whats(terminal)
    assert terminal.app.uplink.linked and len(slots()) == 1
    assert not any(name in sys.modules for name in ON_DEMAND), "and lets go of what it took"
    await over(terminal)


async def test_an_alarm_pressed_before_there_are_keys_goes_the_moment_they_stand():
    terminal = fresh(delay_ms=200)
    terminal.deaf = True
    await terminal.boot()
    await terminal.press("panic", 650)
    assert len(terminal.frames(True)) == 1 and terminal.gateway.made == []
    assert blinks(await terminal.levels("red", 600), 100, 100), "sending"
    terminal.deaf = False
    await terminal.agreed()
    at, _ = terminal.arrived(PANIC)[0]
    third = [ms for ms, what in terminal.gateway.log if what == "message_3"][0]
    assert at - third <= 3 * 200 + 20, (at, third)
    assert blinks(await terminal.levels("red", 4000), 500, 500), "received"
    await over(terminal)


async def test_after_a_start_the_first_datagram_is_the_alarm():
    terminal = await started()
    await terminal.agreed()
    await terminal.off()
    terminal.up = False
    await terminal.boot()
    await terminal.press("panic", 650)
    await terminal.run(1000)
    terminal.air.clear()
    began = terminal.now
    terminal.bearer.set_up(True)
    await terminal.run(100)
    at, what, urgent, _ = terminal.air[0]
    assert what == terminal.gateway.made[0] and urgent and at - began <= 5
    await terminal.until(lambda: terminal.arrived(PANIC))
    await terminal.run(20000)
    assert terminal.count("edhoc") == 0, "no handshake before it, and none behind it: an alarm is open"
    await over(terminal)


async def test_the_gateway_asks_and_gets_new_keys_without_a_gap():
    terminal = await started()
    await terminal.agreed()
    await terminal.renew()
    await terminal.agreed(2)
    assert terminal.gateway.answers == [(101, 1)]
    assert len(terminal.gateway.made) == 2 and len(slots()) == 1, (len(terminal.gateway.made), slots())
    assert terminal.gateway.refused == 0 and terminal.app.uplink.linked
    # A start finds the new ones.
    await terminal.off()
    await terminal.boot()
    assert terminal.kid == terminal.gateway.made[1]
    await over(terminal)


async def test_keys_of_yesterday_are_made_anew_once_the_time_is_known():
    terminal = await started()
    await terminal.agreed()
    await terminal.off()
    for hours, anew in ((25, True), (10, False)):
        secret, salt = b"s" * 16, b"t" * 8
        link = Session(AesCcm())
        link.adopt(secret, salt, b"old%d" % anew, b"\x01", 1_795_000_000_000 - hours * 3600_000)
        terminal.gateway.contexts[b"old%d" % anew] = _context(secret, salt, b"old%d" % anew)
        made = len(terminal.gateway.made)
        await terminal.boot()
        await terminal.press("available", 100)  # its answer tells the time
        await terminal.run(900_000)
        assert len(terminal.gateway.made) - made == anew, hours
        assert terminal.gateway.refused == 0
        await terminal.off()
    await over(terminal)


def _context(secret, salt, kid):
    return Context(secret, salt, b"\x01", kid, AesCcm())


async def test_an_alarm_at_any_step_of_a_handshake_goes_out_at_once_under_the_keys_in_force():
    """At every moment at which the handshake gives others a turn, a new alarm."""
    terminal = await started()
    await terminal.agreed()
    steps = []
    terminal.hook(steps.append)
    await terminal.renew()
    await terminal.agreed(2)
    count = len(steps)
    assert count > 20, count
    for step in range(1, count + 1):
        moment = []

        def press(n, step=step, moment=moment):
            if n == step and not moment:
                moment.extend((terminal.now, terminal.kid))
                alarm(terminal)

        terminal.hook(press)
        known = len(terminal.arrived(PANIC))
        terminal.air.clear()
        made = len(terminal.gateway.made)
        await terminal.renew()
        await terminal.agreed(made + 1)
        pressed, kid = moment
        first = [item for item in terminal.air if item[2] and item[1] == kid and item[0] >= pressed]
        assert first and first[0][0] - pressed <= 20, (step, first, pressed)
        await terminal.until(lambda known=known: len(terminal.arrived(PANIC)) == known + 1, 1000)
        assert terminal.arrived(PANIC)[-1][0] - pressed <= 60, step
        for panic in list(terminal.app.panics.open):
            terminal.app.desk.command(3, {0: panic.id, 1: 7})
    assert terminal.gateway.refused == 0
    await over(terminal)


async def test_power_cut_at_any_step_of_a_handshake_leaves_keys_that_the_gateway_has():
    terminal = await started()
    await terminal.agreed()
    for step in range(1, 200):
        cut = []
        terminal.hook(lambda n, step=step, cut=cut: cut.append(n) if n == step else None)
        made = len(terminal.gateway.made)
        await terminal.renew()
        waited = 0
        while not cut and (len(terminal.gateway.made) == made or waited < 3000):
            await asyncio.sleep_ms(1)
            waited += 1
        await terminal.off()
        terminal._flying.clear()
        await terminal.boot()
        assert terminal.kid in terminal.gateway.contexts, step
        await terminal.press("available", 100)
        await terminal.run(2000)
        assert terminal.frames(True) == [] and terminal.gateway.refused == 0, step
        terminal.gateway.commands.clear()
        if not cut:
            break
    assert step > 20
    await over(terminal)


async def test_a_gateway_that_lost_its_contexts_is_found_again_and_an_alarm_goes_at_once():
    terminal = await started()
    await terminal.agreed()
    terminal.gateway.lose_everything()
    pressed = terminal.now
    alarm(terminal)
    await terminal.agreed(2)
    at, kid = terminal.arrived(PANIC)[0]
    assert kid == terminal.gateway.made[1] and at - pressed < 5000, at - pressed
    third = [ms for ms, what in terminal.gateway.log if what == "message_3"][-1]
    assert at - third <= 120, "protected anew when the keys stand, not after 20 s"
    await over(terminal)


async def test_without_an_alarm_the_loss_is_mended_within_a_minute_and_no_frame_is_lost():
    terminal = await started()
    await terminal.agreed()
    terminal.gateway.lose_everything()
    await terminal.press("available", 100)
    await terminal.agreed(2)
    assert len(terminal.arrived(report.KIND_STATUS)) == 1 and terminal.frames(True) == []
    lost_ms = terminal.arrived(report.KIND_STATUS)[0][0]
    assert lost_ms < 60000
    await over(terminal)


async def test_a_panic_key_that_chatters_does_not_stop_a_renewal():
    terminal = await started()
    await terminal.agreed()
    began = terminal.now
    await terminal.renew()
    while len(terminal.gateway.made) < 2 and terminal.now - began < 60000:
        await terminal.press("panic", 100)
        await terminal.run(100)
    assert terminal.now - began < 10000, terminal.now - began
    assert terminal.arrived(PANIC) == []
    await over(terminal)


async def test_in_the_second_after_the_panic_key_hardly_anything_is_computed():
    terminal = await started()
    await terminal.agreed()
    when = []
    terminal.hook(lambda n: when.append(terminal.now))
    await terminal.renew()
    await terminal.until(lambda: when)
    when.clear()
    pressed = terminal.now
    await terminal.press("panic", 100)  # too short for an alarm
    await terminal.run(700)
    assert len(when) <= 2, (pressed, when)
    await terminal.agreed(2)
    assert len(when) > 20
    await over(terminal)


async def test_an_alarm_that_waits_for_keys_is_not_kept_waiting_by_its_own_key():
    terminal = fresh()
    terminal.deaf = True
    await terminal.boot()
    terminal.app.waits = lambda: True
    terminal.deaf = False
    waited = await terminal.until(terminal.ready, 60000)
    assert waited < 2000, waited
    await over(terminal)


async def test_with_worn_out_flash_an_alarm_still_gets_out_for_as_long_as_there_is_power():
    terminal = await started()
    await terminal.agreed()
    terminal.flash.worn_out = True
    before = len(terminal.gateway.made)
    for _ in range(150):
        alarm(terminal)
        await terminal.run(600)
        for panic in list(terminal.app.panics.open):
            terminal.app.desk.command(3, {0: panic.id, 1: 7})
    assert len(terminal.arrived(PANIC)) == 150
    assert len(terminal.gateway.made) == before + 1, len(terminal.gateway.made)
    assert terminal.heard("oscore")
    # A start finds flash as bad as it was left: no boot counter, no reservation, and keys all the same.
    await terminal.off()
    await terminal.boot()
    alarm(terminal)
    await terminal.until(lambda: len(terminal.arrived(PANIC)) == 151, 10000)
    await over(terminal)


async def test_with_worn_out_flash_positions_get_out_too():
    """Where flash takes no more numbers, keys are made anew before the last ones are gone; they serve from
    memory, and flash is let alone."""
    terminal = await started()
    await terminal.agreed()
    terminal.flash.worn_out = True
    session = terminal.app.session
    before = len(terminal.gateway.made)
    while not session.flash_errors:
        terminal.app.uplink.wake()
        terminal.app.builder.make(report.KIND_HEALTH, report.HEALTH, {0: 12600})
        await terminal.run(1500)
    assert session.left() >= LOW - 2, "what is urgent has its numbers meanwhile"
    await terminal.agreed(before + 1)
    errors = session.flash_errors
    await terminal.run(600_000)
    assert session.flash_errors == errors and session.left() > RESERVE
    assert len(terminal.gateway.made) == before + 1, "and no more keys than that"
    await over(terminal)
