# runs on: micropython
"""Sessions on flash that is damaged, worn out, or takes nothing."""

import os

from firmware import statefile
from firmware.session import LOW, RESERVE
from protocol import cbor
from tests.firmware.session_bench import OTHER, agreed, answer, flash, session, use
from tests.firmware.uplink_bench import LINK, SLOTS, adopt


def test_a_damaged_slot_is_not_used_and_the_other_is():
    for damage in (b"", b"garbage garbage", None):
        flash()
        said = []
        it = agreed()
        adopt(it, OTHER)
        newest = [path for path in SLOTS if _generation(path) == 2][0]
        if damage is None:
            with open(newest, "rb") as file:
                whole = file.read()
            damage = whole[:-1] + bytes([whole[-1] ^ 1])
        with open(newest, "wb") as file:
            file.write(damage)
        it = session(lambda level, text, said=said: said.append(text))
        assert any(newest in text and "damaged" in text for text in said), said
        assert use(it)[0] == LINK["sender_id"]
        answer(it, LINK)
        it.prepare()
        assert len(os.listdir("/bench")) == 1, "what is damaged goes like what is old"


def _generation(path):
    data = statefile.read(path)
    return cbor.decode(data[5:])[0] if data else None


def test_with_both_slots_damaged_or_lost_there_is_no_context_and_a_new_one_works():
    for damage in ("lost", "damaged"):
        flash()
        it = agreed()
        adopt(it, OTHER)
        used = [use(it) for _ in range(5)]
        for path in SLOTS:
            if damage == "lost":
                os.remove(path)
            else:
                with open(path, "wb") as file:
                    file.write(b"\xff" * 80)
        it = session()
        assert not it.ready and use(it) is None
        adopt(it, LINK)
        assert use(it) == (LINK["sender_id"], 0) and used
        assert use(session())[0] == LINK["sender_id"]


def test_worn_out_flash_keeps_the_last_numbers_for_what_is_urgent():
    chip = flash()
    it = agreed()
    assert use(it, urgent=False) is not None
    chip.worn_out = True
    bulk = 0
    while use(it, urgent=False) is not None:
        bulk += 1
    assert bulk == RESERVE - 1 - LOW + 1 and it.flash_errors == 1 and it.ready
    urgent = 0
    while use(it, urgent=True) is not None:
        urgent += 1
    assert urgent == LOW - 1, "and then none: a number that is not on flash is never used"
    assert not it.ready, "so that another context is asked for"
    chip.worn_out = False
    assert use(it) is None and it.flash_errors == 1, "what waits does not ask flash again: each try wears it"
    assert it.prepare() and use(it, urgent=False) is not None and it.ready


def test_a_context_that_flash_does_not_take_serves_from_memory_and_repeats_nothing_afterwards():
    chip = flash()
    it = agreed()
    chip.worn_out = True
    adopt(it, OTHER)
    used = [use(it, urgent=False) for _ in range(5 * RESERVE)]
    assert None not in used and {kid for kid, _ in used} == {OTHER["sender_id"]} and it.ready
    chip.worn_out = False
    # Should flash have taken it after all, a start begins far below.
    it._write(1 - it._slot, RESERVE, b"")
    it._write(it._slot, RESERVE, it._rest)
    again = session()
    fresh = [use(again) for _ in range(2 * RESERVE)]
    assert {kid for kid, _ in fresh} == {OTHER["sender_id"]} and not set(used) & set(fresh)


def test_power_fails_while_memory_alone_has_the_context():
    chip = flash()
    it = agreed()
    before = [use(it) for _ in range(10)]
    chip.worn_out = True
    adopt(it, OTHER)
    use(it)
    chip.worn_out = False
    again = session()
    fresh = [use(again) for _ in range(RESERVE)]
    assert {kid for kid, _ in fresh} == {LINK["sender_id"]} and not set(before) & set(fresh)
