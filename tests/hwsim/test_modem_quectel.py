"""The bench's Quectel modem, typed at: what its manuals and its users say of it (MODEMS.md)."""

import pytest

from hwsim.modem import STAND_INS, Sim
from hwsim.network import GATEWAY_ADDRESS
from tests.hwsim.at_host import Host

OPEN = f'AT+QIOPEN=1,0,"UDP","{GATEWAY_ADDRESS[0]}",{GATEWAY_ADDRESS[1]},0,0'
OK = b"\r\nOK\r\n"


@pytest.fixture
def host():
    host = Host("quectel-plain")
    host.start(8)
    host.at("ATE0")
    return host


def connect(host):
    assert host.at("AT+QIACT=1", 2) == OK
    assert host.at(OPEN, 2) == OK + b"\r\n+QIOPEN: 0,0\r\n"


def post(host, data):
    assert host.at(f"AT+QISEND=0,{len(data)}", 0.2) == b"\r\n> "
    host.send(data)
    host.kernel.run_for(1)
    return host.take()


def arrive(host, *datagrams):
    for data in datagrams:
        host.reply(data)
    host.kernel.run_for(0.5)
    return host.take()


def test_it_shows_its_boot_urcs_and_none_of_simcom_s():
    host = Host("quectel-plain")
    said = host.start(8)
    assert b"\r\nRDY\r\n" in said and b"+QIND: PB DONE" in said and b"ATREADY" not in said
    host = Host("bg95", boot_noise=0)
    assert b"\r\nAPP RDY\r\n" in host.start(20)
    assert host.at("AT+NETOPEN").endswith(b"ERROR\r\n")


def test_urcs_go_to_usb_until_they_are_called_here_and_that_is_kept():
    host = Host("quectel-plain", urcs_elsewhere=True)
    host.start(8)
    host.at("ATE0")
    host.at("AT+QIACT=1", 2)
    assert host.at(OPEN, 2) == OK
    assert host.at('AT+QURCCFG="urcport","uart1"') == OK
    host.modem.restart()
    host.kernel.run_for(8)
    host.take()
    host.at("ATE0")
    connect(host)


def test_a_datagram_there_and_several_back_announced_once(host):
    connect(host)
    evil = b"\r\nSEND OK\r\n> \x00\xff+QIRD: 3\r\n"
    assert post(host, evil) == b"\r\nSEND OK\r\n" and [data for data, _ in host.peer] == [evil]
    assert arrive(host, b"one", b"two\r\nOK\r\n") == b'\r\n+QIURC: "recv",0\r\n'
    assert host.at("AT+QIRD=0,1500") == b"\r\n+QIRD: 3\r\none\r\n" + OK
    assert arrive(host, b"three") == b""  # not read empty yet
    assert host.at("AT+QIRD=0,1500") == b"\r\n+QIRD: 9\r\ntwo\r\nOK\r\n\r\n" + OK
    assert host.at("AT+QIRD=0,0") == b"\r\n+QIRD: 17,12,5\r\n" + OK
    assert host.at("AT+QIRD=0,1500") == b"\r\n+QIRD: 5\r\nthree\r\n" + OK
    assert host.at("AT+QIRD=0,1500") == b"\r\n+QIRD: 0\r\n" + OK
    assert arrive(host, b"four") == b'\r\n+QIURC: "recv",0\r\n'


def test_an_activation_may_answer_error_and_have_worked():
    host = Host("quectel-plain", activate_lies=1.0)
    host.start(8)
    host.at("ATE0")
    assert host.at("AT+QIACT?") == OK
    assert host.at("AT+QIACT=1", 2) == b"\r\nERROR\r\n"
    assert host.at("AT+QIACT?").startswith(b"\r\n+QIACT: 1,1,1,")


