"""A heap without room, at many sizes, on a drive and in a start: judged by the checkers alone."""

from tests.mutants.stories import play


def test_no_number_is_missing_and_each_start_is_followed_by_one_that_serves():
    assert play("starved") == []
