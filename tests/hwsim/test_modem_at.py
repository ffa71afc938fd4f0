"""The modem's interpreter, start, SIM and registration, typed at by hand."""

import pytest

from hwsim.modem import Sim
from hwsim.modem.engine import split_line
from tests.hwsim.at_host import Host


def test_silent_until_the_power_key_was_held():
    host = Host()
    host.modem.set_pin("supply", 1)
    host.kernel.run_for(30)
    assert host.at("AT") == b""
    host.power_key(0.02)
    host.kernel.run_for(30)
    assert host.at("AT") == b"", "20 ms are a bounce, not a press"
    host.power_key()
    host.kernel.run_for(2)
    assert b"OK" in host.at("AT")


def test_without_supply_the_key_does_nothing():
    host = Host()
    host.power_key()
    host.kernel.run_for(10)
    assert host.at("AT") == b""


def test_boot_shows_all_four_lines_in_an_order_of_its_own():
    orders = set()
    for seed in range(8):
        host = Host("a7670", seed=seed)
        boot = host.start(30)
        marks = (b"*ATREADY: 1", b"+CPIN: READY", b"SMS DONE", b"PB DONE")
        assert all(boot.count(b"\r\n" + mark + b"\r\n") == 1 for mark in marks)
        orders.add(tuple(sorted(marks, key=boot.find)))
    assert len(orders) > 2


def test_echo_ends_in_three_characters_until_it_is_switched_off():
    host = Host()
    host.start()
    assert host.at("AT") == b"AT\r\r\nOK\r\n"
    assert host.at("ATE0") == b"ATE0\r\r\nOK\r\n"
    assert host.at("AT") == b"\r\nOK\r\n"
    host.modem.restart()
    host.kernel.run_for(6)
    host.take()
    assert host.at("AT") == b"AT\r\r\nOK\r\n", "a restart switches the echo on again"


def test_bytes_arrive_in_portions_of_any_size():
    host = Host()
    host.start()
    for byte in b"ate0\rAT+CSQ\r":
        host.send(bytes([byte]))
        host.kernel.run_for(0.01)
    host.kernel.run_for(1)
    assert host.take() == b"ate0\r\r\nOK\r\n\r\n+CSQ: 23,99\r\n\r\nOK\r\n"


def test_commands_typed_while_one_is_at_work_wait_their_turn():
    host = Host()
    host.start()
    host.send(b"ATE0\r")
    host.send(b"AT+CSQ\rAT\r")
    host.kernel.run_for(1)
    assert host.take() == b"ATE0\r\r\nOK\r\n\r\n+CSQ: 23,99\r\n\r\nOK\r\n\r\nOK\r\n"


@pytest.mark.parametrize(
    ("line", "commands"),
    [
        ("", []),
        ("E0V1", [("E", "", ["0"]), ("V", "", ["1"])]),
        ("E0;+CMEE=2", [("E", "", ["0"]), ("+CMEE", "=", ["2"])]),
        ("+CPIN?", [("+CPIN", "?", [])]),
        ("+creg=?", [("+CREG", "=?", [])]),
        ('+CIPOPEN=0,"UDP",,,5683', [("+CIPOPEN", "=", ["0", "UDP", None, None, "5683"])]),
        ('+CGDCONT=1,"IP","a;b,c";+CSQ', [("+CGDCONT", "=", ["1", "IP", "a;b,c"]), ("+CSQ", "", [])]),
        ("+CSQ;%%", [("+CSQ", "", []), None]),
    ],
)
def test_a_line_is_split_into_commands(line, commands):
    assert split_line(line) == commands


def test_after_an_error_the_rest_of_the_line_is_not_done():
    host = Host()
    host.start()
    host.at("ATE0")
    assert host.at("AT+NONSENSE;+CMEE=0") == b"\r\nERROR\r\n"
    assert host.at("AT+CMEE?") == b"\r\n+CMEE: 2\r\n\r\nOK\r\n"
    assert host.at("AT+CMEE=1;+CMEE?") == b"\r\n+CMEE: 1\r\n\r\nOK\r\n"


