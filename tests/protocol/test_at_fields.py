# runs on: both
"""What the fields of answers and URCs mean, for every form the modems are known to use."""

from protocol import at_fields as f
from protocol.at_gnss import gnss_info
from protocol.errors import Malformed
from tests.portable import raises

NOV_2017 = 1511883358000  # 2017-11-28 15:35:58 UTC


def refused(function, *lines):
    for line in lines:
        with raises(Malformed) as caught:
            function(line)
        assert "at: " in str(caught.value)


def test_registration_with_two_to_eight_fields():
    for line, state, area, cell in (
        (b"+CREG: 1", 1, None, None),
        (b"+CREG: 0,1", 1, None, None),
        (b"+CREG: 2,5", 5, None, None),
        (b'+CGREG: 1,"1A2B","01C3"', 1, b"1A2B", b"01C3"),
        (b'+CREG: 2,1,"1A2B","01C3"', 1, b"1A2B", b"01C3"),
        (b"+CREG: 2,1,1816,1CB9D02", 1, b"1816", b"1CB9D02"),
        (b"+CREG: 1,1816,1CB9D02", 1, b"1816", b"1CB9D02"),
        (b'+CEREG: 5,"1A2B","01C3D4E5",7', 5, b"1A2B", b"01C3D4E5"),
        (b'+CEREG: 2,5,"1A2B","01C3D4E5",7', 5, b"1A2B", b"01C3D4E5"),
        (b'+CEREG: 3,"","",7,0,15', 3, None, None),
        (b'+CEREG: 5,1,"1A2B","01C3D4E5",7,,,"00100100"', 1, b"1A2B", b"01C3D4E5"),
        (b'+CEREG: 4,1,"1A2B","01C3D4E5",9,,,"00100100","01000111"', 1, b"1A2B", b"01C3D4E5"),
    ):
        assert f.registration(line) == (state, area, cell), line


def test_only_home_and_roaming_are_registered():
    assert [state for state in range(11) if f.registered(state)] == [1, 5]


def test_registration_that_cannot_be():
    refused(
        f.registration,
        b"+CREG",
        b"+CREG: ",
        b"+CREG: x",
        b"+CREG: 11",
        b"+CREG: 1,2,3,4,5,6,7,8,9,10",
        b"+CREG: -1",
    )


def test_signal_in_dbm():
    assert f.signal_dbm(b"+CSQ: 0,0") == -113
    assert f.signal_dbm(b"+CSQ: 31,99") == -51
    assert f.signal_dbm(b"+CSQ: 99,99") is None
    assert f.signal_dbm(b"+CSQ: 116,99") == -100
    assert f.signal_dbm(b"+CSQ: 199,99") is None
    refused(f.signal_dbm, b"+CSQ: 32,99", b"+CSQ: ,", b"+CSQ: -1,99")


def test_lte_signal_from_cesq():
    assert f.extended_signal(b"+CESQ: 99,99,255,255,20,49") == (None, -100, -92)
    assert f.extended_signal(b"+CESQ: 30,0,255,255,255,255") == (-81, None, None)
    assert f.extended_signal(b"+CESQ: 99,99,255,255,0,97") == (None, -200, -44)
    refused(
        f.extended_signal,
        b"+CESQ: 99,99,255,255,20",
        b"+CESQ: 99,99,255,255,35,49",
        b"+CESQ: 99,99,255,255,20,98",
    )


def test_what_the_sim_asks_for():
    assert f.pin_state(b"+CPIN: READY") == b"READY"
    assert f.pin_state(b"+CPIN: SIM PIN") == b"SIM PIN"
    assert f.pin_state(b'+CPIN: "SIM PUK"') == b"SIM PUK"
    assert f.pin_tries(b"+SPIC: 3,10,0,10") == (3, 10)
    refused(f.pin_tries, b"+SPIC: 3", b"+SPIC: ,", b"+SPIC: 300,10,0,10")


def test_cme_errors_by_number_and_in_words():
    assert f.cme_code(b"16") == f.INCORRECT_PASSWORD
    assert f.cme_code(b"incorrect password") == f.INCORRECT_PASSWORD
    assert f.cme_code(b"SIM failure") == f.SIM_FAILURE
    assert f.cme_code(b"SIM not inserted") == f.SIM_NOT_INSERTED
    assert f.cme_code(b"the dog ate it") is None
    assert f.cme_code(b"") is None


def test_sockets():
    assert f.net_opened(b"+NETOPEN: 0") == 0
    assert f.socket_opened(b"+CIPOPEN: 0,0") == (0, 0)
    assert f.socket_opened(b"+CIPOPEN: 1,6") == (1, 6)
    assert f.socket_opened(b'+CIPOPEN: 0,"UDP",,,5683') == (0, None)
    assert f.socket_opened(b"+CIPOPEN: 3") == (3, None)
    assert f.sent(b"+CIPSEND: 0,120,120") == (0, 120, 120)
    assert f.sent(b"+CIPSEND: 0,120,-1") == (0, 120, -1)
    assert f.received(b"+CIPRXGET: 1,0") == (1, 0, 0)
    assert f.received(b"+CIPRXGET: 2,0,120,34") == (2, 0, 34)
    assert f.received(b"+CIPRXGET: 4,0,34") == (4, 0, 34)
    refused(f.sent, b"+CIPSEND: 0,120", b"+CIPSEND: 0,,120", b"+CIPSEND: 0,1,1,1")
    refused(f.received, b"+CIPRXGET: 3,0,4,0", b"+CIPRXGET: 2,0", b"+CIPRXGET: x")


