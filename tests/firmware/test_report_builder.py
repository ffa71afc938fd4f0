# runs on: micropython
"""Frames: named once, signed truly, made with whatever is known, made even when flash refuses."""

import hashlib
import os

from firmware import p256, p256_point, signer
from firmware.clock import GNSS, Clock
from firmware.gnss import Fix
from firmware.report_builder import ReportBuilder, fix_list
from firmware.version import NOT_BEFORE_MS
from protocol import cose, report
from protocol.errors import Misuse
from protocol.limits import MAX_FRAME
from tests.portable import raises

PRIVATE = bytes(31) + b"\x07"
PUBLIC = p256.public_key(7)


class Shelf:
    """A journal that may be full; what it takes is checked as the gateway would."""

    def __init__(self):
        self.frames = []
        self.full = None  # what the journal fails with

    def append(self, urgent, frame, boot, seq, kind):
        if self.full is not None:
            raise self.full
        assert kind == report.decode(cose.sign1_parse(frame).payload)[report.KIND]
        self.frames.append((urgent, frame, boot, seq))

    def reports(self):
        found = []
        for _, frame, boot, seq in self.frames:
            assert len(frame) <= MAX_FRAME
            parsed = cose.sign1_parse(frame)
            assert parsed.kid == signer.key_id(PUBLIC)
            assert p256_point.verify(PUBLIC, hashlib.sha256(parsed.to_be_signed()).digest(), parsed.signature)
            fields = report.decode(parsed.payload)
            assert (fields[report.BOOT], fields[report.SEQ]) == (boot, seq)
            found.append(fields)
        return found


def make():
    now = [1000]
    clock = Clock(lambda: now[0], lambda a, b: a - b)
    shelf = Shelf()
    fix = Fix()
    sign = signer.Signer(PRIVATE, PUBLIC, os.urandom, 3, b"uid")
    return now, clock, shelf, fix, ReportBuilder(sign, shelf, clock, 3, fix)


def test_nothing_known_is_still_a_frame():
    now, clock, shelf, fix, builder = make()
    field = {report.PANIC_ID: 9, report.PANIC_STATE: 1}
    assert builder.make(report.KIND_PANIC, report.PANIC, field, urgent=True) == (0, True)
    fields = shelf.reports()[0]
    assert fields == {report.BOOT: 3, report.SEQ: 0, report.KIND: 3, report.PANIC: field}
    assert shelf.frames[0][0] is True


def test_everything_known_is_in_it():
    now, clock, shelf, fix, builder = make()
    clock.offer(NOT_BEFORE_MS + 5000, GNSS)
    fix.lat_e7, fix.lon_e7, fix.alt_dm, fix.speed_cm_s = 449700000, 196100000, 824, 787
    fix.course_cdeg, fix.hdop_tenths, fix.sats, fix.at_ms = 8440, 9, 11, clock.uptime_ms()
    builder.status = 3
    now[0] += 2500
    builder.make(report.KIND_POSITION, panic={0: 5, 1: 1})
    fields = shelf.reports()[0]
    assert fields[report.TIME] == NOT_BEFORE_MS + 7500
    assert fields[report.FIX] == [449700000, 196100000, 824, 787, 8440, 9, 11, 2]
    assert fields[report.STATUS] == 3 and fields[report.PANIC] == {0: 5, 1: 1}


def test_names_are_counted_and_never_given_twice_not_even_for_a_lost_frame():
    now, clock, shelf, fix, builder = make()
    builder.make(report.KIND_POSITION)
    shelf.full = OSError(28)
    assert builder.make(report.KIND_POSITION) == (1, False)
    assert builder.unstored == 1
    shelf.full = None
    builder.make(report.KIND_POSITION)
    assert [fields[report.SEQ] for fields in shelf.reports()] == [0, 2]


def test_a_frame_that_flash_refuses_is_handed_on_all_the_same():
    for failure in (OSError(28), MemoryError()):
        now, clock, shelf, fix, builder = make()
        heard = []
        builder.on_frame = lambda *told, heard=heard: heard.append(told)
        shelf.full = failure
        builder.make(report.KIND_PANIC, report.PANIC, {0: 1, 1: 1}, urgent=True)
        assert len(heard) == 1 and heard[0][0] is True and heard[0][2:] == (3, 0, False, report.KIND_PANIC)


def test_a_frame_that_the_heap_had_no_room_for_uses_no_name():
    now, clock, shelf, fix, builder = make()
    sign = builder._signer.sign

    def no_room(_):
        raise MemoryError

    builder._signer.sign = no_room
    with raises(MemoryError):
        builder.make(report.KIND_POSITION)
    builder._signer.sign = sign
    builder.make(report.KIND_STATUS, report.STATUS, 2)
    assert [fields[report.SEQ] for fields in shelf.reports()] == [0]


def test_a_frame_that_the_heap_had_no_room_to_store_is_held_until_it_has():
    now, clock, shelf, fix, builder = make()
    shelf.full = MemoryError()
    assert builder.make(report.KIND_POSITION) == (0, False)
    assert builder.make(report.KIND_STATUS, report.STATUS, 2, urgent=True) == (1, False), "does not wait"
    with raises(MemoryError):
        builder.make(report.KIND_POSITION)
    assert not builder.prepare() and len(builder.held) == 2
    shelf.full = None
    assert builder.prepare() and builder.held == []
    builder.make(report.KIND_POSITION)
    assert [fields[report.SEQ] for fields in shelf.reports()] == [0, 1, 2], "no number is missing"
    assert [frame[0] for frame in shelf.frames] == [False, True, False]


def test_what_is_held_has_an_end_and_what_flash_refuses_is_not_held():
    now, clock, shelf, fix, builder = make()
    shelf.full = MemoryError()
    for code in range(9):
        builder.make(report.KIND_STATUS, report.STATUS, code, urgent=True)
    assert [row[2] for row in builder.held] == [0, 1, 2, 3] and builder.seq == 9
    shelf.full = OSError(5)
    assert builder.prepare() and builder.held == []
    assert builder.make(report.KIND_POSITION) == (9, False) and builder.held == []


def test_a_value_outside_its_range_uses_no_name():
    now, clock, shelf, fix, builder = make()
    with raises(Misuse):
        builder.make(report.KIND_STATUS, report.STATUS, 70000)
    assert builder.seq == 0 and shelf.frames == []


def test_nonsense_of_a_receiver_is_left_out_not_refused():
    fix = Fix()
    fix.lat_e7, fix.lon_e7, fix.speed_cm_s, fix.at_ms = 1, 2, 999999999, 0
    assert fix_list(fix, 1000) == [1, 2, None, None, None, None, None, 1]
    assert fix_list(fix, 1 << 60)[7] == 0xFFFFFFFF
