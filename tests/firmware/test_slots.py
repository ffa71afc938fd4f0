# runs on: micropython+guest
"""Two images on flash: which one is started, and what becomes of one that is no good."""

import hashlib

from firmware import statefile
from firmware.slots import HEAD, NONE, TRIES, Slots
from tests.firmware.slot_bench import (
    BLOCK,
    FILES,
    NEW,
    OLD,
    PATH,
    SLOT,
    Board,
    factory,
    image,
    new_chip,
    write,
)
from tests.portable import raises


def updated(board):
    """The old image runs, the new one is staged."""
    factory(board)
    slots, data = board.start()
    assert data == OLD
    write(slots, NEW, 2)
    assert slots.stage()


def test_a_new_board_has_nothing_to_start():
    for mapped in (True, False):
        with Board(new_chip(), mapped) as board:
            slots = board.slots()
            assert slots.image(0) is None and slots.image(1) is None
            assert slots.pick() is None and slots.running is None
            assert not slots.trial


def test_the_first_image_is_the_good_one_at_once():
    for mapped in (True, False):
        with Board(new_chip(), mapped) as board:
            factory(board)
            slots, data = board.start()
            assert data == OLD and slots.running == 0 and slots.good == 0
            assert not slots.trial and slots.other == 1
            found = slots.image(0)
            assert (found.size, found.version, found.board) == (len(OLD), 1, "SIM")
            assert found.sha256 == hashlib.sha256(OLD).digest()


def test_a_new_one_is_tried_and_confirmed():
    with Board(new_chip()) as board:
        updated(board)
        slots, data = board.start()
        assert data == NEW and slots.trial and slots.running == 1
        slots.confirm()
        assert not slots.trial
        slots, data = board.start()
        assert data == NEW and not slots.trial and slots.good == 1 and slots.other == 0


def test_without_a_confirmation_the_good_one_has_its_turn_again():
    with Board(new_chip()) as board:
        updated(board)
        for _ in range(TRIES):
            slots, data = board.start()
            assert data == NEW and slots.trial
        for _ in range(3):
            slots, data = board.start()
            assert data == OLD and not slots.trial and slots.given_up == 1


def test_one_that_gives_itself_up():
    with Board(new_chip()) as board:
        updated(board)
        slots, _ = board.start()
        slots.give_up()
        slots, data = board.start()
        assert data == OLD and slots.given_up == 1
        slots.give_up()  # the good one does not
        assert board.start()[1] == OLD


def test_on_trial_nothing_is_written():
    with Board(new_chip()) as board:
        updated(board)
        slots, _ = board.start()
        assert slots.other is None
        for call in (slots.begin, slots.finish, slots.stage, lambda: slots.write(0, b"x")):
            with raises(ValueError):
                call()
        assert slots.whole(0) is not None


def test_a_damaged_image_on_trial_is_not_started():
    for at in (HEAD, HEAD + len(NEW) - 1, 0, 20, 256):
        with Board(new_chip()) as board:
            updated(board)
            board.chip.data[(FILES + SLOT) * BLOCK + at] ^= 1
            slots, data = board.start()
            assert data == OLD and slots.given_up == 1, at


def test_a_good_one_that_was_damaged_gives_way_to_the_other():
    with Board(new_chip()) as board:
        updated(board)
        slots, _ = board.start()
        slots.confirm()
        board.chip.data[(FILES + SLOT) * BLOCK + HEAD + 77] ^= 0x10
        slots, data = board.start()
        assert data == OLD and slots.good == 0 and slots.given_up == 1
        assert slots.other == 1  # and may be mended


def test_both_damaged():
    with Board(new_chip()) as board:
        updated(board)
        for slot in range(2):
            board.chip.data[(FILES + slot * SLOT) * BLOCK + HEAD] ^= 1
        slots, data = board.start()
        assert data is None and slots.running is None


def test_without_a_state_the_newest_whole_image():
    for lost in (b"", b"\x00" * 9, None):
        with Board(new_chip()) as board:
            updated(board)
            board.start()[0].confirm()
            if lost is None:
                statefile.remove(PATH)
            else:
                statefile.replace(PATH, lost)
            slots, data = board.start()
            assert data == NEW and slots.good == 1
            board.chip.data[(FILES + SLOT) * BLOCK + HEAD] ^= 1
            statefile.remove(PATH)
            assert board.start()[1] == OLD


def test_a_state_of_another_layout_is_none():
    with Board(new_chip()) as board:
        updated(board)
        for row in (b"\x02\x00\xff\x00\xff\x00", b"\x01\x02\xff\x00\xff\x00", b"\x01\x00"):
            statefile.write(PATH, row)
            assert board.slots().good == NONE
            assert board.start()[1] == NEW


