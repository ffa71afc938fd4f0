# runs on: micropython+guest
"""Quectel's modems: what they say otherwise, and how the driver lives with it. What all have in common is
told in test_simcom_*."""

import asyncio

from firmware.modem import FIRST
from firmware.quectel import Quectel
from firmware.simpin import MemoryStore
from tests.firmware.modem_story import Story
from tests.firmware.scripted_modem import ERROR, OK, answer
from tests.firmware.scripted_quectel import ScriptedQuectel, fetched, prompt

EVIL = b'\r\nOK\r\n> \r\nSEND OK\r\n+QIRD: 9\r\n+QIURC: "closed",0\r\nAPP RDY\r\n\x00\xff\x1a\x1b'
NOON_MS = 1780488000000  # 2026-06-03 12:00:00 UTC


def story(**config):
    return Story(ScriptedQuectel(), make=Quectel, **config)


async def test_it_comes_up_with_urcs_on_this_port_and_a_port_of_the_modem_s_choice():
    one = story()
    one.start()
    await one.until(lambda: one.driver.up, 20000)
    said = one.modem.commands()
    assert b'AT+QURCCFG="urcport","uart1"' in said
    assert said.index(b"AT+QIACT=1") < said.index(b'AT+QIOPEN=1,0,"UDP","10.1.2.3",5683,0,0')
    assert not any(b"CIP" in command or b"NETOPEN" in command for command in said)
    await one.stop()


async def test_a_datagram_goes_out_and_comes_in_byte_for_byte():
    one = story()
    await one.up()
    one.modem.answers[b"AT+QISEND="] = lambda modem, command: modem.receive(EVIL) or prompt(modem, command)
    assert one.driver.send(EVIL)
    await one.until(lambda: one.modem.datagrams == [EVIL] and one.datagrams == [EVIL], 1000)
    await one.until(lambda: one.driver.sent == 1, 200)
    assert b"AT+QISEND=0,%d" % len(EVIL) in one.modem.commands()
    await one.stop()


async def test_all_that_waits_is_fetched_after_one_announcement():
    one = story()
    await one.up()
    for n in range(5):
        one.modem.receive(b"datagram %d" % n)
    await one.until(lambda: len(one.datagrams) == 5, 2000)
    assert one.datagrams == [b"datagram %d" % n for n in range(5)]
    asked = len([c for c in one.modem.commands() if c.startswith(b"AT+QIRD")])
    await asyncio.sleep_ms(5000)
    assert len([c for c in one.modem.commands() if c.startswith(b"AT+QIRD")]) == asked == 6
    await one.stop()


async def test_what_was_never_announced_is_fetched_all_the_same():
    one = story()
    await one.up()
    one.modem.receive(b"silent", announced=False)
    await one.until(lambda: one.datagrams == [b"silent"], 12000)
    await one.stop()


async def test_an_activation_that_answers_error_counts_when_the_context_is_up():
    one = story()
    one.modem.answers[b"AT+QIACT=1"] = ERROR

    def state(modem, command):
        tried = any(c.startswith(b"AT+QIACT=1") for c in modem.commands())
        return answer(b'+QIACT: 1,1,1,"10.7.0.9"') if tried else OK

    one.modem.answers[b"AT+QIACT?"] = state
    one.start()
    await one.until(lambda: one.driver.up, 20000)
    assert one.modem.commands().count(b"AT+QIACT=1") == 1
    assert b"AT+QIDEACT=1" not in one.modem.commands()
    await one.stop()


async def test_an_activation_that_fails_is_put_away_and_tried_again():
    one = story()
    one.modem.answers[b"AT+QIACT=1"] = ERROR
    one.start()
    await one.until(lambda: len([c for c in one.modem.commands() if c == b"AT+QIACT=1"]) >= 2, 60000)
    assert b"AT+QIDEACT=1" in one.modem.commands()
    one.modem.answers[b"AT+QIACT=1"] = OK
    await one.until(lambda: one.driver.up, 200000)
    await one.stop()


