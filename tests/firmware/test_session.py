# runs on: micropython
"""Partial IVs on flash: none is used twice, wherever power is cut, and a panic does not wait for flash."""

import os

from firmware.session import LOW, RESERVE
from protocol import coap
from protocol.coap import CON, POST, Message
from tests.firmware.session_bench import OTHER, agreed, answer, flash, gateway, number, request, session, use
from tests.firmware.uplink_bench import LINK, adopt


def test_without_a_context_nothing_is_protected():
    flash()
    it = session()
    assert not it.ready and use(it) is None and not it.prepare() and it.left() == 0


def test_numbers_go_up_by_one_and_flash_is_written_once_in_sixty_four():
    chip = flash()
    it = agreed()
    first = number(it)
    before = chip.operations
    per_write = None
    for n in range(1, 300):
        assert number(it) == first + n
        if per_write is None and chip.operations > before:
            per_write = chip.operations - before
            assert n == RESERVE
    assert chip.operations - before < 6 * per_write


def test_a_new_start_skips_numbers_and_repeats_none():
    flash()
    used = []
    it = agreed()
    for boot in range(1, 20):
        used += [number(it) for _ in range(boot * 7 % 90)]
        it = session()
        assert it.ready
    assert len(used) == len(set(used)) and used == sorted(used)


def test_no_number_twice_wherever_power_is_cut():
    """Every program and erase of the reservations is cut in turn; what was used before is not used again."""
    total = None
    cut = 1
    while total is None or cut <= total:
        chip = flash()
        it = agreed()
        used = [use(it) for _ in range(10)]
        begun = chip.operations
        chip.cut_at = None if total is None else begun + cut
        for _ in range(3 * RESERVE):
            n = use(it)
            if chip.dead:
                break  # power went while flash was written: this message never left
            used.append(n)
        if total is None:
            total = chip.operations - begun
            continue
        chip.power_on()
        again = session()
        fresh = [use(again) for _ in range(2 * RESERVE)]
        assert not set(used) & set(fresh), cut
        assert None not in fresh, cut
        cut += 1
    assert total >= 6, total


def _change_of_keys(it):
    """Yields what each step used."""
    for _ in range(LOW + 5):
        yield use(it)
    adopt(it, OTHER)
    for _ in range(5):
        yield use(it)
    answer(it, OTHER)
    yield None
    it.prepare()
    for _ in range(2 * RESERVE):
        yield use(it)


def test_wherever_power_is_cut_in_a_change_of_keys_one_context_is_whole_and_no_number_comes_twice():
    """Cut at every program and erase: from the last requests under the old context over the switch and the
    gateway's first answer to the first reservations under the new one."""
    total = None
    cut = 1
    seen = set()
    while total is None or cut <= total:
        chip = flash()
        it = agreed()
        used = [use(it) for _ in range(RESERVE - LOW)]
        begun = chip.operations
        chip.cut_at = None if total is None else begun + cut
        for used_now in _change_of_keys(it):
            if chip.dead:
                break
            if used_now is not None:
                used.append(used_now)
        if total is None:
            total = chip.operations - begun
            assert use(it)[0] == OTHER["sender_id"]
            continue
        chip.power_on()
        again = session()
        fresh = [use(again) for _ in range(2 * RESERVE)]
        assert None not in fresh, cut
        assert not set(used) & set(fresh), cut
        assert len(set(fresh)) == len(fresh)
        kids = {kid for kid, _ in fresh}
        assert len(kids) == 1
        seen |= kids
        if OTHER["sender_id"] in {kid for kid, _ in used}:
            assert kids == {OTHER["sender_id"]}, cut  # never back to keys that the gateway may have dropped
        cut += 1
    assert seen == {LINK["sender_id"], OTHER["sender_id"]} and total >= 12, (seen, total)


def test_the_old_slot_goes_when_the_gateway_has_answered_under_the_new_context():
    flash()
    it = agreed()
    first = [name for name in os.listdir("/bench") if name.startswith("oscore")]
    adopt(it, OTHER)
    assert len(os.listdir("/bench")) == 2 and it.prepare() and len(os.listdir("/bench")) == 2
    assert answer(it, OTHER).payload == b"ok"
    assert it.prepare()
    assert len(os.listdir("/bench")) == 1 and os.listdir("/bench") != first
    # The same after a start in between.
    adopt(it, LINK)
    again = session()
    assert use(again)[0] == LINK["sender_id"] and len(os.listdir("/bench")) == 2
    answer(again, LINK)
    again.prepare()
    assert len(os.listdir("/bench")) == 1 and use(session())[0] == LINK["sender_id"]


def test_answers_under_the_old_context_are_understood_until_the_new_one_is_proved():
    flash()
    it = agreed()
    outer, binding = it.protect(request(), True)
    adopt(it, OTHER)
    there = gateway(LINK)
    reply = there.protect_response(
        Message(CON, coap.CHANGED, payload=b"late"), there.unprotect_request(outer)[1]
    )
    assert it.former(binding) and it.unprotect(reply, binding).payload == b"late"
    it.prepare()
    assert len(os.listdir("/bench")) == 2, "an answer under the old context proves nothing about the new one"
    _, newer = it.protect(request(), True)
    assert not it.former(newer)


def test_keys_are_changed_a_hundred_times_and_the_newest_is_what_a_start_finds():
    flash()
    it = agreed()
    for n in range(100):
        link = dict(LINK, sender_id=bytes((n, 1, 2, 3)), secret=bytes((n,)) * 16)
        adopt(it, link, n)
        if n % 3:
            answer(it, link)
            it.prepare()
        if n % 2:
            it = session()
        assert use(it)[0] == link["sender_id"] and it.made_ms == n
    assert len(os.listdir("/bench")) <= 2


def test_prepared_in_a_quiet_moment_a_panic_does_not_touch_flash():
    chip = flash()
    it = agreed()
    for _ in range(10 * RESERVE):
        assert it.prepare()
        before = chip.operations
        assert use(it, urgent=True) is not None
        assert chip.operations == before


def test_only_the_gateways_answer_to_this_request_opens():
    flash()
    it = agreed()
    there = gateway(LINK)
    pairs = []
    for _ in range(2):
        outer, binding = it.protect(Message(CON, POST, payload=b"x"), True)
        reply = there.protect_response(
            Message(CON, coap.CHANGED, payload=b"ok"), there.unprotect_request(outer)[1]
        )
        pairs.append((binding, reply))
    (mine, reply), (other, foreign) = pairs
    assert it.unprotect(foreign, mine) is None and it.unprotect(reply, other) is None
    assert it.unprotect(Message(CON, coap.UNAUTHORIZED), mine) is None
    for i in range(len(reply.payload)):
        wrong = bytearray(reply.payload)
        wrong[i] ^= 1
        assert it.unprotect(Message(CON, reply.code, 0, b"", reply.options, bytes(wrong)), mine) is None
    assert it.unauthentic == 3 + len(reply.payload)
    assert it.unprotect(reply, mine).payload == b"ok"
