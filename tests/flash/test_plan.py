"""Which blocks go over the cable."""

import random
import zlib

from hypothesis import given
from hypothesis import strategies as some

from flashing.board import plan as planning
from flashing.board.plan import BLOCK, blocks, digest, packed, plan

IMAGE = random.Random(7).randbytes(10 * BLOCK + 100)
DIGESTS = [digest(block) for block in blocks(IMAGE)]


def test_a_blank_board_gets_all():
    assert plan(IMAGE, [], []).send == list(range(11))


def test_what_lies_there_is_not_sent_again():
    made = plan(IMAGE, [], DIGESTS[:4] + [bytes(8)] + DIGESTS[5:])
    assert made.send == [4]
    assert made.keep == [0, 1, 2, 3, 5, 6, 7, 8, 9, 10]


def test_what_the_running_program_has_is_copied_on_the_board():
    made = plan(IMAGE, [bytes(8), *DIGESTS[:6]], [])
    assert made.copy == {number: number + 1 for number in range(6)}
    assert made.send == [6, 7, 8, 9, 10]


@given(
    some.lists(some.sampled_from([*DIGESTS, bytes(8)])), some.lists(some.sampled_from([*DIGESTS, bytes(8)]))
)
def test_after_it_the_slot_holds_the_image(running, other):
    made = plan(IMAGE, running, other)
    assert sorted([*made.keep, *made.copy, *made.send]) == list(range(len(DIGESTS)))
    assert all(other[number] == DIGESTS[number] for number in made.keep)
    assert all(running[origin] == DIGESTS[number] for number, origin in made.copy.items())


def test_a_block_is_packed_where_that_is_shorter():
    assert packed(IMAGE[:BLOCK]) is None
    text = b"self.panic = None\n" * 227
    short = packed(text)
    assert len(short) < 100
    assert zlib.decompress(short, -planning._WINDOW) == text
