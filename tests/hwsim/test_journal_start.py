"""A start with a full journal: found again within two seconds of the chip's time, all of it counted."""

import json
import subprocess

import pytest

from hwsim import journal_image, technician
from hwsim.board import load_board
from hwsim.kernel import Kernel
from hwsim.process import micropython
from hwsim.technician import BOARD
from hwsim.terminal import Terminal

MEGABYTE = 1 << 20
_FILL = """\
import sys, json
sys.path.insert(0, ".")
from firmware.journal import Journal
from tests.firmware.journal_frames import frame
from tests.firmware.ramflash import RamFlash
flash = RamFlash({size} // 4096)
journal = Journal(flash, 65536, {size})
seq = 0
while not journal.thinned:
    journal.prepare()
    data = frame(seq) if {small} else bytes(range(250)) + seq.to_bytes(6, "big")
    journal.append(False, data, 1, seq, 1 if {small} else 7)
    seq += 1
for kind in (2, 3):
    for n in range(8):
        journal.append(True, frame(seq + n, kind), 1, seq + n, kind)
    seq += 8
with open("{path}", "wb") as file:
    file.write(flash.data)
print(journal.count(True), journal.count(False))
"""
_START = """\
import esp32, gc, time
(flash,) = esp32.Partition.find(esp32.Partition.TYPE_DATA, label="journal")
from firmware.journal import Journal
gc.collect()
free, begun = gc.mem_free(), time.ticks_us()
journal = Journal(flash, 64 * 1024, 1024 * 1024)
took = time.ticks_diff(time.ticks_us(), begun)
gc.collect()
print("found", took, free - gc.mem_free(), journal.count(True), journal.count(False))
"""


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    return technician.build_reader(tmp_path_factory.mktemp("reader"))


def _started(tmp_path, reader, fill):
    """(microseconds, bytes of heap, urgent, bulk) of a start from a flash that `fill(path, size)` filled."""
    board = load_board(BOARD)
    region = board["flash"]["journal"]
    path = tmp_path / "journal"
    fill(path, region["size"])
    before = b"\xff" * region["address"] + path.read_bytes()
    (tmp_path / "flash").write_bytes(before.ljust(board["flash"]["size"], b"\xff"))
    script = tmp_path / "start.py"
    script.write_text(_START)
    kernel = Kernel(1)
    lines = []
    kernel.subscribe(lambda event: lines.append(event.fields["line"]) if event.what == "log" else None)
    terminal = Terminal(kernel, "car", BOARD, reader, tmp_path / "flash", script=script)
    terminal.power_on()
    kernel.run_until(lambda: any("ended" in line or "Error" in line for line in lines), 60)
    operations = terminal.flash.operations
    waiting = len(journal_image.unsent(terminal))
    terminal.close()
    (said,) = [line.split()[1:] for line in lines if line.startswith("found")] or [lines]
    took_us, held, urgent, bulk = (int(word) for word in said)
    assert urgent + bulk == waiting
    return took_us, held, urgent, bulk, operations


@pytest.mark.parametrize("small", [True, False], ids=["positions", "tracks"])
def test_a_full_journal_is_found_again_within_two_seconds(tmp_path, reader, small):
    filled = []

    def fill(path, size):
        program = _FILL.format(size=size, path=path, small=small)
        done = subprocess.run(
            [micropython(), "-X", "heapsize=32m", "-c", program], capture_output=True, text=True, check=True
        )
        filled.extend(int(word) for word in done.stdout.split())

    took_us, held, urgent, bulk, operations = _started(tmp_path, reader, fill)
    assert [urgent, bulk] == filled and urgent == 16
    assert bulk * (146 if small else 276) > 0.85 * MEGABYTE
    assert 50_000 < took_us < 2_000_000, took_us
    assert held < 8 * 1024, held  # on the chip half of that
    print(json.dumps({"records": urgent + bulk, "ms": took_us // 1000, "heap": held, "writes": operations}))
