"""The ordinary request, read without detours: `POST /f`, confirmable, its frames in their one form.

A reader here gives exactly what those in `protocol` give, or None: then they judge, and what is wrong is
theirs to say. A test holds the two together on every input, so nothing can be taken here that would be
refused there.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import cbor2

from gateway.frames import BULK, Checked
from gateway.journal.records import NewFrame, made
from protocol import report
from protocol.errors import Malformed
from protocol.limits import KID, MAX_FRAME, MAX_FRAMES, MAX_PARTIAL_IV, MAX_TOKEN, SIGNATURE

# Version 1, CON; 0.02 POST; an OSCORE option (9) of up to 13 bytes and nothing else; a payload.
_CON = 0x40
_POST = 0x02
_OSCORE = 0x90
_LONG = 13
# No index below can miss in so many bytes, and there is more behind the marker than a tag.
_LEAST = 64
assert 4 + MAX_TOKEN + 2 + _LONG + 1 + 8 < _LEAST

# Inside: POST, Uri-Path "f", the payload's marker.
INSIDE = b"\x02\xb1f\xff"
# Inside the answer: 2.04 and the marker. Outside: nothing in the OSCORE option, and the marker.
CHANGED = b"\x44\xff"
ANSWER = b"\x90\xff"

# 18([<< {1: -7, 4: kid} >>, {}, payload, signature]), and the Sig_structure over the same protected header.
_FRAME = b"\xd2\x84\x4d\xa2\x01\x26\x04\x48"
_SIGNED = b"\x84\x6aSignature1\x4d\xa2\x01\x26\x04\x48"
KID_AT = len(_FRAME)
_NO_HEADER = b"\xa0"
_NO_AAD = b"\x40"
_HEAD = len(_FRAME) + KID + 1
_TAIL = 2 + SIGNATURE
assert _HEAD + 2 + 255 + _TAIL <= MAX_FRAME

Outer = tuple[bytes, bytes, bytes, bytes]


def outer(data: bytes) -> Outer | None:
    """(kid, Partial IV, token, ciphertext) of a protected request."""
    if len(data) < _LEAST or data[1] != _POST:
        return None
    first = data[0]
    token = first - _CON
    if not 0 <= token <= MAX_TOKEN:
        return None
    token += 4
    size = data[token] - _OSCORE
    at = token + 1
    if size == _LONG:
        size += data[at]
        at += 1
    # The flags: a kid, no context, nothing reserved, the length of the Partial IV.
    n = data[at] - 8
    if not 0 < n <= MAX_PARTIAL_IV or not n < size <= _LONG:
        return None
    kid = at + 1 + n
    end = at + size
    if data[end] != 0xFF or (n > 1 and not data[at + 1]):
        return None
    return data[kid:end], data[at + 1 : kid], data[4:token], data[end + 1 :]


def frames(payload: bytes, kid: bytes) -> list[Checked] | None:
    """The frames in a request's payload, all by this terminal; at least one."""
    size = len(payload)
    head, signed = _around(kid)
    out: list[Checked] = []
    at = 0
    while at < size:
        begin = at + _HEAD
        if begin + 3 > size or len(out) == MAX_FRAMES or not payload.startswith(head, at):
            return None
        # The report as a byte string, its length in the shortest form.
        n = payload[begin] - 0x40
        start = begin + 1
        if n == 24:
            n = payload[start]
            start += 1
            if n < 24:
                return None
        elif not 0 <= n < 24:  # the reports that are read here have fewer than 256 bytes
            return None
        stop = start + n
        end = stop + _TAIL
        if end > size or payload[stop] != 0x58 or payload[stop + 1] != SIGNATURE:
            return None
        fields = reported(payload[start:stop])
        if fields is None:
            # Of health, mostly. The rest of the short way spares more than the reference reader costs here.
            try:
                fields = report.decode(payload[start:stop])
            except Malformed:
                return None
        alarm = fields.get(report.PANIC)
        panic = None if alarm is None else (alarm[report.PANIC_ID], alarm[report.PANIC_STATE])
        boot, seq, kind = fields[report.BOOT], fields[report.SEQ], fields[report.KIND]
        new = made(NewFrame, (boot, seq, kind, panic, payload[at:end]))
        out.append(made(Checked, (new, fields, signed + payload[begin:stop], payload[stop + 2 : end])))
        at = end
    return out or None


@lru_cache(16_384)
def _around(kid: bytes) -> tuple[bytes, bytes]:
    """What stands before the report in a frame of this terminal, and in what is signed."""
    return _FRAME + kid + _NO_HEADER, _SIGNED + kid + _NO_AAD


