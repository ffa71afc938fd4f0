# runs on: micropython+guest
"""An open socket that is lost, or only seems to be: opened again there, left alone here."""

import asyncio

from tests.firmware.modem_story import Story
from tests.firmware.scripted_modem import ERROR, answer, prompt


async def reopened(story, commands, within_ms=5000):
    """It goes down and comes up again, with these commands on the way."""
    await story.until(lambda: not story.driver.up, 1000)
    await story.until(lambda: story.driver.up, within_ms)
    for command in commands:
        assert story.modem.times_of(command), command
    story.modem.heard.clear()


async def test_every_sign_of_a_lost_socket_opens_it_again():
    story = Story()
    await story.up()
    await asyncio.sleep_ms(61000)
    for urc in (b"+CIPERROR: 4", b"+IPCLOSE: 0,1"):
        story.modem.say(b"\r\n" + urc + b"\r\n")
        await reopened(story, [b"AT+CIPCLOSE=0", b"AT+CIPOPEN="])
        await asyncio.sleep_ms(61000)
        story.modem.heard.clear()
    for urc in (b"+CIPEVENT: NETWORK CLOSED UNEXPECTEDLY", b"+CIPERROR: 2"):
        story.modem.say(b"\r\n" + urc + b"\r\n")
        await reopened(story, [b"AT+NETCLOSE", b"AT+NETOPEN", b"AT+CIPOPEN="])
        await asyncio.sleep_ms(61000)
        story.modem.heard.clear()
    assert story.driver.restarts == 0 and story.reset.pulses() == []
    await story.stop()


async def test_another_socket_is_not_ours():
    story = Story()
    await story.up()
    story.modem.say(b"\r\n+IPCLOSE: 3,1\r\n\r\n+CIPEVENT: SOMETHING ELSE\r\n")
    await asyncio.sleep_ms(500)
    assert story.driver.up and len(story.states) and story.states[-1][1] == story.driver.state
    assert not story.modem.times_of(b"AT+CIPOPEN=")
    await story.stop()


async def test_a_late_boot_urc_is_looked_into_and_changes_nothing():
    story = Story()
    await story.up()
    for urc in (b"PB DONE", b"SMS DONE", b"+CPIN: READY", b"*ATREADY: 1"):
        story.modem.heard.clear()
        story.modem.say(b"\r\n" + urc + b"\r\n")
        await story.until(lambda: story.modem.times_of(b"AT+CIPOPEN?"), 500)
        await asyncio.sleep_ms(100)
        assert story.driver.up and not story.modem.times_of(b"AT+CIPOPEN=")
    await story.stop()


async def test_a_modem_that_restarts_by_itself_is_set_up_anew():
    """Only one boot URC tells: sockets are gone and the echo is on again."""
    story = Story()
    await story.up()
    await asyncio.sleep_ms(61000)
    story.modem.echo = True
    story.modem.answers[b"AT+CIPOPEN?"] = answer(b"+CIPOPEN: 0")
    story.modem.say(b"\r\nPB DONE\r\n")
    await story.until(lambda: not story.driver.up, 500)
    story.modem.answers[b"AT+CIPOPEN?"] = answer(b'+CIPOPEN: 0,"UDP",,,5683')
    await story.until(lambda: story.driver.up, 5000)
    assert story.modem.times_of(b"ATE0") and story.driver.restarts == 1
    await story.stop()


async def test_a_modem_that_takes_no_datagram_gets_a_new_socket():
    story = Story()
    await story.up()
    story.modem.answers[b"AT+CIPSEND="] = ERROR
    story.driver.send(b"panic", True)
    await story.until(lambda: not story.driver.up, 500)
    assert len(story.modem.times_of(b"AT+CIPSEND=")) == 2  # the alarm was tried twice
    story.modem.answers[b"AT+CIPSEND="] = prompt
    await story.until(lambda: story.driver.up, 5000)
    assert story.driver.send(b"panic", True)
    await story.until(lambda: story.modem.datagrams == [b"panic"], 500)
    await story.stop()


async def test_a_full_buffer_is_no_reason_to_close():
    story = Story()
    await story.up()

    story.modem.confirms = 0
    story.driver.send(b"bulk")
    await story.until(lambda: story.driver.failed == 1, 500)
    assert story.driver.up and story.driver.sent == 0
    story.modem.confirms = -1  # but this is: the connection is gone
    story.driver.send(b"bulk")
    await story.until(lambda: not story.driver.up, 500)
    await story.stop()


def no_prompt(story, missing):
    """The next CIPSEND prompts with a bit turned over, and so many of the bytes after it get lost."""

    def unseen(modem, command):
        modem.answers[b"AT+CIPSEND="] = prompt
        prompt(modem, command)
        modem.raw_left += missing
        return b"\r\n\xbe"

    story.modem.answers[b"AT+CIPSEND="] = unseen


async def test_a_prompt_lost_in_noise():
    """The modem waits for the bytes all the same: it gets them, and nothing else is sent in their place."""
    story = Story()
    await story.up()
    no_prompt(story, 0)
    story.driver.send(b"position report", True)
    await story.until(lambda: story.driver.sent == 1, 4000)
    assert story.modem.datagrams == [b"position report"]
    story.driver.send(b"next")
    await story.until(lambda: story.modem.datagrams[1:] == [b"next"], 500)
    await story.stop()


async def test_a_modem_that_has_lost_bytes_of_a_datagram_is_filled_up():
    """It takes AT for the rest of a datagram: carriage returns end that, and the alarm goes out whole."""
    alarm = b"panic" * 50
    for missing in (1, 2, 9, 230):
        story = Story()
        await story.up()
        no_prompt(story, missing)
        story.driver.send(alarm, True)
        await story.until(lambda story=story: alarm in story.modem.datagrams, 14000)
        assert story.driver.up and story.reset.pulses() == []
        await story.stop()


async def test_a_block_that_stops_half_way_does_not_swallow_the_rest():
    story = Story()
    await story.up()
    story.modem.say(b"\r\n+IPD200\r\nonly this much")
    await asyncio.sleep_ms(1500)
    story.modem.receive(b"whole")
    await story.until(lambda: story.datagrams == [b"whole"], 500)
    assert story.driver.up
    await story.stop()


async def test_a_link_that_has_gone_deaf_is_opened_again_each_time_from_further_back():
    """Datagrams go out and nothing comes in: another local port, then the network, the radio, the modem."""
    story = Story()
    await story.up()
    seen = []
    for _ in range(1500):
        story.driver.send(b"hello?", True)
        await asyncio.sleep_ms(500)
    seen = [
        c
        for c in story.modem.commands()
        if c.startswith((b"AT+CIPOPEN=", b"AT+NETCLOSE", b"AT+CFUN=4", b"AT+CRESET"))
    ]
    assert seen[0] == b'AT+CIPOPEN=0,"UDP",,,5684', seen
    assert seen[1] == b"AT+NETCLOSE" and b"AT+CFUN=4" in seen and b"AT+CRESET" in seen, seen
    assert seen.index(b"AT+CFUN=4") < seen.index(b"AT+CRESET")
    await story.stop()


async def test_a_link_that_is_answered_is_left_alone():
    story = Story()
    await story.up()
    story.modem.on_datagram = lambda data: story.modem.receive(b"2.04", 50)
    for _ in range(600):
        story.driver.send(b"hello", True)
        await asyncio.sleep_ms(500)
    assert not story.modem.times_of(b"AT+CIPOPEN=")
    assert len(story.datagrams) == 600
    await story.stop()
