"""What a board's frozen boot code does, and the bench's part before it. Started by hwsim/terminal.py:

    micropython -X heapsize=N boot.py BYTES [WIRE]

BYTES is what the program may have of the heap. The wire is where standard input would be, or the file of
number WIRE where that is the board's console; `flash`, `image` and `script` lie in the current directory.
After this the program sees its flash at /, its image at /rom, and no more of the computer it runs on. Without
image and script it is what a board's own MicroPython would run (_prompt.py).
"""

import struct
import sys

# The program's part of the heap is kept for it before anything else is there: in one piece, as on a chip.
_room = [None] * (int(sys.argv[1]) // struct.calcsize("P") + 4)

import builtins  # noqa: E402
import gc  # noqa: E402

import _bench  # noqa: E402


def _connect():
    """The bench's options: what the board is, and what it still holds after a reset."""
    import json

    options = json.loads(_bench.connect(open(int(sys.argv[2]) if len(sys.argv) > 2 else 0, "r+b")))
    _bench.options = options
    _bench.unanswered = bytes(options.pop("unanswered"))
    _bench.boot_us = _bench.now_us
    _bench.zero_us = ((1 << 30) - options["wrap_ms"]) * 1000 - _bench.boot_us
    _bench.rtc_us = options["rtc_us"]
    kept = bytes.fromhex(options["rtc_memory"])
    _bench.rtc_used = len(kept)
    _bench.rtc_memory[: len(kept)] = kept
    return options


_options = _connect()

import asyncio.core  # noqa: E402 - all overlays are in sys.modules before the computer's files go away
import os  # noqa: E402, F401
import random  # noqa: E402, F401
import select  # noqa: E402, F401

import _collector  # noqa: E402
import _cost  # noqa: E402
import _fault  # noqa: E402, F401 - what the bench may order goes through sys.modules
import _loop  # noqa: E402
import _memory  # noqa: E402
import _names  # noqa: E402
import _norflash  # noqa: E402
import _order  # noqa: E402
import _stopwatch  # noqa: E402
import esp32  # noqa: E402
import machine  # noqa: E402, F401
import vfs  # noqa: E402

if not (_options["image"] or _options["script"]):
    import _prompt  # noqa: F401


def _image():
    """The image: where the bench has put it in our memory, or read into the heap."""
    return _memory.mapped("PATROLA_IMAGE") or _read("image")


def _read(path):
    size = os.stat(path)[6]
    data = bytearray(size)
    with open(path, "rb") as file:
        file.readinto(data)
    return data


def _blank(flash):
    piece = bytearray(256)
    for at in range(0, flash.block, len(piece)):
        flash.readblocks(0, piece, at)
        if any(byte != 0xFF for byte in piece):
            return False
    return True


# What an ESP32's MicroPython says where its file system should be (ports/esp32/modules/inisetup.py).
_CORRUPTED = """\
The filesystem appears to be corrupted. If you had important data there, you
may want to make a flash snapshot to try to recover it. Otherwise, perform
factory reprogramming of MicroPython firmware (completely erase flash, followed
by firmware programming).
"""


def _mount_flash(flash):
    # mtime=False: littlefs would store the time of the computer's clock with each file.
    try:
        vfs.mount(vfs.VfsLfs2(flash, mtime=False), "/")
        return
    except OSError:
        if not _blank(flash):
            _complain()
            return
    vfs.VfsLfs2.mkfs(flash)
    vfs.mount(vfs.VfsLfs2(flash, mtime=False), "/")


def _complain():
    """As on a board: what is no file system, and not blank, is not overwritten. Ctrl-C ends this at the
    prompt, and nothing is mounted then."""
    try:
        while True:
            print(_CORRUPTED)
            _bench.wait(_bench.now_us + 3_000_000)
    except KeyboardInterrupt as error:
        sys.print_exception(error)


def _prepare():
    image = _image() if _options["image"] else None
    script = bytes(_read("script")).decode() if _options["script"] else None
    chip = _options["flash"]
    file = open("flash", "rb")
    files, journal = chip["size"], chip["journal"]
    if journal:
        files = journal["address"]
        esp32.partitions["journal"] = _norflash.BenchFlash(file, journal["size"], chip["block"], files)
    if _options["rom"]:
        import _rom

        esp32.partitions["romfs"] = _rom.attach(file, _options["rom"][1], chip["block"], _options["rom"][0])
    vfs.umount("/")
    if os.getenv("PATROLA_OVERLAYS"):
        vfs.umount("/overlays")
    flash = _norflash.BenchFlash(file, files, chip["block"])
    if not (_options["image"] or _options["script"]):
        esp32.partitions["vfs"] = flash
    _mount_flash(flash)
    if image is not None:
        vfs.mount(vfs.VfsRom(image), "/rom")
    os.chdir("/")
    # As on a board; what its own /main.py mounts, that puts there itself.
    sys.path[:] = ["/rom" if image is not None or script is not None else "", ".frozen", "/lib"]
    sys.argv[:] = []
    gc.collect()
    return script


_plain_print = builtins.print


def _print(*values, **how):
    _bench.meet()
    _plain_print(*values, **how)


builtins.print = _print
sys.modules["gc"] = _collector
_loop.replace(asyncio.core)


def _run(script):
    if script is not None:
        exec(script, {"__name__": "__main__"})
        return
    if not _options["image"]:
        sys.modules["_prompt"].run()
        return
    __import__(_options["main"], None, None, ("main",)).main()


def _fill():
    """Leave the room kept for the program free, and nothing else; returns what fills the rest."""
    gc.collect()
    room = _room
    kept = None
    size = 1 << 16
    while size > 16:  # what is smaller than that and its link is worth no piece
        try:
            kept = (kept, b"\xff" * (size - 1))  # no address is like that: the collector passes it over
        except MemoryError:
            size //= 2
    # The collector would keep all of it for one old address that lies about somewhere: so it is given back
    # piece by piece, as a list does that becomes short.
    while len(room) > 4:
        room.pop()
    gc.collect()
    return kept


def _start():
    if _options["measured"]:
        _stopwatch.measure(_options["measured"])
    gc.collect()
    _names.reserve()  # while there is room for it in one piece
    script = _prepare()
    if not _options["measured"]:
        _cost.arm(_options.pop("costs"), _options["told_us"])
    begin = compile("run(script)", "boot.py", "exec")
    begin_names = {"run": _run, "script": script}
    # The heap is larger than the chip's by what the bench and the image need, and full of holes by now.
    kept = _fill()
    try:
        exec(begin, begin_names, _order.names)
        if _options["image"] or _options["script"]:
            print("the program has ended")
    except SystemExit:
        machine.soft_reset()
    except BaseException as error:
        sys.print_exception(error)
    if _options["console"]:
        sys.modules["_prompt"].ready(kept)
        return  # to MicroPython's own prompt
    # A board shows its prompt now, and does nothing until the watchdog bites.
    while kept:
        _bench.wait(_bench.FOREVER)


_start()
