# runs on: micropython+guest
"""An open socket: what goes out, what comes in, and how it is opened again."""

import asyncio
import time

from firmware.modem import BULK_LIMIT, FIRST, URGENT_LIMIT
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


async def test_a_panic_goes_before_what_is_urgent_too_and_into_a_full_queue():
    story = Story()
    await story.up()
    await asyncio.sleep_ms(2000)
    assert all([story.driver.send(b"u%d" % i, True) for i in range(URGENT_LIMIT)])
    assert story.driver.send(b"panic", FIRST)
    await story.until(lambda: len(story.modem.datagrams) == URGENT_LIMIT, 2000)
    assert story.modem.datagrams == [b"panic", b"u0", b"u1", b"u2"], "the last one comes again"
    assert story.driver.refused == 0
    await story.stop()


async def test_while_an_alarm_may_come_nothing_is_begun_that_it_would_wait_for():
    story = Story()
    await story.up()
    await asyncio.sleep_ms(2000)
    said = len(story.modem.commands())
    began = time.ticks_ms()
    # Long enough that a question to the modem is due meanwhile.
    story.driver.hasty = lambda: time.ticks_diff(time.ticks_ms(), began) < 125000
    story.driver.send(b"bulk")
    story.driver.send(b"status", True)
    await asyncio.sleep_ms(1000)
    assert story.modem.commands()[said:] == [] and story.modem.datagrams == []
    story.modem.receive(b"a receipt")
    story.driver.send(b"panic", FIRST)
    await story.until(lambda: story.modem.datagrams == [b"panic"], 100)
    assert story.datagrams == [b"a receipt"]
    await asyncio.sleep_ms(123000)
    assert len(story.modem.commands()) == said + 1
    await story.until(lambda: len(story.modem.datagrams) == 3, 3000)
    assert story.modem.datagrams == [b"panic", b"status", b"bulk"]
    await asyncio.sleep_ms(2000)
    assert any([command.startswith(b"AT+C") for command in story.modem.commands()[said + 3 :]])
    await story.stop()


async def test_the_newest_alarm_goes_first_and_a_full_queue_loses_no_older_one_before_a_status():
    story = Story()
    await story.up()
    await asyncio.sleep_ms(2000)
    for name in (b"status", b"other", b"third"):
        assert story.driver.send(name, True)
    for name in (b"one", b"two", b"three"):
        assert story.driver.send(name, FIRST)
    await story.until(lambda: len(story.modem.datagrams) == URGENT_LIMIT, 2000)
    assert story.modem.datagrams == [b"three", b"two", b"one", b"status"]
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
    await story.until(lambda: slow, 121000)
    story.driver.send(b"panic", True)
    await story.until(lambda: story.modem.datagrams == [b"panic"], 600)
    after = story.modem.commands()[-1]
    assert after.startswith(b"AT+CIPSEND"), after
    assert time.ticks_diff(story.modem.heard[-1][0], slow[0]) <= 402
    await story.stop()


async def test_a_question_that_hangs_costs_a_panic_three_seconds_and_no_probe():
    """The alarm itself is the probe: whether AT would be answered is not asked before it."""
    story = Story()
    await story.up()
    await asyncio.sleep_ms(1000)
    story.modem.answers[b"AT"] = story.modem.answers[b"AT+CESQ"] = lambda modem, command: None
    await story.until(lambda: story.modem.times_of(b"AT+CESQ"), 121000)
    asked = story.modem.times_of(b"AT+CESQ")[-1]
    story.driver.send(b"panic", True)
    sent_at = await story.until(lambda: story.modem.datagrams == [b"panic"], 4000)
    assert time.ticks_diff(sent_at, asked) < 3200
    assert story.driver.up
    await story.stop()


async def test_an_ok_of_an_older_command_does_not_end_a_datagram():
    story = Story()
    await story.up()
    await asyncio.sleep_ms(1000)

    def late(modem, command):
        modem.say(prompt(modem, command), 60)
        return OK

    story.modem.answers[b"AT+CIPSEND="] = late
    story.driver.send(b"whole")
    await story.until(lambda: story.driver.sent == 1, 1000)
    assert story.modem.datagrams == [b"whole"]
    await story.stop()


async def test_the_signal_is_asked_for_and_unknown_is_none():
    story = Story()
    await story.up()
    await story.until(lambda: story.driver.rsrp_dbm == -92, 2000)
    story.modem.answers[b"AT+CESQ"] = answer(b"+CESQ: 20,0,255,255,255,255")
    await story.until(lambda: story.driver.rssi_dbm == -77, 130000)  # by +CSQ, without LTE
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
