# runs on: micropython
"""Partial IVs on flash: none is used twice, wherever power is cut, and a panic does not wait for flash."""

from firmware.ccm import AesCcm
from firmware.session import LOW, RESERVE, Session
from protocol import coap
from protocol.coap import CON, POST, Message
from protocol.oscore import Context, peek
from tests.firmware.cutflash import CutFlash
from tests.firmware.uplink_bench import FLASH, LINK

PATH = "/bench/oscore"


def flash():
    if FLASH:
        FLASH.pop().power_off()
    FLASH.append(CutFlash("/bench", 16))
    return FLASH[0]


def session(boot=1):
    return Session(LINK, AesCcm(), boot, PATH)


def number(protected):
    return int.from_bytes(peek(protected[0])[2], "big")


def use(it, urgent=True):
    """The Partial IV of one more request, or None."""
    protected = it.protect(Message(CON, POST, options=[(coap.URI_PATH, b"f")], payload=b"x"), urgent)
    return None if protected is None else number(protected)


def test_numbers_go_up_by_one_and_flash_is_written_once_in_sixty_four():
    chip = flash()
    it = session()
    first = use(it)
    before = chip.operations
    per_write = None
    for n in range(1, 300):
        assert use(it) == first + n
        if per_write is None and chip.operations > before:
            per_write = chip.operations - before
            assert n == RESERVE
    assert chip.operations - before < 6 * per_write


def test_a_new_start_skips_numbers_and_repeats_none():
    flash()
    used = []
    for boot in range(1, 20):
        it = session(boot)
        used += [use(it) for _ in range(boot * 7 % 90)]
    assert len(used) == len(set(used)) and used == sorted(used)


def test_no_number_twice_wherever_power_is_cut():
    """Every program and erase of the reservations is cut in turn; what was used before is not used again."""
    total = None
    cut = 1
    while total is None or cut <= total:
        chip = flash()
        it = session(1)
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
        again = session(2)
        fresh = [use(again) for _ in range(2 * RESERVE)]
        assert not set(used) & set(fresh), cut
        assert None not in fresh, cut
        cut += 1
    assert total >= 6, total


def test_a_damaged_or_missing_file_goes_on_above_everything_used_before():
    for damage in ("missing", "damaged", "short"):
        flash()
        used = []
        for boot in (1, 2, 3):
            it = session(boot)
            used += [use(it) for _ in range(200)]
        if damage == "missing":
            import os

            os.remove(PATH)
        else:
            with open(PATH, "wb") as file:
                file.write(b"garbage garbage" if damage == "damaged" else b"")
        it = session(4)
        assert it.trouble is None
        assert use(it) > max(used), damage


def test_without_file_and_with_a_counter_that_is_a_guess_nothing_is_protected():
    flash()
    it = session(0x40000000 | 12345)
    assert "Enroll" in it.trouble and use(it) is None and not it.prepare()


def test_worn_out_flash_keeps_the_last_numbers_for_what_is_urgent():
    chip = flash()
    it = session()
    assert use(it, urgent=False) is not None
    chip.worn_out = True
    bulk = 0
    while use(it, urgent=False) is not None:
        bulk += 1
    assert bulk == RESERVE - 1 - LOW + 1 and it.flash_errors == 1
    urgent = 0
    while use(it, urgent=True) is not None:
        urgent += 1
    assert urgent == LOW - 1, "and then none: a number that is not on flash is never used"
    chip.worn_out = False
    assert use(it, urgent=False) is not None


def test_prepared_in_a_quiet_moment_a_panic_does_not_touch_flash():
    chip = flash()
    it = session()
    for _ in range(10 * RESERVE):
        assert it.prepare()
        before = chip.operations
        assert use(it, urgent=True) is not None
        assert chip.operations == before


def test_only_the_gateways_answer_to_this_request_opens():
    flash()
    it = session()
    gateway = Context(LINK["secret"], LINK["salt"], LINK["recipient_id"], LINK["sender_id"], AesCcm())
    pairs = []
    for _ in range(2):
        outer, binding = it.protect(Message(CON, POST, payload=b"x"), True)
        answer = gateway.protect_response(
            Message(CON, coap.CHANGED, payload=b"ok"), gateway.unprotect_request(outer)[1]
        )
        pairs.append((binding, answer))
    (mine, answer), (other, foreign) = pairs
    assert it.unprotect(foreign, mine) is None and it.unprotect(answer, other) is None
    assert it.unprotect(Message(CON, coap.UNAUTHORIZED), mine) is None
    for i in range(len(answer.payload)):
        wrong = bytearray(answer.payload)
        wrong[i] ^= 1
        assert it.unprotect(Message(CON, answer.code, 0, b"", answer.options, bytes(wrong)), mine) is None
    assert it.unauthentic == 3 + len(answer.payload)
    assert it.unprotect(answer, mine).payload == b"ok"
