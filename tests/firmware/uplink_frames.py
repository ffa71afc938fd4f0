"""Frames for the uplink to carry, and the names in what it has sent."""

from protocol import cbor, cose, report

KID = b"\x10\x20\x30\x40\x50\x60\x70\x80"
UTC_MS = 1_700_000_000_000


def frame(boot, seq, kind=report.KIND_POSITION, size=0):
    """A frame in the right form; nobody here checks its signature."""
    fields = {report.BOOT: boot, report.SEQ: seq, report.KIND: kind}
    if kind == report.KIND_STATUS:
        fields[report.STATUS] = 1
    elif kind == report.KIND_PANIC:
        fields[report.PANIC] = {0: boot * 65536 + seq, 1: report.PANIC_RAISED, 2: report.SOURCE_KEY}
    elif kind == report.KIND_EVENT:
        fields[report.EVENT] = {report.EVENT_CODE: 1, report.EVENT_COUNT: 9}
    elif kind == report.KIND_TRACK:
        points = [1, 100000, 100000, 100, 100] * size
        fields[report.TRACK] = [UTC_MS, 450000000, 196000000, 100, 100] + points
    return cose.sign1_encode(KID, report.encode(fields), lambda tbs: bytes(64))


def names_of(payload):
    """[(boot, seq)] of a sequence of frames."""
    names = []
    at = 0
    while at < len(payload):
        end = cbor.skip(payload, at)
        fields = cbor.decode(cose.sign1_parse(payload[at:end]).payload)
        names.append((fields[report.BOOT], fields[report.SEQ]))
        at = end
    return names