def test_garbage_before_at_is_ignored_and_an_overlong_line_refused():
    host = Host()
    host.start()
    host.at("ATE0")
    host.send(b"\x00\xff\xf8AT\r")
    host.kernel.run_for(1)
    assert host.take() == b"\r\nOK\r\n"
    assert host.at("AT" + "x" * 600) == b"\r\nERROR\r\n"


def test_cpin_is_an_error_first_and_ready_comes_by_itself():
    host = Host(sim_s=(5, 5), sim_failure_first=True)
    host.start(seconds=1)
    host.at("ATE0", 0.2)
    assert host.at("AT+CPIN?", 0.2) == b"\r\n+CME ERROR: SIM failure\r\n"
    host.at("AT+CMEE=1", 0.2)
    assert host.at("AT+CPIN?", 0.2) == b"\r\n+CME ERROR: 13\r\n"
    host.at("AT+CMEE=0", 0.2)
    assert host.at("AT+CPIN?", 0.2) == b"\r\nERROR\r\n"
    host.kernel.run_for(6)
    assert b"\r\n+CPIN: READY\r\n" in host.take()
    assert host.at("AT+CPIN?", 0.2) == b"\r\n+CPIN: READY\r\n\r\nOK\r\n"


def test_a_wrong_pin_costs_a_try_and_power_off_gives_none_back():
    sim = Sim(pin="4711")
    host = Host(sim=sim)
    assert b"+CPIN: SIM PIN" in host.start()
    host.at("ATE0")
    assert host.at("AT+SPIC").startswith(b"\r\n+SPIC: 3,10,")
    assert host.at('AT+CPIN="0000"') == b"\r\n+CME ERROR: incorrect password\r\n"
    host.modem.set_pin("supply", 0)
    host.kernel.run_for(1)
    host.start()
    host.at("ATE0")
    assert host.at("AT+SPIC").startswith(b"\r\n+SPIC: 2,10,")
    assert host.at("AT+CPINR") == b"\r\n+CPINR: SIM PIN,2,3\r\n\r\n+CPINR: SIM PUK,10,10\r\n\r\nOK\r\n"
    assert host.at('AT+CPIN="4711"') == b"\r\nOK\r\n\r\n+CPIN: READY\r\n"
    assert sim.tries == 3


def test_three_wrong_pins_lock_the_card():
    host = Host(sim=Sim(pin="4711"))
    host.start()
    host.at("ATE0")
    for _ in range(3):
        host.at('AT+CPIN="1111"')
    assert host.at("AT+CPIN?") == b"\r\n+CPIN: SIM PUK\r\n\r\nOK\r\n"
    assert host.at('AT+CPIN="4711"') == b"\r\n+CME ERROR: SIM PUK required\r\n"


def test_registration_as_answer_and_as_urc():
    host = Host(register_s=(8, 8))
    host.start(seconds=1)
    host.at("ATE0", 0.2)
    host.at("AT+CREG=1;+CEREG=2", 0.2)
    assert host.at("AT+CREG?", 0.2) == b"\r\n+CREG: 1,2\r\n\r\nOK\r\n"
    host.kernel.run_for(10)
    assert host.take() == b'\r\n+CREG: 1\r\n\r\n+CEREG: 1,"1F2C","01A2B3C4",7\r\n'
    assert host.at("AT+CEREG?") == b'\r\n+CEREG: 2,1,"1F2C","01A2B3C4",7\r\n\r\nOK\r\n'
    host.modem.set_coverage(False)
    host.kernel.run_for(1)
    assert host.take() == b"\r\n+CREG: 2\r\n\r\n+CEREG: 2\r\n"
    assert host.at("AT+CSQ") == b"\r\n+CSQ: 99,99\r\n\r\nOK\r\n"


