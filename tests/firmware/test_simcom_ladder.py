# runs on: micropython+guest
"""A modem that says nothing: what is tried, in which order, for how long, and what an alarm forbids."""

import asyncio
import time

import _solo

from firmware.modem import OFF
from tests.firmware.modem_story import Story
from tests.firmware.scripted_modem import ScriptedModem

HOUR_MS = 3600000


def steps(story):
    """The rungs as the log tells them, without the times."""
    return [text[len("modem: ") :] for _, level, text in story.log if level == 1 or "power key" in text]


async def test_the_ladder_in_its_order_with_its_own_waits():
    modem = ScriptedModem()
    modem.awake = False
    story = Story(modem)
    story.start()
    await asyncio.sleep_ms(230000)
    told = steps(story)
    wanted = [
        "power key: on",  # at a cold start first of all
        "asking at other rates",
        "reset line",
        "power key: on",
        "power key: off",
        "power key: on",
        "supply off",
        "power key: on",
        "silent through the whole ladder, again in 5 s",
    ]
    assert told[: len(wanted)] == wanted, told
    assert story.reset.pulses()[0] == 2500
    assert story.pwrkey.pulses()[:5] == [600, 600, 3000, 600, 600]
    off = [ms for ms, level in story.supply.edges if not level][0]
    on = [ms for ms, level in story.supply.edges if level and ms > off][0]
    assert 5000 <= time.ticks_diff(on, off) < 5100
    # After each press the modem gets its time to boot.
    presses = [ms for ms, level in story.pwrkey.edges if level]
    assert time.ticks_diff(presses[1], presses[0]) > 25000
    assert story.driver.state == OFF and not story.driver.up
    await story.stop()


async def test_the_ladder_goes_on_for_ever_with_growing_pauses():
    modem = ScriptedModem()
    modem.awake = False
    story = Story(modem)
    story.start()
    await asyncio.sleep_ms(6 * HOUR_MS)
    pauses = [int(text.split()[-2]) for text in steps(story) if text.startswith("silent")]
    assert pauses[:7] == [5, 10, 20, 40, 80, 160, 300] and set(pauses[7:]) == {300}, pauses
    assert story.longest_silence <= 5000  # the supervisor heard from it all the time
    modem.awake = True
    await story.until(lambda: story.driver.up, 310000)
    await story.stop()


async def helped_by(rung, works_at):
    """A modem that hangs and starts again only when this wire goes to that level."""
    modem = ScriptedModem()
    story = Story(modem)
    await story.up()
    modem.awake = False
    wire = getattr(story, rung)
    begun = story.ms()
    wire.on_change = lambda level: modem.boot(8000) if level == works_at else None
    await story.until(lambda: story.driver.state == OFF, 60000)
    await story.until(lambda: story.driver.up, 300000)
    assert len(wire.edges) > 1
    await story.stop()
    return story.ms() - begun


async def test_each_rung_can_be_the_one_that_helps():
    by_reset = await helped_by("reset", 0)
    by_key = await helped_by("pwrkey", 0)
    by_supply = await helped_by("supply", 1)
    assert by_reset < by_key < by_supply < 250000


async def test_a_modem_at_another_rate_is_found_and_brought_back():
    modem = ScriptedModem(rate=9600)
    story = Story(modem, pins={})

    def change(modem, command):
        # The OK still goes out at the old rate.
        modem.say(b"\r\nOK\r\n", 5)
        _solo.later(8, lambda: setattr(modem, "rate", 115200))

    modem.answers[b"AT+IPR=115200"] = change
    story.start()
    await story.until(lambda: story.driver.up, 30000)
    assert b"AT+IPR=115200" in modem.commands()
    assert modem._baud == 115200 and modem._rxbuf == 2048
    await story.stop()


async def test_a_board_without_pins_keeps_asking():
    modem = ScriptedModem()
    modem.awake = False
    story = Story(modem, pins={})
    story.start()
    await asyncio.sleep_ms(60000)
    modem.awake = True
    await story.until(lambda: story.driver.up, 60000)
    assert not [text for text in steps(story) if "key" in text or "reset" in text or "supply" in text]
    await story.stop()


