# runs on: micropython+guest
"""From power to an open socket, with all that modems do on the way."""

import asyncio

from firmware.modem import ATTACH
from tests.firmware.modem_story import Story
from tests.firmware.scripted_modem import ERROR, OK, ScriptedModem, answer


async def test_a_running_modem_is_taken_over_without_a_press():
    """The terminal restarted, its modem did not: no key, no reset, up within three seconds."""
    story = Story()
    await story.up(3000)
    commands = story.modem.commands
    assert story.pwrkey.pulses() == [] and story.reset.pulses() == []
    assert story.supply.edges[-1][1] == 1
    assert story.driver.registered and not story.driver.roaming
    await story.stop()
    assert commands() == []
    assert not story.driver.up


async def test_the_order_of_a_start():
    story = Story()
    story.start()
    await story.until(lambda: story.driver.up, 5000)
    order = [
        b"AT",
        b"ATE0",
        b"AT+CMEE=1",
        b"AT+CPIN?",
        b"AT+CGDCONT?",
        b"AT+CEREG=1",
        b"AT+CEREG?",
        b"AT+NETOPEN?",
        b"AT+NETOPEN",
        b'AT+CIPOPEN=0,"UDP",,,5683',
    ]
    at = -1
    commands = story.modem.commands()
    for command in order:
        assert command in commands, command
        assert commands.index(command) > at, command
        at = commands.index(command)
    assert not [
        c for c in commands if c.startswith((b"AT+CPIN=", b"AT+CFUN=4", b"AT+CGDCONT=", b"AT+CGAUTH"))
    ]
    await story.stop()


async def test_a_cold_modem_is_switched_on_by_its_key_and_found_when_it_has_booted():
    modem = ScriptedModem()
    modem.awake = False
    story = Story(modem)
    story.pwrkey.on_change = lambda level: None if level else modem.boot(16000)
    story.start()
    await story.until(lambda: story.driver.up, 40000)
    assert story.pwrkey.pulses() == [600]  # longer than 500 ms, shorter than the 2.5 s that switch off
    assert story.reset.pulses() == []
    assert story.ms() < 23000
    await story.stop()


async def test_echo_with_urcs_before_and_after_it():
    story = Story()
    story.modem.before_echo = b"\r\n+CEREG: 1\r\n"
    story.modem.after_echo = b"\r\n+CGEV: ME PDN ACT 8,1\r\n"
    story.modem.answers[b"ATE0"] = lambda modem, command: setattr(modem, "echo", True) or OK
    await story.up(5000)
    await asyncio.sleep_ms(61000)
    assert story.driver.up and story.driver.restarts == 0  # an echo that never ended is no sign of anything
    await story.stop()


async def test_one_byte_at_a_time():
    story = Story()
    whole = story.modem.inject

    def dribble(data):
        for i in range(len(data)):
            whole(data[i : i + 1])

    story.modem.inject = dribble
    await story.up(5000)
    story.modem.receive(b"\r\nOK\r\n>")
    await story.until(lambda: story.datagrams, 200)
    assert story.datagrams == [b"\r\nOK\r\n>"]
    await story.stop()


async def test_registration_takes_its_time_and_roaming_counts():
    story = Story()
    for domain in (b"CEREG", b"CGREG", b"CREG"):
        story.modem.answers[b"AT+%s?" % domain] = answer(b"+%s: 1,2" % domain)
    story.start()
    await asyncio.sleep_ms(28000)
    assert story.driver.state == ATTACH
    story.modem.say(b'\r\n+CEREG: 5,"1A2B","01C3D4E5",7\r\n')
    begun = story.ms()
    await story.until(lambda: story.driver.up, 3000)
    assert story.driver.registered and story.driver.roaming
    assert story.ms() - begun < 2000  # the URC, not the next question, moved it on
    await story.stop()


async def test_a_network_that_refuses_is_told_and_asked_again_with_growing_patience():
    story = Story()
    for domain in (b"CEREG", b"CGREG", b"CREG"):
        story.modem.answers[b"AT+%s?" % domain] = answer(b"+%s: 1,3" % domain)
    story.start()
    await asyncio.sleep_ms(1500000)
    assert story.driver.fault == "the network refuses this SIM card"
    off = story.modem.times_of(b"AT+CFUN=4")
    assert len(off) >= 2
    assert off[1] - off[0] > 1.9 * (off[0] - story.begun)
    await story.stop()


async def test_another_access_point_is_set_once_and_the_radio_goes_round():
    story = Story(apn="police", user="car", password="secret")
    story.start()
    await story.until(lambda: story.driver.up, 20000)
    commands = story.modem.commands()
    assert b'AT+CGDCONT=1,"IP","police"' in commands
    assert b'AT+CGAUTH=1,1,"secret","car"' in commands
    assert commands.count(b"AT+CFUN=4") == 1
    assert commands.index(b"AT+CFUN=4") < len(commands) - commands[::-1].index(b"AT+CFUN=1")
    assert not [row for row in story.log if "secret" in row[2]]
    await story.stop()


async def test_the_network_was_open_already():
    story = Story()
    story.modem.answers[b"AT+NETOPEN"] = b"\r\n+IP ERROR: Network is already opened\r\n" + ERROR
    await story.up(5000)
    assert not [row for row in story.log if row[1] == 1]
    await story.stop()


