"""Frames as the terminal makes them, but for the signature."""

from protocol import cose, report

KID = b"\x01\x02\x03\x04\x05\x06\x07\x08"
FIX = [450500000, 191100000, 1050, 1389, 27000, 9, 11, 0]


def frame(seq, kind=report.KIND_POSITION, boot=1):
    fields = {report.BOOT: boot, report.SEQ: seq, report.TIME: 1761955200000 + seq, report.KIND: kind}
    fields[report.FIX] = FIX
    if kind == report.KIND_PANIC:
        fields[report.PANIC] = {0: boot * 65536 + seq, 1: 1}
    if kind == report.KIND_STATUS:
        fields[report.STATUS] = 3
    if kind == report.KIND_HEALTH:
        fields[report.HEALTH] = {0: 12600}
    return cose.sign1_encode(KID, report.encode(fields), lambda to_be_signed: bytes(64))
