# runs on: micropython+guest
"""An open socket: what goes out, what comes in, and how it is opened again."""

import asyncio
import time

from firmware.modem import BULK_LIMIT, URGENT_LIMIT
from tests.firmware.modem_story import Story
from tests.firmware.scripted_modem import ERROR, OK, answer, prompt
from tests.portable import raises

EVIL = b"\r\nOK\r\n>\r\nERROR\r\n+IPD7\r\n*ATREADY: 1\r\n+CIPEVENT: NETWORK CLOSED\r\n\x00\xff\x1a\x1b"


async def test_a_datagram_goes_out_byte_for_byte():
    story = Story()
    await story.up()
    assert story.driver.send(EVIL)
    await story.until(lambda: story.modem.datagrams == [EVIL], 200)
    await story.until(lambda: story.driver.sent == 1, 200)
    assert b'AT+CIPSEND=0,%d,"10.1.2.3",5683' % len(EVIL) in story.modem.commands()
    await story.stop()


async def test_a_datagram_comes_in_byte_for_byte_also_between_a_command_and_its_answer():
    story = Story()
    await story.up()
    story.modem.answers[b"AT+CIPSEND="] = lambda modem, command: modem.receive(EVIL) or prompt(modem, command)
    story.driver.send(b"one")
    await story.until(lambda: story.datagrams == [EVIL] and story.modem.datagrams == [b"one"], 500)
    assert story.driver.up and story.driver.restarts == 0 and story.driver.received == 1
    await story.stop()


async def test_a_listener_that_fails_does_not_take_the_link_down():
    story = Story()
    await story.up()

    def broken(datagram):
        raise ValueError("not my day")

    story.driver.on_datagram = broken
    story.modem.receive(b"x")
    await asyncio.sleep_ms(100)
    assert story.driver.up and "not my day" in story.log[-1][2]
    await story.stop()


async def test_manual_mode_reads_until_nothing_is_left():
    story = Story(manual_receive=True)
    waiting = [b"first", EVIL]

    def read(modem, command):
        if not waiting:
            return b"\r\n+IP ERROR: No data\r\n" + ERROR
        data = waiting.pop(0)
        return (
            b"\r\n+CIPRXGET: 2,0,%d,%d\r\n" % (len(data), sum([len(d) for d in waiting]))
            + data
            + b"\r\n"
            + OK
        )

    story.modem.answers[b"AT+CIPRXGET=2"] = read
    story.start()
    await story.until(lambda: story.driver.up, 5000)
    assert b"AT+CIPRXGET=1" in story.modem.commands()
    await story.until(lambda: story.datagrams == [b"first", EVIL], 1000)
    waiting.append(b"third")
    story.modem.say(b"\r\n+CIPRXGET: 1,0\r\n")
    await story.until(lambda: story.datagrams[2:] == [b"third"], 200)
    waiting.append(b"lost its URC")
    await story.until(lambda: story.datagrams[3:] == [b"lost its URC"], 11000)
    await story.stop()


async def test_queues_are_bounded_and_keep_one_copy():
    story = Story()
    assert not story.driver.send(b"too early") and story.driver.refused == 1
    await story.up()
    assert all([story.driver.send(b"u%d" % i, True) for i in range(URGENT_LIMIT)])
    assert not story.driver.send(b"one more", True)
    assert story.driver.send(b"u1", True)  # the same bytes, repeated by the urgent lane
    assert all([story.driver.send(b"b%d" % i) for i in range(BULK_LIMIT)])
    assert not story.driver.send(b"b9")
    await story.until(lambda: len(story.modem.datagrams) == URGENT_LIMIT + BULK_LIMIT, 2000)
    assert story.modem.datagrams[:4] == [b"u0", b"u1", b"u2", b"u3"]  # bulk last
    with raises(ValueError):
        story.driver.send(b"x" * 1153)
    with raises(ValueError):
        story.driver.send(b"")
    await story.stop()


async def test_a_panic_overtakes_bulk_and_housekeeping():
    story = Story()
    await story.up()
    await asyncio.sleep_ms(2000)
    story.driver.send(b"bulk 1")
    story.driver.send(b"bulk 2")
    await asyncio.sleep_ms(1)  # the first is on its way
    story.driver.send(b"panic", True)
    await story.until(lambda: len(story.modem.datagrams) == 3, 1000)
    assert story.modem.datagrams == [b"bulk 1", b"panic", b"bulk 2"]
    await story.stop()


async def test_a_panic_waits_for_no_more_than_the_command_in_progress():
    """The modem takes its time over a question: the alarm goes out right behind the answer."""
    story = Story()
    await story.up()
    await asyncio.sleep_ms(10000)
    slow = []

    def signal(modem, command):
        slow.append(time.ticks_ms())
        modem.say(answer(b"+CESQ: 99,99,255,255,20,49"), 400)

    story.modem.answers[b"AT+CESQ"] = signal
    await story.until(lambda: slow, 31000)
    story.driver.send(b"panic", True)
    await story.until(lambda: story.modem.datagrams == [b"panic"], 600)
    after = story.modem.commands()[-1]
    assert after.startswith(b"AT+CIPSEND"), after
    assert time.ticks_diff(story.modem.heard[-1][0], slow[0]) <= 402
    await story.stop()


async def test_a_question_that_hangs_costs_a_panic_three_seconds_and_no_probe():
    story = Story()
    await story.up()
    story.modem.answers[b"AT+CESQ"] = lambda modem, command: None
    await story.until(lambda: story.modem.times_of(b"AT+CESQ"), 31000)
    asked = story.modem.times_of(b"AT+CESQ")[-1]
    story.driver.send(b"panic", True)
    sent_at = await story.until(lambda: story.modem.datagrams == [b"panic"], 4000)
    assert time.ticks_diff(sent_at, asked) < 3200
    assert story.driver.up
    await story.stop()


async def test_the_signal_is_asked_for_and_unknown_is_none():
    story = Story()
    await story.up()
    await story.until(lambda: story.driver.rsrp_dbm == -92, 2000)
    story.modem.answers[b"AT+CESQ"] = answer(b"+CESQ: 20,0,255,255,255,255")
    await story.until(lambda: story.driver.rssi_dbm == -77, 40000)  # by +CSQ, without LTE
    assert story.driver.rsrp_dbm is None
    await story.stop()


async def test_broken_answers_are_counted_and_harmless():
    story = Story()
    await story.up()
    story.modem.say(b"\r\n+CSQ: x,y\r\n\r\n+CEREG: 77\r\n\r\n*PSUTTZ: 1,2\r\n\r\n+CIPERROR: ?\r\n")
    await story.until(lambda: story.driver.bad_lines == 4, 500)
    assert story.driver.up and story.driver.registered
    await story.stop()


async def test_network_time_reaches_the_clock_and_an_unset_one_does_not():
    story = Story()
    await story.up()
    await asyncio.sleep_ms(100)
    assert b"AT+CCLK?" in story.modem.commands()
    assert story.times == [] and story.driver.network_time_ms is None  # 1970
    story.modem.say(b'\r\n*PSUTTZ: 26/03/01,22:05:00","+04",0\r\n')
    await story.until(lambda: story.times == [1772402700000], 500)
    story.modem.say(b'\r\n+CTZE: "+04",0,"2026/03/01,23:05:01"\r\n')
    await story.until(lambda: story.times[1:] == [1772402701000], 500)
    await story.stop()


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
    for missing in (1, 2, 9):
        story = Story()
        await story.up()
        no_prompt(story, missing)
        story.driver.send(b"panic report", True)
        await story.until(lambda story=story: b"panic report" in story.modem.datagrams, 12000)
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