async def test_pins_may_be_plain_functions():
    levels = []
    modem = ScriptedModem()
    modem.awake = False
    story = Story(modem, pins={"pwrkey": levels.append})
    story.start()
    await asyncio.sleep_ms(2000 + 1100 + 700)
    assert levels == [0, 1, 0]
    await story.stop()


async def test_a_sim7600_gets_its_own_times():
    """A short reset, and half a minute to leave the network after its key."""
    modem = ScriptedModem()
    modem.awake = False
    story = Story(modem, modem="SIM7600E")
    story.start()
    await asyncio.sleep_ms(200000)
    assert story.reset.pulses()[0] == 300
    assert story.pwrkey.pulses()[:4] == [600, 600, 3000, 600]
    edges = [ms for ms, _ in story.pwrkey.edges]
    released, pressed = edges[6], edges[7]  # after one edge at the start, two presses and the long one
    assert 27000 <= time.ticks_diff(pressed, released) < 27100
    await story.stop()


async def reset_after(panic_ms):
    """AT is silent but datagrams come in; ms from there to the reset line, with an alarm after `panic_ms`."""
    story = Story()
    await story.up()
    modem = story.modem
    modem._obey = lambda command: None

    async def downlink():
        while True:
            modem.receive(b"2.04")
            await asyncio.sleep_ms(1000)

    task = asyncio.create_task(downlink())
    begun = story.ms()
    if panic_ms is not None:
        await asyncio.sleep_ms(panic_ms)
        story.driver.panic_active = True
    await story.until(lambda: story.reset.edges[1:], 60000)
    took = story.ms() - begun
    task.cancel()
    await story.stop()
    return took


async def test_a_young_panic_on_a_working_link_holds_the_reset_off_for_ten_seconds():
    without = await reset_after(None)
    just_before = without - 1000
    assert without < 45000
    assert just_before + 10000 <= await reset_after(just_before) < just_before + 13000
    # One that is ten seconds old already holds nothing off any more.
    assert await reset_after(0) < without + 2000


async def test_a_young_panic_on_a_link_that_is_dead_holds_nothing_off():
    story = Story()
    await story.up()
    story.modem.receive(b"the last one")
    await asyncio.sleep_ms(80000)
    story.modem._obey = lambda command: None
    await story.until(lambda: story.driver.state == OFF, 60000)
    story.driver.panic_active = True
    begun = story.ms()
    await story.until(lambda: story.reset.edges[1:], 60000)
    assert story.ms() - begun < 10000
    await story.stop()


async def test_a_panic_ends_a_long_pause():
    modem = ScriptedModem()
    modem.awake = False
    story = Story(modem)
    story.start()
    await story.until(lambda: "silent through the whole ladder, again in 300 s" in steps(story), 2 * HOUR_MS)
    await asyncio.sleep_ms(1000)
    rungs = story.driver._ladder.rungs
    story.driver.panic_active = True
    begun = story.ms()
    await story.until(lambda: story.driver._ladder.rungs > rungs, 60000)
    assert story.ms() - begun < 8000
    await story.stop()


async def test_a_panic_while_the_modem_is_dead_goes_out_as_soon_as_it_lives():
    modem = ScriptedModem()
    story = Story(modem)
    await story.up()
    modem.awake = False
    story.driver.panic_active = True
    story.reset.on_change = lambda level: None if level else modem.boot(8000)
    begun = story.ms()
    while not modem.datagrams:
        story.driver.send(b"panic", True)
        await asyncio.sleep_ms(500)
        assert story.ms() - begun < 60000
    assert modem.datagrams[0] == b"panic"
    await story.stop()


async def test_a_listener_that_hangs_from_the_first_moment_is_replaced():
    """Nobody reads: the modem seems silent. After one climb another listener is there, and it is found."""
    story = Story()
    port = story.driver._port
    hung = []

    async def hang():
        hung.append(story.ms())
        while True:
            await asyncio.sleep_ms(HOUR_MS)

    listen = port.listen
    port.listen = lambda: listen() if hung else hang()
    story.start()
    await story.until(lambda: story.driver.up, 300000)
    assert len(hung) == 1
    await story.stop()
