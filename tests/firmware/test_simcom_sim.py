# runs on: micropython+guest
"""The SIM: one that takes its time, one that is not there, and PINs that are never sent twice."""

import asyncio

import _solo

from firmware.modem import SIM
from firmware.simpin import MemoryStore
from tests.firmware.modem_story import Story
from tests.firmware.scripted_modem import ERROR, OK, answer


async def test_a_sim_failure_is_not_final():
    """`+CME ERROR: SIM failure`, and READY eleven seconds later as a URC: no fault, no restart."""
    story = Story()
    story.modem.answers[b"AT+CPIN?"] = b"\r\n+CME ERROR: SIM failure\r\n"

    def mend(modem=story.modem):
        modem.answers[b"AT+CPIN?"] = answer(b"+CPIN: READY")

    story.start()
    await asyncio.sleep_ms(11000)
    assert story.driver.state == SIM and story.driver.fault is None
    mend()
    story.modem.say(b"\r\n+CPIN: READY\r\n")
    begun = story.ms()
    await story.until(lambda: story.driver.up, 5000)
    assert story.ms() - begun < 2000
    assert story.reset.pulses() == []
    await story.stop()


async def test_no_card_is_told_to_a_person_and_tried_again_for_ever():
    story = Story()
    story.modem.answers[b"AT+CPIN?"] = b"\r\n+CME ERROR: 10\r\n"
    story.start()
    await story.until(lambda: story.driver.fault == "no SIM card", 40000)
    await story.until(lambda: b"AT+CRESET" in story.modem.commands(), 200000)
    story.modem.answers[b"AT+CPIN?"] = answer(b"+CPIN: READY")
    await story.until(lambda: story.driver.up, 60000)
    assert story.driver.fault is None
    await story.stop()


def locked(modem, right=b"1234", tries=3):
    """A card that asks for its PIN and counts; returns the count, as a list of one."""
    left = [tries]
    unlocked = [False]

    def cpin(modem, command):
        if unlocked[0]:
            return answer(b"+CPIN: READY")
        return answer(b"+CPIN: SIM PIN" if left[0] else b"+CPIN: SIM PUK")

    def enter(modem, command):
        if not left[0]:
            return b"\r\n+CME ERROR: 12\r\n"
        if command == b'AT+CPIN="%s"' % right:
            _solo.later(3000, lambda: unlocked.append(True) or unlocked.pop(0))  # it takes the card a while
            left[0] = 3
            return OK
        left[0] -= 1
        return b"\r\n+CME ERROR: 16\r\n"

    modem.answers[b"AT+CPIN?"] = cpin
    modem.answers[b"AT+CPIN="] = enter
    modem.answers[b"AT+SPIC"] = lambda modem, command: answer(b"+SPIC: %d,10,0,10" % left[0])
    return left


def pins_sent(story):
    return [command for command in story.modem.commands() if command.startswith(b"AT+CPIN=")]


async def test_the_right_pin_is_sent_once_and_nothing_is_kept():
    store = MemoryStore()
    story = Story(store=store, pin="1234")
    locked(story.modem)
    story.start()
    await story.until(lambda: story.driver.up, 10000)
    assert pins_sent(story) == [b'AT+CPIN="1234"']
    assert store.load() == b""
    await story.stop()
    assert not [row for row in story.log if "1234" in row[2]]


async def test_a_wrong_pin_is_sent_once_in_its_life():
    """Not again after an hour, not after a restart of the terminal, not by way of another PIN and back."""
    store = MemoryStore()
    first = Story(store=store, pin="1111")
    left = locked(first.modem, tries=3)
    first.start()
    await asyncio.sleep_ms(3600000)
    assert pins_sent(first) == [b'AT+CPIN="1111"'] and left == [2]
    assert "PIN" in first.driver.fault
    await first.stop()

    second = Story(store=store, pin="1111")
    left = locked(second.modem, tries=3)  # somebody has unlocked it in a telephone meanwhile
    second.start()
    await asyncio.sleep_ms(600000)
    assert pins_sent(second) == [] and left == [3]
    await second.stop()

    third = Story(store=store, pin="2222")
    left = locked(third.modem, tries=3)
    third.start()
    await asyncio.sleep_ms(60000)
    assert pins_sent(third) == [b'AT+CPIN="2222"'] and left == [2]
    await third.stop()

    again = Story(store=store, pin="1111")
    locked(again.modem, tries=3)
    again.start()
    await asyncio.sleep_ms(60000)
    assert pins_sent(again) == []
    await again.stop()

    mended = Story(store=store, pin="1234")
    locked(mended.modem, tries=2)
    mended.start()
    await mended.until(lambda: mended.driver.up, 10000)
    await mended.stop()


async def test_the_last_try_is_left_to_a_person():
    story = Story(pin="1234")
    left = locked(story.modem, tries=1)
    story.start()
    await asyncio.sleep_ms(300000)
    assert pins_sent(story) == [] and left == [1]
    assert "kept for a person" in story.driver.fault
    await story.stop()


def unheard(function):
    """The same command with its answer lost."""

    def silently(modem, command):
        function(modem, command)

    return silently


async def test_power_lost_while_the_pin_was_judged():
    """The record was written before: a wrong PIN is known by the count, a right one may go again."""
    for right, sent_again in ((b"9999", False), (b"1234", True)):
        store = MemoryStore()
        story = Story(store=store, pin="1234")
        left = locked(story.modem, right=right)
        story.modem.answers[b"AT+CPIN="] = unheard(story.modem.answers[b"AT+CPIN="])
        story.start()
        await asyncio.sleep_ms(2000)
        assert len(pins_sent(story)) == 1
        await story.stop()

        after = Story(store=store, pin="1234")
        locked(after.modem, right=right, tries=left[0])
        after.start()
        await asyncio.sleep_ms(60000)
        assert bool(pins_sent(after)) == sent_again, right
        await after.stop()


async def test_without_a_count_a_pin_goes_only_once():
    store = MemoryStore()
    for expected in (1, 0):
        story = Story(store=store, pin="1111")
        locked(story.modem)
        story.modem.answers[b"AT+SPIC"] = ERROR
        story.start()
        await asyncio.sleep_ms(60000)
        assert len(pins_sent(story)) == expected
        await story.stop()
