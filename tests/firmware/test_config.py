# runs on: both
"""Settings: every key checked, every error says which key, what is wrong and what to do."""

from firmware import config


def _errors(**given):
    given.setdefault("host", "gateway.example")
    return config.check(given)[1]


def test_a_host_alone_is_enough():
    values, errors = config.check({"host": "198.51.100.7"})
    assert errors == []
    assert values["host"] == "198.51.100.7"
    assert values["port"] == 5683 and values["panic_hold_ms"] == 600 and values["covert"] is False


def test_without_host_is_an_error_that_says_what_to_do():
    values, errors = config.check({})
    assert errors == ['"host" is missing. Give the address of the gateway at headquarters.']
    assert values["moving_s"] == 20


def test_each_number_is_held_to_its_range_and_keeps_its_default():
    for key, kind, default, low, high in config.TABLE:
        if kind != "i":
            continue
        for wrong in (low - 1, high + 1, "7", True, None, 1.5):
            values, errors = config.check({"host": "h", key: wrong})
            assert len(errors) == 1 and errors[0].startswith('"%s" ' % key), (key, wrong, errors)
            assert "leave it out" in errors[0]
            assert values[key] == default
        for right in (low, high):
            values, errors = config.check({"host": "h", key: right})
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