def test_a_socket_that_the_network_closed_has_to_be_closed_before_it_opens(host):
    connect(host)
    host.modem.stack.close_by_network(0)
    host.kernel.run_for(0.1)
    assert host.take() == b'\r\n+QIURC: "closed",0\r\n'
    assert host.at("AT+QISEND=0,3") == b"\r\nERROR\r\n"
    assert host.at(OPEN, 2) == OK + b"\r\n+QIOPEN: 0,563\r\n"
    assert host.at("AT+QICLOSE=0") == OK
    assert host.at(OPEN, 2) == OK + b"\r\n+QIOPEN: 0,0\r\n"


def test_a_context_that_was_taken_away_has_to_be_put_away_before_it_comes(host):
    connect(host)
    host.modem.stack.lose_network()
    host.kernel.run_for(0.1)
    assert host.take() == b'\r\n+QIURC: "pdpdeact",1\r\n'
    assert host.at("AT+QIACT=1", 2) == b"\r\nERROR\r\n"
    assert host.at("AT+QIDEACT=1") == OK
    connect(host)


def test_a_full_buffer_says_send_fail(host):
    connect(host)
    host.modem.profile.send_fails = 1.0
    assert post(host, b"abc") == b"\r\nSEND FAIL\r\n" and host.peer == []


def test_names_wrong_ones_and_the_table(host):
    host.network.name("gw.example", GATEWAY_ADDRESS[0])
    host.at("AT+QIACT=1", 2)
    port = GATEWAY_ADDRESS[1]
    assert host.at(f'AT+QIOPEN=1,0,"UDP","no.example",{port},0,0', 2) == OK + b"\r\n+QIOPEN: 0,565\r\n"
    assert host.at(f'AT+QIOPEN=1,0,"UDP","gw.example",{port},0,0', 2) == OK + b"\r\n+QIOPEN: 0,0\r\n"
    table = host.at("AT+QISTATE=1,0")
    assert table.startswith(b'\r\n+QISTATE: 0,"UDP","' + GATEWAY_ADDRESS[0].encode()) and table.endswith(OK)
    assert host.at("AT+QISTATE=1,3") == OK


def test_tries_left_and_the_card():
    host = Host("quectel-plain", sim=Sim(pin="1234"))
    host.start(8)
    host.at("ATE0")
    assert host.at("AT+QPINC?") == b'\r\n+QPINC: "SC",3,10\r\n\r\n+QPINC: "P2",3,10\r\n' + OK
    host.at('AT+CPIN="9999"')
    assert host.at('AT+QPINC="SC"') == b'\r\n+QPINC: "SC",2,10\r\n' + OK
    host.at('AT+CPIN="1234"', 3)
    assert host.at("AT+QCCID").startswith(b"\r\n+QCCID: 8938")


def test_signal_and_time():
    host = Host("quectel-plain")
    host.modem.set_coverage(False)
    host.start(8)
    host.at("ATE0")
    assert host.at("AT+QCSQ") == b'\r\n+QCSQ: "NOSERVICE"\r\n' + OK
    assert host.at("AT+QLTS=1") == b'\r\n+QLTS: ""\r\n' + OK
    host.modem.set_coverage(True)
    host.kernel.run_for(5)
    host.take()
    assert host.at("AT+QCSQ") == b'\r\n+QCSQ: "LTE",-67,-92,138,-9\r\n' + OK
    assert host.at("AT+QLTS=1").startswith(b'\r\n+QLTS: "2024/06/03,06:00:') and b"+04,0" in host.at(
        "AT+QLTS=1"
    )


def test_its_power_key_switches_off_sooner_than_a_simcom_s():
    host = Host("quectel-plain")
    host.start(8)
    host.power_key(0.6)
    host.kernel.run_for(3)
    assert host.modem.alive
    host.power_key(0.8)
    host.kernel.run_for(3)
    assert not host.modem.alive


def test_every_stand_in_is_a_quectel():
    from hwsim.modem import PROFILES

    rows = STAND_INS["quectel"]
    assert set(rows) == {name for name, profile in PROFILES.items() if profile.dialect == "simcom"}
    assert all(PROFILES[name].dialect == "quectel" for name in rows.values())