def test_roaming_denied_and_a_domain_that_never_registers():
    host = Host(roaming=True, registers=("CEREG",))
    host.start()
    host.at("ATE0")
    assert host.at("AT+CEREG?") == b"\r\n+CEREG: 0,5\r\n\r\nOK\r\n"
    assert host.at("AT+CREG?") == b"\r\n+CREG: 0,0\r\n\r\nOK\r\n"
    denied = Host(denied=True)
    denied.start()
    denied.at("ATE0")
    assert denied.at("AT+CREG?") == b"\r\n+CREG: 0,3\r\n\r\nOK\r\n"


def test_network_time_comes_in_several_layouts():
    host = Host(nitz=("psuttz", "psuttz_quoted", "psuttz_unbalanced", "ctze", "ctzv"), zone_quarters=8)
    boot = host.start()
    assert b'\r\n*PSUTTZ: 2024,6,3,6,0,1,"+8",0\r\n' in boot
    assert b'\r\n*PSUTTZ: "24/06/03,06:00:01","+08",0\r\n' in boot
    assert b'\r\n*PSUTTZ: 24/06/03,06:00:01","+08",0\r\n' in boot
    assert b'\r\n+CTZE: "+08",0,"2024/06/03,08:00:01"\r\n' in boot
    assert b"\r\n+CTZV: 24/06/03,08:00:01,+08\r\n" in boot
    host.at("ATE0")
    assert host.at("AT+CCLK?").startswith(b'\r\n+CCLK: "24/06/03,08:00:')


def test_a_hung_modem_is_cured_only_by_what_cures_it():
    for cure in ("reset", "pwrkey", "supply"):
        host = Host(hang_cured_by=(cure,))
        host.start()
        host.modem.hang()
        assert host.at("AT", 5) == b""
        host.modem.set_pin("reset", 1)
        host.kernel.run_for(1)
        host.modem.set_pin("reset", 0)
        host.kernel.run_for(6)
        assert (b"OK" in host.at("AT")) == (cure == "reset")
        if cure == "reset":
            continue
        host.power_key(3)  # off
        host.kernel.run_for(5)
        host.power_key()  # and on
        host.kernel.run_for(6)
        assert (b"OK" in host.at("AT")) == (cure == "pwrkey")
        if cure == "pwrkey":
            continue
        host.modem.set_pin("supply", 0)
        host.kernel.run_for(1)
        assert b"OK" in host.start() + host.at("AT")


def test_another_baud_rate_gives_noise_and_no_answer():
    host = Host(baud=9600)
    host.start()
    assert b"OK" not in host.at("AT")
    host.port.setup(115200)
    host.at("AT")
    assert b"OK" in host.at("AT")
    host.at("AT+IPR=57600")
    assert b"OK" not in host.at("AT")
    host.port.setup(57600)
    host.at("AT")
    assert b"OK" in host.at("AT")


def test_a_storm_of_urcs_leaves_every_answer_whole():
    host = Host(answer_s=(0.02, 0.05))
    host.start()
    host.at("ATE0")
    host.modem.storm(3)
    answer = host.at("AT+CSQ", 4)
    assert answer.count(b"\r\n+CSQ: 23,99\r\n") == 1
    assert answer.count(b"\r\nOK\r\n") == 1
    assert answer.count(b"+CGEV") > 20


def test_garbled_bytes_are_rare_or_frequent_as_told():
    host = Host()
    host.start()
    host.at("ATE0")
    host.modem.profile.garble = 0.3
    answers = [host.at("AT") for _ in range(20)]
    assert sum(answer == b"\r\nOK\r\n" for answer in answers) < 15
    assert all(len(answer) == 6 for answer in answers)


def test_spontaneous_restart_shows_only_boot_lines():
    host = Host(spontaneous_restart_s=(10, 10), boot_urcs=("*ATREADY: 1",))
    host.start(2)
    host.kernel.run_for(9.5)
    assert host.modem.power.starts == 2
    assert host.take() == b"\r\n*ATREADY: 1\r\n\r\n+CPIN: READY\r\n"


def test_an_unknown_behaviour_is_refused():
    with pytest.raises(ValueError, match="no behaviour 'ecco'"):
        Host(ecco=True)
