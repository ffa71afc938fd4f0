# runs on: both
"""The test helpers themselves: a helper that cannot fail would make every test green."""

from tests.portable import Skip, raises, skip


def test_raises_catches_what_was_named():
    with raises(ValueError) as caught:
        raise ValueError("x")
    assert str(caught.value) == "x"


def test_raises_complains_when_nothing_is_raised():
    try:
        with raises(ValueError):
            pass
    except AssertionError:
        return
    raise Exception("silence was accepted")


def test_raises_lets_other_errors_through():
    try:
        with raises(ValueError):
            raise KeyError("other")
    except KeyError:
        return
    raise Exception("another error was swallowed")


def test_skip_carries_its_reason():
    with raises(Skip) as caught:
        skip("because")
    assert str(caught.value) == "because"
