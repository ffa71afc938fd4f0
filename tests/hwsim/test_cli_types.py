"""What is typed for an option is a number that it can be, or a sentence says what it has to be."""

import argparse

import pytest

from hwsim.cli import types


@pytest.mark.parametrize(
    ("kind", "good", "wrong"),
    [
        (types.count, {"1": 1, "70000": 70000}, ("0", "-1", "1.5")),
        (types.terminals, {"1": 1, "200": 200}, ("0", "201", "2.0")),
        (types.positive, {"0.5": 0.5, "24": 24.0}, ("0", "-2")),
        (types.speed, {"0": 0.0, "2.5": 2.5}, ("-0.1",)),
        (types.probability, {"0": 0.0, "0.3": 0.3}, ("1", "-0.1", "30")),
    ],
)
def test_numbers(kind, good, wrong):
    for text, value in good.items():
        assert kind(text) == value
    for text in (*wrong, "", "x", "nan", "inf", "-inf", "1e999"):
        with pytest.raises(argparse.ArgumentTypeError, match=f", not {text}$"):
            kind(text)
