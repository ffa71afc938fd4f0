"""The broker's side and the centre's: on made-up recordings."""

from hwsim.checks.recording import ACKNOWLEDGED, CLEARED, STORED, Fault, Told
from tests.hwsim.checks.made_up import KID, PANIC, S, Story, day


def test_relayed_before_it_was_committed():
    story = day()
    story.recording.told[2].committed = False
    assert story.rules() == ["relayed before commit"]


def test_relayed_in_another_order_than_stored():
    story = day()
    told = story.recording.told
    told[1], told[2] = told[2], told[1]
    assert story.rules() == ["order"]


def test_repeats_at_the_broker_have_no_order():
    story = day()
    story.recording.told.append(story.recording.told[0])
    assert story.rules() == []


def test_stored_and_never_relayed():
    story = day()
    name = story.recording.told.pop().name
    story.recording.rows[name].relayed = False
    assert story.rules() == ["not relayed"]
    assert story.rules(drained=False) == []


def test_marked_as_relayed_and_never_at_the_broker():
    story = day()
    story.recording.told.pop()
    assert story.rules(drained=False) == ["not relayed"]


def test_a_stage_that_nobody_made_is_told():
    for stage, upto, wrong in (
        ("acknowledged", STORED, ["stage"]),
        ("acknowledged", ACKNOWLEDGED, []),
        ("cleared", ACKNOWLEDGED, ["stage"]),
        ("cleared", CLEARED, []),
        ("shown", STORED, ["stage"]),
        ("shown", ACKNOWLEDGED, []),
        ("stored", STORED, []),
    ):
        story = Story()
        story.alarm(30, upto=upto)
        story.recording.told.append(Told(90 * S, "panic", (KID, 1, 0), None, True, stage, PANIC))
        assert story.rules() == wrong, stage


def test_a_terminal_is_told_what_nobody_at_the_centre_did():
    story = Story()
    story.alarm(30)
    story.recording.centre.clear()
    assert story.rules() == ["stage"]
    story.recording.has_broker = False  # the bench's own headquarters
    assert story.rules() == []


def test_an_acknowledgement_that_never_came_to_the_terminal():
    story = Story()
    story.alarm(30, upto=STORED)
    story.act("acknowledge", 50)
    assert story.rules() == ["lost command"]
    assert story.rules(drained=False) == []
    story.recording.faults.append(Fault(40 * S, "broker_kill"))
    assert story.rules() == []