def test_network_time_in_three_layouts():
    for line in (
        b'*PSUTTZ: 2017,11,28,15,35,58,"+04",0',
        b'*PSUTTZ: 2017, 11, 28, 15, 35, 58, "+4", 0',
        b'*PSUTTZ: 17/11/28,15:35:58","+04",0',
        b'*PSUTTZ: "17/11/28,15:35:58","+04",0',
    ):
        assert f.network_time(line) == (NOV_2017, 4), line
    assert f.network_time(b'*PSUTTZ: 18/11/04,22:38:07","-32",0') == (1541371087000, -32)


def test_zones_count_quarter_hours():
    # Local time there; 16:35:58 at +1 h is the same moment.
    assert f.network_time(b'+CTZE: "+04",0,"2017/11/28,16:35:58"') == (NOV_2017, 4)
    assert f.network_time(b"+CTZE: +04,0,17/11/28,16:35:58") == (NOV_2017, 4)
    assert f.network_time(b'+CTZE: "+22",0,"2017/11/28,21:05:58"') == (NOV_2017, 22)
    assert f.network_time(b'+CTZE: "+04",0') == (None, 4)
    assert f.network_time(b'+CTZV: "+04"') == (None, 4)
    assert f.network_time(b"+CTZV: -14,0") == (None, -14)
    assert f.network_time(b'+CCLK: "17/11/28,16:35:58+04"') == (NOV_2017, 4)
    assert f.network_time(b'+CCLK: "17/11/28,09:05:58-26"') == (NOV_2017, -26)


def test_an_unset_clock_shows_the_last_century():
    assert f.network_time(b'+CCLK: "70/01/01,00:00:12+00"') == (12000, 0)
    assert f.network_time(b'+CCLK: "80/01/06,00:00:12+00"')[0] == 315964812000


def test_times_that_cannot_be():
    refused(
        f.network_time,
        b"*PSUTTZ: ",
        b"*PSUTTZ: 2017,13,28,15,35,58",
        b"*PSUTTZ: 2017,11,31,15,35,58",
        b"*PSUTTZ: 2017,2,29,15,35,58",
        b"*PSUTTZ: 2017,11,28,24,35,58",
        b"*PSUTTZ: 2017,11,28,15,60,58",
        b'*PSUTTZ: 2017,11,28,15,35,58,"+57",0',
        b"*PSUTTZ: 999999999999,1,1,1,1,1",
        b'+CTZV: "-49"',
        b"+CTZV: ",
        b'+CCLK: "24/08/15,13:54:44+104"',
        b"+CSQ: 17,11",
        b"*PSUTTZ: " + b"1," * 40,
    )
    assert f.network_time(b"*PSUTTZ: 2020,2,29,0,0,0")[0] == 1582934400000


def test_fields_keep_commas_inside_quotes():
    assert f.fields_of(b'+X: "a,b",2, c ,') == [b'"a,b"', b"2", b"c", b""]
    assert f.fields_of(b'+X: 1,"odd,2') == [b"1", b'"odd,2']
    refused(f.fields_of, b"no colon", b"+X: " + b"," * 30)


def test_position_of_a_sim7600_in_degrees_and_minutes():
    info = gnss_info(
        b"+CGNSSINFO: 2,06,03,00,4458.123456,N,01936.654321,E,250311,072809.3,84.1,10.0,271.5,1.6,1.4,1.0"
    )
    assert (info.lat_e7, info.lon_e7) == (449687243, 196109054)
    assert info.utc_ms == 1301038089000
    assert (info.alt_dm, info.speed_cm_s, info.course_cdeg, info.hdop_tenths) == (841, 514, 27150, 14)


def test_position_of_an_a76xx_in_degrees():
    info = gnss_info(
        b"+CGNSSINFO: 3,09,,05,00,44.9687243,N,19.6109054,E,120423,083218.00,-27.4,0.0,,1.16,0.80,0.83,12"
    )
    assert (info.lat_e7, info.lon_e7) == (449687243, 196109054)
    assert (info.alt_dm, info.speed_cm_s, info.course_cdeg, info.hdop_tenths) == (-274, 0, None, 8)
    south = gnss_info(
        b"+CGNSSINFO: 2,06,03,00,0000.500000,S,00000.250000,W,250311,072809.3,1,0,0,1.6,1.4,1.0"
    )
    assert (south.lat_e7, south.lon_e7) == (-83333, -41667)


def test_no_fix_has_8_12_or_15_commas():
    for commas in (8, 12, 15):
        assert gnss_info(b"+CGNSSINFO: " + b"," * commas) is None
    assert gnss_info(b"+CGNSSINFO: 0,04,00,00,,,,,,,,,,,,") is None


def test_positions_that_cannot_be():
    refused(
        gnss_info,
        b"+CGNSSINFO: 2,06,03,00,91.0,N,19.6,E,250311,072809.3,1,0,0,1.6,1.4,1.0",
        b"+CGNSSINFO: 2,06,03,00,4460.0,N,01936.6,E,250311,072809.3,1,0,0,1.6,1.4,1.0",
        b"+CGNSSINFO: 2,06,03,00,,N,01936.6,E,250311,072809.3,1,0,0,1.6,1.4,1.0",
        b"+CGNSSINFO: 2,06,03,00,4458.1,N,01936.6,X,250311,072809.3,1,0,0,1.6,1.4,1.0",
        b"+CGNSSINFO: 2,06,03,00,4458.1,N,01936.6,E,253911,072809.3,1,0,0,1.6,1.4,1.0",
        b"+CGNSSINFO: 2,06,03,00,4458.1,N,01936.6,E",
        b"+CGNSSINFO: 1,2,3,4,5,6,7,8,9",
    )
