"""NOR flash: only an erase sets bits, and power fails in the middle of things."""

import random

import pytest

from hwsim.flash import ERASE, PROGRAM, Flash


@pytest.fixture
def flash(tmp_path):
    chip = Flash(tmp_path / "flash.bin", 64 * 1024)
    yield chip
    chip.close()


def test_a_new_chip_is_blank_and_keeps_what_was_programmed(tmp_path):
    chip = Flash(tmp_path / "flash.bin", 8192)
    assert chip.read(0, 8192) == b"\xff" * 8192
    chip.do(PROGRAM, 100, b"patrol")
    chip.close()
    again = Flash(tmp_path / "flash.bin", 8192)
    assert again.read(98, 10) == b"\xff\xffpatrol\xff\xff"
    again.close()


def test_programming_only_clears_bits(flash):
    flash.do(PROGRAM, 0, b"\x0f\xf0")
    assert flash.set_again == 0
    flash.do(PROGRAM, 0, b"\xf1\xf0")
    assert flash.read(0, 2) == b"\x01\xf0"
    assert flash.set_again == 4


def test_erasing_sets_one_block_and_counts_its_wear(flash):
    flash.do(PROGRAM, 4000, b"\x00" * 200)
    flash.do(ERASE, 4096)
    assert flash.read(4000, 96) == b"\x00" * 96
    assert flash.read(4096, 4096) == b"\xff" * 4096
    assert dict(flash.wear) == {1: 1}
    assert (flash.programs, flash.erases, flash.operations) == (1, 1, 2)


@pytest.mark.parametrize(
    "kind, address, data", [(ERASE, 100, b""), (ERASE, 65536, b""), (PROGRAM, 65530, b"x" * 7)]
)
def test_what_no_chip_can_do_is_refused(flash, kind, address, data):
    with pytest.raises(ValueError):
        flash.do(kind, address, data)


def test_a_torn_program_is_a_beginning_and_half_a_byte(flash):
    flash.tear(PROGRAM, 0, b"\x00" * 100, 0.5, random.Random(1))
    done = flash.read(0, 100)
    assert done[:50] == b"\x00" * 50
    assert done[51:] == b"\xff" * 49
    assert flash.torn == 1 and flash.programs == 1


def test_a_torn_program_of_zeros_wants_no_bit_set(flash):
    flash.do(PROGRAM, 0, b"\x9b\x02")
    for progress in (0.0, 0.3, 0.6):
        flash.tear(PROGRAM, 0, b"\x00\x00", progress, random.Random(1))
    assert flash.set_again == 0, "half a byte over what stands there"
    flash.tear(PROGRAM, 1, b"\xff", 0.5, random.Random(1))
    assert flash.set_again, "and what is a bug without a cut is one with it"


def test_a_bit_that_an_erase_could_not_set_is_no_bug_of_who_programs_it(flash):
    flash.wear_out(2, random.Random(1))
    address = 2 * flash.block
    flash.do(ERASE, address)
    left = flash.read(address, flash.block)
    assert left.count(b"\xff") < flash.block
    for at in range(0, flash.block, 128):
        flash.do(PROGRAM, address + at, b"\xff" * 128)
    assert flash.set_again == 0
    flash.do(PROGRAM, address, b"\x00" * 128)
    flash.do(PROGRAM, address, b"\xff" * 128)
    assert flash.set_again > 1000, "but what was programmed there is"


@pytest.mark.parametrize(
    "progress, least, most", [(0.0, 0.5, 0.5), (0.1, 0.2, 0.3), (0.2, 0.0, 0.0), (0.6, 0.45, 0.55)]
)
def test_a_torn_erase_leaves_neither_the_old_nor_a_blank_block(flash, progress, least, most):
    flash.do(PROGRAM, 0, b"\x55" * 4096)
    flash.tear(ERASE, 0, b"", progress, random.Random(1))
    ones = sum(byte.bit_count() for byte in flash.read(0, 4096)) / 32768
    assert least <= ones <= most
    assert flash.read(4096, 100) == b"\xff" * 100


def test_a_cut_is_armed_for_one_operation(flash):
    assert not flash.cut_now()
    flash.cut_at(2)
    assert not flash.cut_now()
    flash.do(PROGRAM, 0, b"\x00")
    assert not flash.cut_now()
    flash.do(PROGRAM, 1, b"\x00")
    assert flash.cut_now()
    assert not flash.cut_now()


def test_an_odd_size_is_refused(tmp_path):
    with pytest.raises(ValueError):
        Flash(tmp_path / "f", 5000)
