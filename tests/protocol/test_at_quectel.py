# runs on: both
"""What the fields of Quectel's answers and URCs mean."""

from protocol import at_quectel as f
from protocol.errors import Malformed
from tests.portable import raises

JUNE = 1780466412000  # 2026-06-03 06:00:12 UTC


def refused(function, *lines):
    for line in lines:
        with raises(Malformed) as caught:
            function(line)
        assert "at: " in str(caught.value)


def test_a_socket_opened_or_why_not():
    assert f.opened(b"+QIOPEN: 0,0") == (0, 0)
    assert f.opened(b"+QIOPEN: 11,566") == (11, 566)
    refused(f.opened, b"+QIOPEN: 0", b"+QIOPEN: x,0", b"+QIOPEN", b"+QIOPEN: ,")


def test_a_context_s_state():
    assert f.active(b'+QIACT: 1,1,1,"10.7.157.1"') == (1, True)
    assert f.active(b"+QIACT: 1,0,1") == (1, False)
    refused(f.active, b"+QIACT: 1", b"+QIACT:")


def test_events_with_their_socket():
    assert f.event(b'+QIURC: "recv",0') == (b"recv", 0)
    assert f.event(b'+QIURC: "recv",3,512') == (b"recv", 3)
    assert f.event(b'+QIURC: "closed",0') == (b"closed", 0)
    assert f.event(b'+QIURC: "pdpdeact",1') == (b"pdpdeact", 1)
    assert f.event(b'+QIURC: "incoming full"') == (b"incoming full", None)
    assert f.event(b'+QIURC: "dnsgip","10.1.2.3"') == (b"dnsgip", None)
    refused(f.event, b"+QIURC", b'+QIURC: "recv",1234567890')


def test_the_peer_of_a_socket():
    assert f.peer(b'+QISTATE: 0,"UDP","10.1.2.3",5683,49153,2,1,0,0,"uart1"') == b"10.1.2.3"
    refused(f.peer, b"+QISTATE: 0", b'+QISTATE: 0,"UDP","10.1.2.3"')


def test_tries_left():
    assert f.pin_tries(b'+QPINC: "SC",3,10') == 3
    refused(f.pin_tries, b'+QPINC: "SC"', b'+QPINC: "SC",-1,10', b'+QPINC: "SC",256,10', b'+QPINC: "SC",x,1')


def test_signal_by_system():
    assert f.signal(b'+QCSQ: "LTE",-68,-98,120,-12') == (-68, -98)
    assert f.signal(b'+QCSQ: "eMTC",-52,-81,195,-10') == (-52, -81)
    assert f.signal(b'+QCSQ: "WCDMA",-60,-75,-8') == (-60, None)
    assert f.signal(b'+QCSQ: "GSM",-69') == (-69, None)
    assert f.signal(b'+QCSQ: "NOSERVICE"') == (None, None)
    assert f.signal(b'+QCSQ: "LTE",0,0,0,0') == (None, None)
    refused(f.signal, b'+QCSQ: "LTE",-200,-98', b'+QCSQ: "LTE",x', b'+QCSQ: "LTE",-68,12', b"+QCSQ")


def test_the_network_s_time_is_utc_whatever_zone_follows():
    assert f.network_time(b'+QLTS: "2026/06/03,06:00:12+08,0"') == JUNE
    assert f.network_time(b'+QLTS: "2026/06/03,06:00:12-32,1"') == JUNE
    assert f.network_time(b'+QLTS: "26/06/03,06:00:12+00,0"') == JUNE
    assert f.network_time(b'+QLTS: ""') is None
    refused(
        f.network_time,
        b"+QLTS",
        b'+QLTS: "2026/06/03"',
        b'+QLTS: "2026/13/03,06:00:12+08,0"',
        b'+QLTS: "2026/02/30,06:00:12+08,0"',
        b'+QLTS: "2026/06/03,25:00:12+08,0"',
        b'+QLTS: "2026/06/03,06:00:12+08,0,7,7"',
    )