async def test_a_closed_socket_is_closed_here_too_before_it_opens_again():
    one = story()
    await one.up()
    one.modem.say(b'\r\n+QIURC: "closed",0\r\n')
    await one.until(lambda: b'AT+QIOPEN=1,0,"UDP","10.1.2.3",5683,0,0' in one.modem.commands(), 3000)
    said = one.modem.commands()
    assert said.index(b"AT+QICLOSE=0") < said.index(b'AT+QIOPEN=1,0,"UDP","10.1.2.3",5683,0,0')
    await one.until(lambda: one.driver.up, 2000)
    await one.stop()


async def test_another_socket_s_end_is_nothing_to_us():
    one = story()
    await one.up()
    one.modem.say(b'\r\n+QIURC: "closed",3\r\n')
    one.modem.say(b'\r\n+QIURC: "dnsgip",0,1,600\r\n')
    await asyncio.sleep_ms(3000)
    assert one.driver.up and not any(b"QIOPEN" in c for c in one.modem.commands())
    await one.stop()


async def test_a_context_taken_away_is_put_away_and_made_anew():
    one = story()
    await one.up()
    one.modem.say(b'\r\n+QIURC: "pdpdeact",1\r\n')
    await one.until(lambda: b"AT+QIACT=1" in one.modem.commands(), 5000)
    said = one.modem.commands()
    assert said.index(b"AT+QIDEACT=1") < said.index(b"AT+QIACT=1")
    await one.until(lambda: one.driver.up, 5000)
    await one.stop()


async def test_a_full_buffer_refuses_twice_and_the_socket_opens_anew():
    one = story()
    await one.up()
    one.modem.verdict = b"SEND FAIL"
    one.driver.send(b"alarm", FIRST)
    await one.until(lambda: any(b"QIOPEN" in c for c in one.modem.commands()), 5000)
    assert one.driver.failed == 2
    one.modem.verdict = b"SEND OK"
    await one.until(lambda: one.driver.up, 5000)
    one.driver.send(b"alarm", FIRST)
    await one.until(lambda: one.driver.sent == 1, 1000)
    await one.stop()


async def test_a_fetch_that_is_refused_opens_the_socket_anew():
    one = story()
    await one.up()
    one.modem.answers[b"AT+QIRD="] = ERROR
    await one.until(lambda: any(b"QIOPEN" in c for c in one.modem.commands()), 15000)
    one.modem.answers[b"AT+QIRD="] = fetched
    await one.until(lambda: one.driver.up, 5000)
    await one.stop()


async def test_a_name_without_an_address_is_said_and_the_last_known_one_is_used():
    one = story(host="gw.example")
    await one.up()
    refused = OK + b"\r\n+QIOPEN: 0,565\r\n"
    one.modem.answers[b'AT+QIOPEN=1,0,"UDP","gw.example"'] = refused
    one.modem.say(b'\r\n+QIURC: "closed",0\r\n')
    await one.until(lambda: b'AT+QIOPEN=1,0,"UDP","10.1.2.3",5683,0,0' in one.modem.commands(), 5000)
    await one.until(lambda: one.driver.up, 5000)
    await one.stop()
    new = story(host="gw.example")
    new.modem.answers[b"AT+QIOPEN="] = refused
    new.start()
    await new.until(lambda: new.driver.fault == "no address for gw.example", 60000)
    await new.stop()


async def test_tries_left_are_asked_for_and_a_wrong_pin_goes_out_once():
    store = MemoryStore()
    one = Story(ScriptedQuectel(), store, make=Quectel, pin="1111")
    one.modem.answers[b"AT+CPIN?"] = answer(b"+CPIN: SIM PIN")
    one.modem.answers[b"AT+CPIN="] = b"\r\n+CME ERROR: 16\r\n"
    one.start()
    await one.until(lambda: b'AT+CPIN="1111"' in one.modem.commands(), 20000)
    await asyncio.sleep_ms(300000)
    said = one.modem.commands()
    assert said.count(b'AT+CPIN="1111"') == 1 and said.index(b"AT+QPINC?") < said.index(b'AT+CPIN="1111"')
    assert one.driver.fault == "SIM PIN: the one in the configuration was refused; correct it"
    await one.stop()
    last = Story(ScriptedQuectel(), MemoryStore(), make=Quectel, pin="1111")
    last.modem.answers[b"AT+CPIN?"] = answer(b"+CPIN: SIM PIN")
    last.modem.answers[b"AT+QPINC?"] = b'\r\n+QPINC: "SC",1,10\r\n' + OK
    last.start()
    await last.until(
        lambda: last.driver.fault is not None and "kept for a person" in last.driver.fault, 20000
    )
    await asyncio.sleep_ms(120000)
    assert not any(c.startswith(b"AT+CPIN=") for c in last.modem.commands())
    await last.stop()


