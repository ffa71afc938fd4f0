# runs on: both
"""Alarms: each stage by its fact, none skipped, none shown that did not happen."""

from firmware.panic import ACKNOWLEDGED, CLEARED, MOST, RAISED, RECEIVED, STORED, Panics

EVENTS = ("stored", "receipt", "acknowledged", "cleared")


class Flash:
    def __init__(self):
        self.rows = []

    def store(self, rows):
        self.rows = rows


def make(boot=7):
    flash = Flash()
    return flash, Panics(boot, flash.store)


def pressed(panics, seq=0, stored=True):
    panic = panics.press()
    panics.framed(panic, 7, seq, stored)
    return panic


def test_the_table_is_whole():
    """Every state and every event: what happens, and what does not."""
    forward = {"stored": STORED, "receipt": RECEIVED, "acknowledged": ACKNOWLEDGED, "cleared": CLEARED}
    for state in (RAISED, STORED, RECEIVED, ACKNOWLEDGED):
        for event in EVENTS:
            flash, panics = make()
            panic = panics.press()
            panic.state = state
            moved = panics.step(panic.id, event)
            assert moved == (forward[event] > state), (state, event)
            assert panic.state == max(state, forward[event])
            assert (panic in panics.open) == (panic.state != CLEARED)


def test_stages_in_order():
    flash, panics = make()
    assert panics.least() is None
    panic = panics.press()
    assert (panic.id, panics.least()) == (7 * 65536 + 1, RAISED)
    panics.framed(panic, 7, 12, True)
    assert panics.least() == STORED and flash.rows == [] and panics.unsaved, "the frame goes out first"
    panics.save()
    assert flash.rows == [[panic.id, STORED, 7, 12]] and not panics.unsaved
    assert panics.receipt(7, 12) and panics.least() == RECEIVED
    assert panics.step(panic.id, "acknowledged") and panics.least() == ACKNOWLEDGED
    assert flash.rows == [[panic.id, ACKNOWLEDGED, 7, 12]]
    assert panics.step(panic.id, "cleared") and panics.least() is None
    assert flash.rows == [[panic.id, CLEARED, None, None]]


def test_a_receipt_for_another_frame_moves_nothing():
    flash, panics = make()
    pressed(panics, seq=5)
    assert not panics.receipt(7, 4) and not panics.receipt(6, 5)
    assert panics.least() == STORED


def test_an_acknowledgement_for_another_alarm_moves_nothing():
    flash, panics = make()
    panic = pressed(panics)
    assert not panics.step(panic.id + 1, "acknowledged")
    assert panics.least() == STORED


def test_the_lamp_shows_the_least_advanced():
    flash, panics = make()
    first = pressed(panics, 0)
    panics.step(first.id, "acknowledged")
    second = pressed(panics, 1)
    assert first.id != second.id and panics.least() == STORED
    panics.receipt(7, 1)
    assert panics.least() == RECEIVED
    panics.step(second.id, "acknowledged")
    assert panics.least() == ACKNOWLEDGED
    panics.step(first.id, "cleared")
    assert panics.least() == ACKNOWLEDGED
    panics.step(second.id, "cleared")
    assert panics.least() is None


def test_flash_that_fails_stops_no_alarm():
    flash, panics = make()
    panic = pressed(panics, 3, stored=False)
    assert flash.rows == [[panic.id, RAISED, 7, 3]], "nothing else on flash would tell"
    assert panic.state == RAISED and panics.receipt(7, 3) and panics.least() == RECEIVED


def test_after_a_power_cut_it_is_raised_again_with_the_same_id():
    flash, panics = make(boot=7)
    panic = pressed(panics, 9)
    panics.receipt(7, 9)
    later = Panics(8, flash.store)
    later.load(flash.rows)
    waiting = later.waiting()
    assert later.least() == RAISED, "what the old frame reached is not what the new one has reached"
    assert [p.id for p in waiting] == [panic.id]
    later.framed(waiting[0], 8, 0, True)
    # The receipt of the old frame doesn't speak for the new one.
    assert later.least() == STORED and later.waiting() == []
    assert not later.receipt(7, 9) and later.receipt(8, 0)


def test_an_acknowledged_alarm_is_not_raised_again_but_stays_open():
    flash, panics = make(boot=7)
    panic = pressed(panics)
    panics.step(panic.id, "acknowledged")
    later = Panics(8, flash.store)
    later.load(flash.rows)
    assert later.waiting() == [] and later.least() == ACKNOWLEDGED


def test_a_frame_that_waits_in_the_journal_is_sent_once_not_twice():
    flash, panics = make(boot=7)
    panic = pressed(panics, 9)
    panics.save()
    later = Panics(8, flash.store)
    later.load(flash.rows)
    later.queued(panic.id, 7, 9)
    assert later.waiting() == [] and later.least() == STORED
    assert later.receipt(7, 9) and later.least() == RECEIVED


def test_a_frame_in_the_journal_whose_alarm_was_not_yet_kept_opens_it():
    """Power went after the journal's write and before ours."""
    flash = Flash()
    later = Panics(8, flash.store)
    later.queued(7 * 65536 + 1, 7, 3)
    assert later.least() == STORED and later.waiting() == []
    assert later.unsaved, "once its frame has left the journal, only our own file tells of it"
    assert later.receipt(7, 3)


def test_an_alarm_that_was_cleared_is_not_opened_again_by_its_frame():
    """The order to clear overtook the receipt, or flash refused the mark; then power went."""
    flash, panics = make(boot=7)
    panic = pressed(panics, 9)
    other = pressed(panics, 10)
    panics.step(panic.id, "cleared")
    for boot in (8, 9):
        later = Panics(boot, flash.store)
        later.load(flash.rows)
        later.queued(panic.id, 7, 9)
        later.queued(other.id, 7, 10)
        assert [p.id for p in later.open] == [other.id] and later.waiting() == []
        assert not later.receipt(7, 9) and not later.step(panic.id, "acknowledged")
        later.save()
    assert len(flash.rows) == 2


def test_cleared_alarms_are_remembered_within_bounds():
    flash, panics = make()
    for n in range(20):
        panics.step(pressed(panics, n).id, "cleared")
    assert len(flash.rows) <= MOST and panics.open == []


def test_a_press_whose_frame_could_not_be_made_waits():
    flash, panics = make()
    panic = panics.press()
    assert panics.waiting() == [panic]


def test_the_number_of_open_alarms_is_bounded_and_the_answered_go_first():
    flash, panics = make()
    ids = [pressed(panics, n).id for n in range(MOST)]
    panics.step(ids[3], "acknowledged")
    pressed(panics, 100)
    assert len(panics.open) == MOST
    assert panics.find(ids[3]) is None and panics.find(ids[0]) is not None


def test_a_file_that_makes_no_sense_is_left_out():
    flash, panics = make()
    panics.load([[5, 9, 1, 1], [6, RAISED, 1, None], [6, STORED, 1, 1]])
    assert [p.id for p in panics.open] == [6]
