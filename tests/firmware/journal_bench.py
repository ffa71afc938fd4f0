"""A journal on a littlefs in RAM, whose power can be cut."""

import os

import vfs

from firmware.journal import Journal
from firmware.segment import SIZE
from protocol import cose, report
from tests.firmware.ramflash import RamFlash

KID = b"\x01\x02\x03\x04\x05\x06\x07\x08"
URGENT, BULK = 8 * SIZE, 12 * SIZE
FIX = [450500000, 191100000, 1050, 1389, 27000, 9, 11, 0]
ROOM = "/flash"
ENOSPC = 28


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


class Bench:
    """A littlefs with a journal on it; `restart` is a loss of power between two operations."""

    def __init__(self, blocks=40, urgent=URGENT, bulk=BULK, flash=None):
        self.flash = flash or RamFlash(blocks)
        if flash is None:
            vfs.VfsLfs2.mkfs(self.flash)
        self._room = (urgent, bulk)
        self._mount()

    def _mount(self):
        try:
            vfs.umount(ROOM)
        except OSError:
            pass
        vfs.mount(vfs.VfsLfs2(self.flash), ROOM)
        self.journal = Journal(ROOM + "/j", *self._room)

    def restart(self):
        self.flash = RamFlash(self.flash.blocks, self.flash.data)
        self._mount()

    def add(self, urgent, seqs, kind=report.KIND_POSITION, boot=1):
        for seq in seqs:
            self.journal.append(urgent, frame(seq, kind, boot), boot, seq)

    def seqs(self, urgent):
        return [key[1] for key, _ in self.journal.peek(urgent, 10000)]

    def files(self):
        return sorted(entry[0] for entry in os.ilistdir(ROOM + "/j"))
