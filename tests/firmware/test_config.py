# runs on: both
"""Settings: every key checked, every error says which key, what is wrong and what to do."""

from firmware import config
from tests.firmware.gateway_key import GATEWAY_KEY


def _given(**given):
    given.setdefault("host", "gateway.example")
    given.setdefault("gateway_key", GATEWAY_KEY)
    return given


def _errors(**given):
    return config.check(_given(**given))[1]


def test_a_host_and_its_key_are_enough():
    values, errors = config.check({"host": "198.51.100.7", "gateway_key": GATEWAY_KEY})
    assert errors == []
    assert values["host"] == "198.51.100.7"
    assert values["port"] == 5683 and values["panic_hold_ms"] == 600 and values["covert"] is False


def test_without_host_and_gateway_key_there_are_errors_that_say_what_to_do():
    values, errors = config.check({})
    assert errors == [
        '"host" is missing. Give the address of the gateway at headquarters.',
        '"gateway_key" is missing. Copy what `gateway enroll --json` gives as "gateway_key", all 128 digits.',
    ]
    assert values["moving_s"] == 20 and values["gateway_key"] == ""


def test_a_gateway_key_is_a_point_of_the_curve_in_hexadecimal():
    flipped = GATEWAY_KEY[:-1] + ("0" if GATEWAY_KEY[-1] != "0" else "1")
    unreduced = "f" * 64 + GATEWAY_KEY[64:]
    for wrong, why in (
        (GATEWAY_KEY[:-1], "has 127 characters; it needs 128 hexadecimal digits"),
        (GATEWAY_KEY + "00", "has 130 characters"),
        ("", "has 0 characters"),
        (GATEWAY_KEY[:-1] + "g", "not a hexadecimal digit"),
        (" " * 2 + GATEWAY_KEY[2:], "not a hexadecimal digit"),
        (flipped, "is not a public key: at least one digit is wrong"),
        (GATEWAY_KEY[64:] + GATEWAY_KEY[:64], "is not a public key"),
        (unreduced, "is not a public key"),
        ("0" * 128, "is not a public key"),
        (None, "must be text in quotes"),
        (5, "must be text in quotes"),
    ):
        values, errors = config.check(_given(gateway_key=wrong))
        assert len(errors) == 1, (wrong, errors)
        assert errors[0].startswith('"gateway_key" ') and why in errors[0], (wrong, errors)
        assert "enroll --json" in errors[0] and "leave it out" not in errors[0]
        assert values["gateway_key"] == ""
    assert _errors(gateway_key=GATEWAY_KEY.upper()) == []


def test_each_number_is_held_to_its_range_and_keeps_its_default():
    for key, kind, default, low, high in config.TABLE:
        if kind != "i":
            continue
        for wrong in (low - 1, high + 1, "7", True, None, 1.5):
            values, errors = config.check(_given(**{key: wrong}))
            assert len(errors) == 1 and errors[0].startswith('"%s" ' % key), (key, wrong, errors)
            assert "leave it out" in errors[0]
            assert values[key] == default
        for right in (low, high):
            values, errors = config.check(_given(**{key: right}))
            assert errors == [] and values[key] == right


def test_texts_are_held_to_what_a_modem_command_can_carry():
    assert "apn" in _errors(apn='a"b')[0]
    assert "printable ASCII" in _errors(user="Šabac")[0]
    assert "may have 0 to 63" in _errors(password="x" * 64)[0]
    assert "in quotes" in _errors(apn=5)[0]
    assert _errors(apn="police", user="u", password="p p") == []


def test_a_pin_is_digits():
    assert _errors(pin="1234") == [] and _errors(pin="") == []
    for wrong in ("123", "12a4", "123456789"):
        assert '"pin"' in _errors(pin=wrong)[0]


def test_truth_is_not_a_number():
    assert '"covert" must be true or false' in _errors(covert=1)[0]
    assert _errors(covert=True) == []


def test_an_unknown_key_is_a_slip_of_the_pen():
    assert '"movign_s" is not a setting' in _errors(movign_s=3)[0]


def test_keys_can_change_their_function_but_panic_stays():
    board = {"panic": 1, "event": 2, "accept": 3}
    found, errors = config.key_pins({"accept": "event", "event": ""}, board)
    assert errors == [] and found == [("panic", 1), ("accept", 2)]
    assert 'takes the key away from "panic"' in _errors(keys={"panic": ""})[0]
    assert "one key has one function" in _errors(keys={"accept": "event"})[0]
    assert "names the function" in _errors(keys={"hoot": "event"})[0]
    assert '"keys"' in _errors(keys=[1])[0]
    errors = config.key_pins({"accept": "red"}, board)[1]
    assert 'wants the key "red", and this board has accept, event, panic' in errors[0]


def test_a_board_with_one_key_is_a_terminal():
    found, errors = config.key_pins({}, {"panic": 9})
    assert (found, errors) == ([("panic", 9)], [])
    assert config.key_pins({}, {"event": 1})[1] != []


def test_a_missing_file_leaves_the_defaults():
    values, errors = config.load("no/such/config.json")
    assert values["moving_s"] == 20 and len(errors) == 1 and "Provision" in errors[0]
