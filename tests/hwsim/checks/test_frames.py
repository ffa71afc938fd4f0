"""Names, signatures, nonces, receipts, loss: on made-up recordings."""

from hwsim.checks.excuses import WORN_OUT
from hwsim.checks.recording import Car, Fault, Receipt, Row
from tests.hwsim.checks.made_up import KID, S, day, frame


def test_a_frame_that_was_sent_and_never_stored():
    for fields, kind in (({"status": 5}, "urgent"), ({}, "bulk")):
        story = day()
        made = story.report(100, **fields)
        del story.recording.rows[made.name]
        story.recording.kept.discard(made.name)
        story.recording.told = [told for told in story.recording.told if told.name != made.name]
        if fields:
            story.press("off_duty", 99)
        assert story.rules() == ["lost frame"], kind
        assert story.rules(drained=False) == []


def test_a_number_that_never_came_while_later_ones_did():
    story = day()
    story.seq += 1
    story.report(100)
    assert story.rules() == ["lost frame"]


def test_positions_may_be_thinned_after_a_silence_that_filled_their_room():
    story = day()
    story.car.settings = {"bulk_kb": 8, "least_s": 2}
    story.seq += 1
    story.report(100)
    assert story.rules() == []
    story.car.settings = {"bulk_kb": 256, "least_s": 2}
    assert story.rules() == ["lost frame"]


def test_flash_that_took_nothing_excuses_what_was_in_memory_only():
    for blocks, wrong in ((1, ["lost frame"]), (WORN_OUT, [])):
        story = day()
        story.seq += 1
        story.report(100)
        story.recording.faults += [Fault(50 * S, "flash_worn", "sm-21")] * blocks
        assert story.rules() == wrong


def test_a_bit_of_rot_excuses_one_record():
    for lost, wrong in ((1, []), (2, ["lost frame"])):
        story = day()
        story.seq += lost
        story.report(100)
        story.recording.faults.append(Fault(50 * S, "flash_rot", "sm-21"))
        assert story.rules() == wrong


def test_files_that_fill_the_file_system_excuse_no_frame():
    """The journal has flash of its own."""
    story = day()
    story.seq += 1
    story.report(100)
    story.recording.faults.append(Fault(50 * S, "flash_full", "sm-21"))
    assert story.rules() == ["lost frame"]


def test_a_heap_without_room_excuses_no_number():
    story = day()
    story.seq += 1
    story.report(100)
    story.recording.faults.append(Fault(99 * S, "heap_exhaustion", "sm-21"))
    assert story.rules() == ["lost frame"]


def test_nothing_is_owed_by_a_revoked_terminal():
    story = day()
    story.press("off_duty", 99)
    story.seq += 1
    story.report(100)
    story.car.withdrawn = True
    assert story.rules() == []


def test_one_name_for_two_frames():
    story = day()
    story.recording.renamed.append((9 * S, (KID, 1, 0), "on the air"))
    assert story.rules() == ["name used twice"]
    story = day()
    story.recording.conflicts.append((KID, 1, 0))
    assert story.rules() == ["name used twice"]


def test_a_frame_that_does_not_verify():
    story = day()
    story.recording.forged.append((9 * S, (KID, 1, 0)))
    assert story.rules() == ["signature"]


def test_a_nonce_may_come_again_for_the_same_bytes_only():
    story = day()
    use = story.recording.nonces.used
    use(1 * S, "sm-21", "terminal's Partial IV 1", b"key", b"text")
    use(2 * S, "sm-21", "terminal's Partial IV 1", b"key", b"text")
    use(3 * S, "sm-21", "terminal's Partial IV 1", b"other key", b"other text")
    assert story.rules() == []
    use(4 * S, "sm-21", "terminal's Partial IV 1", b"key", b"other text")
    assert story.rules() == ["nonce"]


def test_a_receipt_before_the_commit():
    story = day()
    story.car.receipts.append(Receipt(50 * S, ((KID, 1, 0),), ((KID, 1, 0),)))
    assert story.rules() == ["2.04 before commit"]


def test_what_was_committed_is_gone():
    story = day()
    story.recording.rows[KID, 1, 99] = Row(99, (KID, 1, 99), None, 1, None, 60 * S)
    story.recording.rows[KID, 1, 99].relayed = False
    assert "store" in story.rules(drained=False)
    story.recording.faults.append(Fault(70 * S, "lose_store"))
    assert "store" not in story.rules(drained=False)


def test_the_bench_of_one_car_says_nothing_of_another():
    story = day()
    story.recording.cars["ba-07"] = Car("ba-07", "ff112233445566aa")
    assert story.rules() == []
    other = frame(5)
    assert other.name[0] == KID