async def test_the_access_point_and_its_user_are_set_before_the_context():
    one = story(user="police", password="secret")
    one.start()
    await one.until(lambda: one.driver.up, 20000)
    said = one.modem.commands()
    assert said.index(b'AT+QICSGP=1,1,"patrola","police","secret",1') < said.index(b"AT+QIACT=1")
    await one.stop()


async def test_the_network_s_time_is_asked_for_and_a_hint_of_it_never_believed():
    one = story()
    await one.up()
    await asyncio.sleep_ms(2000)
    assert one.times == []  # an empty answer is none
    one.modem.answers[b"AT+QLTS=1"] = answer(b'+QLTS: "2026/06/03,12:00:00+08,0"')
    one.modem.say(b'\r\n+CTZE: "+08",0,"2026/06/03,14:00:00"\r\n')
    await one.until(lambda: one.times == [NOON_MS], 2000)
    one.modem.heard.clear()
    for _ in range(20):
        one.modem.say(b'\r\n+CTZE: "+08",0,"2026/06/03,14:00:00"\r\n')
    await asyncio.sleep_ms(5000)
    assert not any(b"QLTS" in c for c in one.modem.commands()) and one.times == [NOON_MS]
    await one.stop()


async def test_signal_in_lte_and_without_service():
    one = story()
    await one.up()
    await one.until(lambda: one.driver.rsrp_dbm == -98 and one.driver.rssi_dbm == -68, 2000)
    one.modem.answers[b"AT+QCSQ"] = answer(b'+QCSQ: "NOSERVICE"')
    await one.until(lambda: one.driver.rsrp_dbm is None, 130000)
    await one.stop()


async def test_a_restart_by_itself_is_seen_by_its_urcs():
    one = story()
    await one.up()
    await asyncio.sleep_ms(40000)
    one.modem.answers[b"AT+QISTATE=1,0"] = OK
    one.modem.boot(2000)
    await one.until(lambda: b"ATE0" in one.modem.commands()[-40:] and one.driver.restarts == 1, 60000)
    one.modem.answers[b"AT+QISTATE=1,0"] = answer(b'+QISTATE: 0,"UDP","10.1.2.3",5683,1,2,1,0,0,"uart1"')
    await one.until(lambda: one.driver.up, 30000)
    assert b'AT+QURCCFG="urcport","uart1"' in one.modem.commands()
    await one.stop()


async def test_a_bg95_without_a_reset_line_has_its_power_key_held_for_it():
    one = Story(ScriptedQuectel(), make=Quectel, modem="bg95")
    ladder = one.driver._ladder
    assert ladder._reset is one.reset
    for model, same in (("bg95", True), ("ec25", False)):
        one = Story(ScriptedQuectel(), make=Quectel, modem=model, pins={"pwrkey": ScriptedQuectel})
        assert (one.driver._ladder._reset is one.driver._ladder._key) == same


async def test_power_key_and_reset_have_quectel_s_times():
    for model, off, reset in (("ec25", 800, 300), ("bg95", 800, 2500)):
        one = Story(ScriptedQuectel(), make=Quectel, modem=model)
        one.modem.awake = False
        one.start()
        await one.until(lambda one=one: len(one.supply.edges) > 2, 400000)
        assert one.reset.pulses()[:1] == [reset], (model, one.reset.pulses())
        assert off in one.pwrkey.pulses() and min(one.pwrkey.pulses()) >= 500, (model, one.pwrkey.pulses())
        assert all(ms <= 650 or ms == off for ms in one.pwrkey.pulses())
        await one.stop()
