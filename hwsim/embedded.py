"""Runs the MicroPython that comes as a Python package, with the terminal's image where its collector does not
look: `python embedded.py FOLDER ARGUMENTS`, FOLDER being where the package lies.

On a chip the image is flash; as bytes of the heap it would be a third of what every collection walks through.
The program `image` in the current directory is told to the guest as an address in its environment.
"""

import ctypes
import mmap
import os
import sys

ADDRESS = "PATROLA_IMAGE"  # guest/boot.py reads it


def map_image(path):
    with open(path, "rb") as file:
        memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    size = len(memory)
    os.environ[ADDRESS] = f"{ctypes.addressof(ctypes.c_char.from_buffer(memory)):x} {size}"
    return memory


def main():
    folder = sys.argv.pop(1)
    sys.path.insert(0, folder)
    import micropython_run

    kept = map_image("image") if os.path.exists("image") else None
    sys.argv[0] = "micropython"
    code = micropython_run.run_main(sys.argv)
    del kept
    return code


if __name__ == "__main__":
    sys.exit(main())