async def test_the_network_opens_late():
    story = Story()
    story.modem.answers[b"AT+NETOPEN"] = lambda modem, command: modem.say(b"\r\n+NETOPEN: 0\r\n", 90000) or OK
    await story.up(100000)
    assert story.ms() > 90000 and story.driver.restarts == 0
    await story.stop()


async def test_a_network_that_does_not_open():
    """Third failure: the radio goes off and on; ninth: the modem starts again; then it works."""
    story = Story()
    story.modem.answers[b"AT+NETOPEN"] = OK + b"\r\n+NETOPEN: 1\r\n"
    story.start()
    await story.until(lambda: b"AT+CRESET" in story.modem.commands(), 600000)
    commands = story.modem.commands()
    assert commands.count(b"AT+NETOPEN") == 9 and commands.count(b"AT+CFUN=4") == 2
    assert "access point" in story.driver.fault
    del story.modem.answers[b"AT+NETOPEN"]
    story.modem.answers[b"AT+NETOPEN"] = OK + b"\r\n+NETOPEN: 0\r\n"
    await story.until(lambda: story.driver.up, 30000)
    assert story.driver.fault is None
    await story.stop()


async def test_a_taken_local_port_leads_to_the_next():
    story = Story()

    def busy(modem, command):
        if command.endswith(b",5683"):
            return b"\r\n+CIPOPEN: 0,6\r\n" + ERROR
        return OK + b"\r\n+CIPOPEN: 0,0\r\n"

    story.modem.answers[b"AT+CIPOPEN="] = busy
    story.start()
    await story.until(lambda: story.driver.up, 10000)
    assert b'AT+CIPOPEN=0,"UDP",,,5684' in story.modem.commands()
    await story.stop()


async def test_a_name_is_resolved():
    story = Story(host="gateway.example")
    story.modem.answers[b"AT+CDNSGIP"] = answer(b'+CDNSGIP: 1,"gateway.example","10.9.8.7"')
    await story.up()
    story.driver.send(b"hello")
    await story.until(lambda: story.modem.datagrams == [b"hello"], 1000)
    assert b'AT+CIPSEND=0,5,"10.9.8.7",5683' in story.modem.commands()
    await story.stop()


async def restarted_while_opening(found_before_ms):
    """*ATREADY while CIPOPEN is awaited; ms until it is up again."""
    story = Story()
    slow = b"\r\n+CPIN: NOT READY\r\n" + OK
    story.modem.answers[b"AT+CPIN?"] = slow
    story.start()
    await asyncio.sleep_ms(found_before_ms)
    story.modem.answers[b"AT+CPIN?"] = answer(b"+CPIN: READY")
    story.modem.say(b"\r\n+CPIN: READY\r\n")
    story.modem.answers[b"AT+CIPOPEN="] = lambda modem, command: None
    await story.until(lambda: story.modem.times_of(b"AT+CIPOPEN="), 5000)
    story.modem.answers[b"AT+CIPOPEN="] = OK + b"\r\n+CIPOPEN: 0,0\r\n"
    story.modem.echo = True
    story.modem.say(b"\r\n*ATREADY: 1\r\n")
    begun = story.ms()
    await story.until(lambda: story.driver.up, 60000)
    assert story.driver.restarts == 1
    await story.stop()
    return story.ms() - begun


async def test_a_restart_in_the_middle_of_opening():
    """Nobody waits out the 120 s; long after the start the boot URC alone is enough."""
    assert await restarted_while_opening(30000) < 3000
    assert await restarted_while_opening(1000) < 20000


async def test_a_late_boot_urc_does_not_begin_the_start_again():
    story = Story()
    story.modem.answers[b"AT+CPIN?"] = lambda modem, command: (
        modem.say(b"\r\n*ATREADY: 1\r\n") or answer(b"+CPIN: READY")
    )
    story.start()
    await story.until(lambda: story.driver.up, 5000)
    assert story.modem.commands().count(b"ATE0") == 1 and story.driver.restarts == 0
    await story.stop()


async def test_an_echo_that_comes_back_is_a_restart():
    """The boot URCs were lost in noise: the next answered command shows it."""
    story = Story()
    await story.up()
    await asyncio.sleep_ms(1000)
    story.modem.echo = True
    story.driver.send(b"x")
    await story.until(lambda: story.driver.restarts == 1, 500)
    await story.until(lambda: story.driver.up, 5000)
    assert story.modem.times_of(b"ATE0") and not story.modem.echo
    await story.stop()


async def test_what_the_board_wants_said_is_said_at_each_start_of_the_modem():
    """The receiver inside an A7670 is off after a start, also one that nobody announced."""
    wanted = (b"AT+CGSETV=1,1", b"AT+CGNSSPWR=1")
    story = Story(commands=("AT+CGSETV=1,1", "AT+CGNSSPWR=1"))
    story.start()
    await story.until(lambda: story.driver.up, 20000)
    said = [command for command in story.modem.commands() if command in wanted]
    assert said == list(wanted)
    story.modem.heard.clear()
    await asyncio.sleep_ms(40000)
    assert not [command for command in story.modem.commands() if command in wanted]
    story.modem.answers[b"AT+CIPOPEN?"] = OK
    story.modem.boot(2000)
    await story.until(lambda: wanted[1] in story.modem.commands(), 60000)
    await story.stop()
