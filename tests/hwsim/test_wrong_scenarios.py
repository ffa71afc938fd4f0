"""A story from a file that cannot be told: said before it begins, with the place and what is possible."""

import re

import pytest

from hwsim.conformance import scenario


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sekonds = 3", "sekonds: not known"),
        ('modem = "x"', "modem: one of"),
        ("[[at]]\ns = -1\npanic = true", "s must be seconds"),
        ("[[at]]\ns = 1\nfly = true", "one of"),
        ('[[at]]\ns = 1\nexpect = "blue on"', "expect"),
        ('[[at]]\ns = 1\nexpect = "red recieved"', "states are"),
        ('[[at]]\ns = 1\nexpect = "stored pannic"', "kinds are"),
        ("[[at]]\ns = 1\nexpect = 5", "expect: text, not 5"),
        ("[[at]]\ns = nan\npanic = true", "s must be seconds"),
        ("[[at]]\ns = 1\npanic = false", "panic: true"),
        ('[[at]]\ns = 1\npress = "panik"', "press: one of accept"),
        ('[[at]]\ns = 1\npress = "event"\nhold_ms = "x"', "hold_ms: milliseconds"),
        ('[[at]]\ns = 1\ntap = "event"', "tap: ["),
        ('[[at]]\ns = 1\nantenna = "torn"', "antenna: one of ok"),
        ('[[at]]\ns = 1\ngateway = "explodes"', "gateway: one of dies"),
        ("[[at]]\ns = 1\nloss = 3", "loss: from 0 to 1, not 3"),
        ('[[at]]\ns = 1\nsupply_mv = "x"', "supply_mv: a whole number"),
        ("at = 5", "at: [[at]] tables"),
        ("at = [5]", "at: [[at]] tables"),
        ('seconds = "x"', "seconds: seconds"),
        ("settings = 5", "settings: a table"),
        ("network = { los = 0.1 }", "los: not known"),
        ("network = { loss = 5 }", "network: loss: from 0 to 1"),
        ('modem = ["a"]', "modem: one of"),
        ('gateway = "no"', "gateway: true or false"),
        ('seed = "x"', "seed: a whole number"),
        ("][", "x.toml"),
    ],
)
def test_a_wrong_scenario_says_what_is_wrong(tmp_path, text, words):
    path = tmp_path / "x.toml"
    path.write_text(text)
    with pytest.raises(scenario.ScenarioError, match=re.escape(words)):
        scenario.load(path)