def reported(payload: bytes) -> dict[int, Any] | None:
    """The fields of a report of the common kinds: not of health, nor of a track."""
    found = _REPORT.fullmatch(payload)
    if found is None or payload[0] - 0xA0 != _PAIRS - found.groups().count(None):
        return None
    fields: dict[int, Any] = cbor2.loads(payload)
    needed = _NEEDS[fields[report.KIND]]
    if needed not in fields:
        return None
    fix = fields.get(report.FIX)
    return fields if fix is None or _within(fix) else None


def is_bulk(inside: bytes) -> bool:
    """A request whose frames are all of the bulk lane, as terminals write it: a glance, for when there are
    too many to read. False also when it looks like anything else."""
    at, size = len(INSIDE), len(inside)
    while at < size:
        found = _GLANCE.match(inside, at)
        if found is None:
            return False
        # The report's length stands before it: one, two or three bytes.
        n = inside[at + _HEAD] - 0x40
        begin = at + _HEAD + 1
        if n == 24:
            n = inside[begin]
            begin += 1
        elif n == 25:
            n = inside[begin] << 8 | inside[begin + 1]
            begin += 2
        at = begin + n + _TAIL
    return at == size


def _within(fix: Sequence[int | None]) -> bool:
    # What the form below leaves open.
    lat, lon, altitude, speed, course, _, _, _ = fix
    if lat is None or lon is None:
        if lat is not lon:
            return False
    elif not (-900000000 <= lat <= 900000000 and -1800000000 <= lon <= 1800000000):
        return False
    return (
        (altitude is None or -100000 <= altitude <= 1000000)
        and (speed is None or speed <= 100000)
        and (course is None or course <= 36000)
    )


# The form of a report as RFC 8949 4.2.1 writes it: keys in order, each integer in its shortest form and, but
# for five values of a fix, within its range.
_U8 = rb"(?:[\x00-\x17]|\x18[\x18-\xff])"
_U16 = rb"(?:[\x00-\x17]|\x18[\x18-\xff]|\x19(?!\x00)..)"
_U32 = rb"(?:[\x00-\x17]|\x18[\x18-\xff]|\x19(?!\x00)..|\x1a(?!\x00\x00)....)"
_U48 = _U32[:-1] + rb"|\x1b\x00\x00(?!\x00\x00)......)"
_U53 = _U32[:-1] + rb"|\x1b(?!\x00{4})\x00[\x00-\x1f]......)"
_I32 = rb"(?:[\x00-\x17\x20-\x37]|[\x18\x38][\x18-\xff]|[\x19\x39](?!\x00)..|[\x1a\x3a](?!\x00\x00)....)"


def _or_null(form: bytes) -> bytes:
    return form[:-1] + rb"|\xf6)"


_FIX = b"".join(_or_null(form) for form in (_I32, _I32, _I32, _U32, _U16, _U16, _U8, _U32))
_REPORT = re.compile(
    rb"[\xa3-\xa9]"
    rb"\x00" + _U32 + rb"\x01" + _U32 + rb"(\x02" + _U48 + rb")?"
    rb"\x03[\x01-\x07]"
    rb"(\x04\x88" + _FIX + rb")?"
    rb"(\x05" + _U16 + rb")?"
    rb"(\x06(?:\xa2\x00" + _U48 + rb"\x01[\x01-\x04]|\xa3\x00" + _U48 + rb"\x01[\x01-\x04]\x02[\x01-\x03]))?"
    rb"(\x08(?:\xa1\x00" + _U16 + rb"|\xa2\x00" + _U16 + rb"\x01" + _U16 + rb"))?"
    rb"(\x09\xa2\x00" + _U53 + rb"\x01[\x01-\x05])?",
    re.DOTALL,
)
_PAIRS = 3 + _REPORT.groups
_GLANCE = re.compile(
    re.escape(_FRAME)
    + rb".{8}\xa0(?:[\x40-\x57]|\x58.|\x59..)"
    + rb"[\xa3-\xaa]\x00"
    + _U32
    + rb"\x01"
    + _U32
    + rb"(?:\x02"
    + _U48
    + rb")?\x03["
    + re.escape(bytes(sorted(BULK)))
    + rb"]",
    re.DOTALL,
)
# What a kind says nothing without: a health report and a track are never in that form.
_NEEDS = (
    report.BOOT,
    report.BOOT,
    report.STATUS,
    report.PANIC,
    report.HEALTH,
    report.EVENT,
    report.TASK,
    report.TRACK,
)
