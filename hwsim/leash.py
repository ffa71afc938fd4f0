"""Runs a module as `python -m` does, but ends with whoever started it: `python -m hwsim.leash MODULE
ARGUMENTS`.

The parent holds the other end of our standard input. When it goes away, however it died, the read returns
and this process leaves at once, so that a demonstration that was killed leaves no broker behind.
"""

import os
import runpy
import sys
import threading


def _wait_for_the_end():
    while os.read(0, 4096):  # not sys.stdin: its lock would be held when the program ends by itself
        continue
    os._exit(0)


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: python -m hwsim.leash MODULE [ARGUMENT...]")
    threading.Thread(target=_wait_for_the_end, daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
