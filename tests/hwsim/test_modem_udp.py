"""The modem's sockets: opening, sending, receiving, and all the ways in which they go away."""

from hwsim.modem.stack import is_ip
from hwsim.network import GATEWAY_ADDRESS
from hwsim.roads import Fix
from tests.hwsim.at_host import Host

HEAD = b"\r\nRECV FROM:192.0.2.10:5683\r\n+IPD%d\r\n"


def connected(**changes):
    host = Host(**changes)
    host.start()
    host.connect()
    return host


def test_netopen_answers_ok_and_then_the_urc():
    host = Host()
    host.start()
    host.at("ATE0")
    assert host.at("AT+IPADDR") == b"\r\n+IP ERROR: Network not opened\r\n\r\nERROR\r\n"
    assert host.at("AT+NETOPEN") == b"\r\nOK\r\n\r\n+NETOPEN: 0\r\n"
    assert host.at("AT+NETOPEN") == b"\r\n+IP ERROR: Network is already opened\r\n\r\nERROR\r\n"
    assert host.at("AT+NETOPEN?") == b"\r\n+NETOPEN: 1\r\n\r\nOK\r\n"
    assert host.at("AT+IPADDR") == b"\r\n+IPADDR: 10.64.0.2\r\n\r\nOK\r\n"
    assert host.at("AT+NETCLOSE") == b"\r\nOK\r\n\r\n+NETCLOSE: 0\r\n"
    assert host.at("AT+NETCLOSE") == b"\r\n+NETCLOSE: 2\r\n\r\nERROR\r\n"


def test_netopen_fails_without_a_cell_or_with_another_apn():
    host = Host(attach_needs_apn="police.mts")
    host.start()
    host.at("ATE0")
    assert host.at("AT+NETOPEN") == b"\r\nOK\r\n\r\n+NETOPEN: 1\r\n"
    host.at('AT+CGDCONT=1,"IP","police.mts"')
    assert host.at("AT+NETOPEN") == b"\r\nOK\r\n\r\n+NETOPEN: 0\r\n"
    host.at("AT+NETCLOSE")
    host.modem.set_coverage(False)
    assert host.at("AT+NETOPEN") == b"\r\nOK\r\n\r\n+NETOPEN: 1\r\n"


def test_cipopen_success_comes_after_ok_and_failure_before_error():
    host = Host()
    host.start()
    host.at("ATE0")
    assert host.at('AT+CIPOPEN=0,"UDP",,,5683') == b"\r\n+CIPOPEN: 0,2\r\n\r\nERROR\r\n"
    host.at("AT+NETOPEN")
    assert host.at('AT+CIPOPEN=0,"UDP"') == b"\r\n+CIPOPEN: 0,3\r\n\r\nERROR\r\n"
    assert host.at('AT+CIPOPEN=0,"UDP",,,5683') == b"\r\nOK\r\n\r\n+CIPOPEN: 0,0\r\n"
    assert host.at('AT+CIPOPEN=0,"UDP",,,5684') == b"\r\n+CIPOPEN: 0,4\r\n\r\nERROR\r\n"
    assert host.at('AT+CIPOPEN=1,"UDP",,,5683') == b"\r\n+CIPOPEN: 1,6\r\n\r\nERROR\r\n"
    assert host.at('AT+CIPOPEN=77,"UDP",,,5683') == b"\r\nERROR\r\n"
    assert b'\r\n+CIPOPEN: 0,"UDP",,,5683\r\n' in host.at("AT+CIPOPEN?")


def test_send_takes_exactly_so_many_raw_bytes():
    host = connected()
    data = b"\r\nOK\r\n\x1a\x1b+CIPSEND: 0,9,9\r\n\x00\xff>"
    assert host.post(data) == b"\r\nOK\r\n\r\n+CIPSEND: 0,%d,%d\r\n" % (len(data), len(data))
    assert host.peer == [(data, ("10.64.0.2", 40001))]