def test_the_only_whole_image_is_never_the_one_that_goes():
    """flash.py's scripts run from no slot, and the state may be lost."""
    for number in range(2):
        with Board(new_chip()) as board:
            updated(board)
            if number:
                board.start()[0].confirm()
            statefile.remove(PATH)
            board.chip.data[(FILES + (1 - number) * SLOT) * BLOCK + HEAD] ^= 1
            slots = board.slots()
            slots.begin()
            assert slots.other == 1 - number
            assert board.start()[1] == (NEW if number else OLD)


def test_what_was_not_written_whole_is_not_staged():
    with Board(new_chip()) as board:
        factory(board)
        slots, _ = board.start()
        write(slots, NEW, 2)
        board.chip.data[(FILES + SLOT) * BLOCK + HEAD + 4999] ^= 1
        assert not slots.finish() and not slots.stage()
        assert slots.image(1) is None
        assert board.start()[1] == OLD
        slots.begin()
        with raises(OSError):
            slots.stage()  # nobody said what it is


def test_what_it_is_may_be_said_at_the_end():
    with Board(new_chip()) as board:
        factory(board)
        slots, _ = board.start()
        slots.begin()
        slots.write(0, NEW)
        assert not slots.finish(len(NEW), 2, bytes(32), "SIM")
        assert slots.finish(len(NEW), 2, hashlib.sha256(NEW).digest(), "SIM")
        assert slots.stage() and board.start()[1] == NEW


def test_begun_anew_it_is_on_trial_no_more():
    with Board(new_chip()) as board:
        updated(board)
        slots = board.slots(0)
        slots.begin()
        assert slots.tried == NONE
        assert board.start()[1] == OLD


def test_writing_goes_on_after_a_restart():
    """From the beginning of any block; the description is there."""
    with Board(new_chip()) as board:
        factory(board)
        slots, _ = board.start()
        whole = hashlib.sha256(NEW).digest()
        slots.begin(len(NEW), whole, 2, "SIM")
        slots.write(0, NEW[:4500])
        slots, _ = board.start()
        slots.write(4096, NEW[4096:])
        found = list(slots.digest())
        assert found[-1] == whole and found[0] is None
        assert slots.stage() and board.start()[1] == NEW


def test_with_no_tries_it_is_the_good_one_at_once():
    with Board(new_chip()) as board:
        factory(board)
        slots = board.slots()
        write(slots, NEW, 2)
        assert slots.stage(0)
        slots, data = board.start()
        assert data == NEW and not slots.trial and slots.good == 1


def test_who_began_a_trial_is_kept():
    for desk in (True, False):
        with Board(new_chip()) as board:
            factory(board)
            slots = board.slots()
            write(slots, NEW, 2)
            assert slots.stage(desk=desk)
            slots, _ = board.start()
            assert slots.trial and bool(slots.desk) == desk
            assert bool(board.slots(1).desk) == desk


def test_what_cannot_be_counted_is_not_tried():
    """Flash that takes no more: the good one runs, start after start."""
    with Board(new_chip()) as board:
        updated(board)
        write_ = statefile.write

        def worn(path, data):
            raise OSError(5)

        statefile.write = worn
        try:
            for _ in range(5):
                assert board.start()[1] == OLD
            board.chip.data[FILES * BLOCK + HEAD] ^= 1
            assert board.start()[1] == NEW  # better than none
        finally:
            statefile.write = write_


def test_an_image_must_fit():
    with Board(new_chip()) as board:
        slots = board.slots()
        assert slots.room == (SLOT - 1) * BLOCK
        big = image(b"x", slots.room)
        write(slots, big, 1)
        assert slots.stage() and board.start()[1] == big
        slots = board.slots()
        slots.begin(slots.room + 1, bytes(32), 1, "SIM")
        assert slots.described(1) is None
        with raises(ValueError):
            slots.write(slots.room, b"x")
        with raises(ValueError):
            slots.begin(100, bytes(32), 1, "a name that is longer than a head has room for")


def test_a_slot_reads_like_its_memory():
    with Board(new_chip(), mapped=False) as board:
        factory(board)
        flash = board.slots().slots[0]
        buffer = bytearray(100)
        flash.read(HEAD + 4090, buffer)
        assert bytes(buffer) == OLD[4090:4190]


def test_no_bit_is_set_without_an_erase():
    with Board(new_chip()) as board:
        updated(board)
        board.start()[0].confirm()
        slots, _ = board.start()
        write(slots, image(b"third ", 9000), 3, 4096)
        assert slots.stage()
        assert board.chip.set_again == 0


def test_slots_alone_knows_its_state():
    with Board(new_chip()) as board:
        updated(board)
        board.start()
        state = Slots((None, None), 1, PATH)
        assert state.trial and state.tries == TRIES - 1
