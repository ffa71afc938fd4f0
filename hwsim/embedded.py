"""Runs the MicroPython that comes as a Python package, with what the collector need not look at outside its
heap: `python embedded.py FOLDER ARGUMENTS`, FOLDER being where the package lies.

The terminal's image and the overlays' are executed where they lie, and the bench's buffers have room of their
own: on the heap they would be a good part of what every collection walks through, and on a chip none of it is
there. `image` and `overlays` in the current directory, the room, and of `flash` what PATROLA_ROM_AT says (its
place and size: the chip executes it where it lies) are told to the guest in its environment as an address and
a size.
"""

import ctypes
import mmap
import os
import sys

# Name in the current directory -> variable; guest/_memory.py and guest/boot.py read them.
MAPPED = {"image": "PATROLA_IMAGE", "overlays": "PATROLA_OVERLAYS"}
ROOM = "PATROLA_ROOM"
ROM, ROM_AT = "PATROLA_ROM", "PATROLA_ROM_AT"
_ROOM = 40 * 1024


def _told(memory, variable):
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    os.environ[variable] = f"{address:x} {len(memory)}"
    return memory


def map_file(path, variable):
    with open(path, "rb") as file:
        return _told(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY), variable)


def map_rom(path, place):
    begin, size = (int(word) for word in place.split())
    with open(path, "r+b") as file:  # what is programmed later is seen at once
        return _told(mmap.mmap(file.fileno(), size, mmap.MAP_SHARED, offset=begin), ROM)


def main():
    folder = sys.argv.pop(1)
    sys.path.insert(0, folder)
    import micropython_run

    kept = [map_file(name, variable) for name, variable in MAPPED.items() if os.path.exists(name)]
    if ROM_AT in os.environ:
        kept.append(map_rom("flash", os.environ[ROM_AT]))
    kept.append(_told(mmap.mmap(-1, _ROOM), ROOM))
    sys.argv[0] = "micropython"
    code = micropython_run.run_main(sys.argv)
    del kept
    return code


if __name__ == "__main__":
    sys.exit(main())
