"""A board whose flash holds no file system where it should be: a new one, if nothing is lost by it.

An ESP32's MicroPython makes its file system in its very first start. When power fails meanwhile, what is left
is neither blank nor a file system, and it touches that no more. (An RP2's makes a new one by itself, whatever
was there.)

What a terminal cannot do without, its identity, lies in its file system and nowhere else. littlefs begins in
two blocks, and erases any other only to write it: once `/selector.py`, which fits into no entry of a folder,
has been written, there is a third block that is not blank. A terminal gets its identity after that file. So
where all but two blocks are blank there never was one.
"""

from flashing.board.console import Console
from flashing.errors import FlashError
from flashing.progress import Steps

BLOCK = 4096
HEAD = 2  # blocks in which littlefs begins
_LOOK_S = 60.0


def renew(console: Console, anyhow: bool, steps: Steps) -> None:
    """`console` is in the raw REPL; afterwards too, and there is a file system with nothing in it.
    Raises FlashError where a terminal's identity may have been, unless `anyhow`."""
    console.exec(_DEVICE)
    if console.call("used", patience_s=_LOOK_S):
        if not anyhow:
            raise FlashError(
                "the board's file system is damaged: it cannot be read, and there was something in it",
                console.port,
                "a new one is empty: identity, keys and settings of a terminal are lost with the old one. It "
                "has to be provisioned again then, with --replace-unit WHY if it was enrolled. If you want "
                "that, ./flash.py flash takes --format",
                reason="files",
                add="--format",
            )
        steps.say("its file system cannot be read; making a new one, as --format wants")
    else:
        steps.say("its file system was never finished, nothing is in it; making a new one")
    console.exec("format()", patience_s=_LOOK_S)
    console.soft_reset()


# MicroPython's own place for its files: ports/esp32/modules/flashbdev.py.
_DEVICE = f"""
import vfs
from esp32 import Partition
device = Partition.find(Partition.TYPE_DATA, label="vfs")[0]
def used():
    block, blank = bytearray({BLOCK}), b"\\xff" * {BLOCK}
    for number in range({HEAD}, device.ioctl(4, 0)):
        device.readblocks(number, block)
        if block != blank:
            return True
    return False
def format():
    vfs.VfsLfs2.mkfs(device)
    vfs.VfsLfs2(device)  # it can be read
"""