def test_bytes_before_the_prompt_are_lost_and_the_modem_waits_for_the_rest():
    host = connected(prompt_s=(0.5, 0.5))
    host.send(b'AT+CIPSEND=0,4,"192.0.2.10",5683\r')
    host.kernel.run_for(0.1)
    host.send(b"ab")
    host.kernel.run_for(1)
    assert host.take() == b"\r\n>"
    host.send(b"cdefAT\r")
    host.kernel.run_for(1)
    assert host.peer[0][0] == b"cdef"
    assert host.take() == b"\r\nOK\r\n\r\n+CIPSEND: 0,4,4\r\n\r\nOK\r\n", "what follows is a command again"


def test_send_refused_when_nothing_is_open():
    host = Host()
    host.start()
    host.at("ATE0")
    assert host.at('AT+CIPSEND=0,4,"192.0.2.10",5683') == b"\r\n+CIPERROR: 2\r\n\r\nERROR\r\n"
    host.at("AT+NETOPEN")
    assert host.at('AT+CIPSEND=0,4,"192.0.2.10",5683') == b"\r\n+CIPERROR: 4\r\n\r\nERROR\r\n"
    host.at('AT+CIPOPEN=0,"UDP",,,5683')
    assert host.at('AT+CIPSEND=0,4,"gateway",5683') == b"\r\n+CIPERROR: 3\r\n\r\nERROR\r\n"
    assert host.at('AT+CIPSEND=0,1501,"192.0.2.10",5683') == b"\r\nERROR\r\n"


def test_a_full_buffer_confirms_nothing_and_sends_nothing():
    host = connected()
    host.modem.profile.send_fails = 1.0
    assert host.post(b"abc") == b"\r\nOK\r\n\r\n+CIPSEND: 0,3,0\r\n"
    assert host.peer == []


def test_a_prompt_that_never_comes():
    host = connected()
    host.modem.profile.prompt_missing = 1.0
    assert host.at('AT+CIPSEND=0,4,"192.0.2.10",5683') == b""
    assert host.at("AT+") == b"\r\nOK\r\n\r\n+CIPSEND: 0,4,4\r\n", "it takes what comes as data all the same"


def test_received_bytes_may_look_like_anything():
    host = connected()
    host.post(b"hello")
    nasty = b"\r\nOK\r\n\r\nRECV FROM:1.2.3.4:5\r\n+IPD9\r\n"
    host.reply(nasty)
    host.kernel.run_for(1)
    assert host.take() == HEAD % len(nasty) + nasty
    host.at("AT+CIPSRIP=0;+CIPHEAD=0")
    host.reply(b"bare")
    host.kernel.run_for(1)
    assert host.take() == b"bare"


def test_manual_mode_tells_once_and_keeps_datagrams_apart():
    host = connected()
    host.at("AT+CIPRXGET=1")
    host.post(b"hello")
    host.reply(b"first datagram")
    host.reply(b"second")
    host.kernel.run_for(1)
    assert host.take() == b"\r\n+CIPRXGET: 1,0\r\n"
    assert host.at("AT+CIPRXGET=4,0") == b"\r\n+CIPRXGET: 4,0,20\r\n\r\nOK\r\n"
    assert host.at("AT+CIPRXGET=2,0,5") == b"\r\n+CIPRXGET: 2,0,5,15\r\nfirst\r\n\r\nOK\r\n"
    assert host.at("AT+CIPRXGET=2,0,1500") == b"\r\n+CIPRXGET: 2,0,9,6\r\n datagram\r\n\r\nOK\r\n"
    assert host.at("AT+CIPRXGET=2,0,1500") == b"\r\n+CIPRXGET: 2,0,6,0\r\nsecond\r\n\r\nOK\r\n"
    assert host.at("AT+CIPRXGET=2,0,1500") == b"\r\n+IP ERROR: No data\r\n\r\nERROR\r\n"
    host.reply(b"third")
    host.kernel.run_for(1)
    assert host.take() == b"\r\n+CIPRXGET: 1,0\r\n"


def test_lost_coverage_closes_network_and_links():
    host = connected()
    host.modem.set_coverage(False)
    host.kernel.run_for(1)
    assert host.take() == b"\r\n+CIPEVENT: NETWORK CLOSED UNEXPECTEDLY\r\n\r\n+IPCLOSE: 0,2\r\n"
    assert host.at("AT+CIPCLOSE=0") == b"\r\n+CIPCLOSE: 0,2\r\n\r\nERROR\r\n"
    host.modem.set_coverage(True)
    host.kernel.run_for(2)
    host.connect()


def test_a_link_closed_by_the_network_or_by_us():
    host = connected()
    host.modem.stack.close_by_network(0)
    host.kernel.run_for(1)
    assert host.take() == b"\r\n+IPCLOSE: 0,1\r\n"
    assert host.at('AT+CIPOPEN=0,"UDP",,,5683') == b"\r\nOK\r\n\r\n+CIPOPEN: 0,0\r\n"
    assert host.at("AT+CIPCLOSE=0") == b"\r\nOK\r\n\r\n+CIPCLOSE: 0,0\r\n"
    assert host.at("AT+CIPCLOSE?") == b"\r\n+CIPCLOSE: 0,0,0,0,0,0,0,0,0,0\r\n\r\nOK\r\n"


def test_a_restart_in_the_middle_of_sending_answers_nothing_of_the_old_life():
    host = connected()
    assert host.at('AT+CIPSEND=0,100,"192.0.2.10",5683', 0.1) == b"\r\n>"
    host.send(b"half")
    host.kernel.run_for(0.1)
    host.modem.restart()
    host.kernel.run_for(6)
    assert b"CIPSEND" not in host.take()
    assert host.at("ATE0") == b"ATE0\r\r\nOK\r\n"
    assert host.at("AT+CIPCLOSE?").startswith(b"\r\n+CIPCLOSE: 0,")
    assert host.peer == []


def test_what_arrives_for_the_old_life_is_dropped():
    host = connected(weather={"rtt_ms": 4000})
    host.post(b"question", seconds=2.5)
    host.reply(b"late answer")
    host.modem.restart()
    host.kernel.run_for(8)
    assert b"late answer" not in host.take()


def test_the_address_book_of_the_network():
    host = connected()
    host.network.name("gateway.patrola.example", GATEWAY_ADDRESS[0])
    assert host.at('AT+CDNSGIP="gateway.patrola.example"') == (
        b'\r\n+CDNSGIP: 1,"gateway.patrola.example","192.0.2.10"\r\n\r\nOK\r\n'
    )
    assert host.at('AT+CDNSGIP="nobody"') == b"\r\n+CDNSGIP: 0,10\r\n\r\nERROR\r\n"


def test_gnss_inside_the_modem_gives_commas_until_it_is_on_and_has_a_fix():
    host = connected()
    assert host.at("AT+CGNSSINFO") == b"\r\n+CGNSSINFO: " + b"," * 15 + b"\r\n\r\nOK\r\n"
    assert host.at("AT+CGNSSPWR=1") == b"\r\nOK\r\n\r\n+CGNSSPWR: READY!\r\n"
    assert host.at("AT+CGNSSINFO") == b"\r\n+CGNSSINFO: " + b"," * 15 + b"\r\n\r\nOK\r\n"
    host.modem.gnss_source = lambda: Fix(44.97, 19.61, 84.0, 10.0, 270.0)
    answer = host.at("AT+CGNSSINFO").decode()
    assert answer.startswith("\r\n+CGNSSINFO: 3,09,,04,03,44.9700000,N,19.6100000,E,030624,0600")
    host.modem.profile.gnss = "sim7600"
    answer = host.at("AT+CGNSSINFO").decode()
    assert answer.startswith("\r\n+CGNSSINFO: 2,09,05,00,4458.200000,N,01936.600000,E,030624,0600")
    assert answer.count(",") == 15


def test_digits_are_those_of_ascii():
    """A garbled byte may become a superscript two."""
    assert is_ip("192.0.2.1")
    for wrong in ("192.0.2.²", "192.0.2", "192.0.2.256", "192.0.2.x", None):
        assert not is_ip(wrong)
