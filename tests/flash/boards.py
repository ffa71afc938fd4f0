"""A bare MicroPython on a pseudo-terminal: what a board is to the tool, without any hardware behind."""

import contextlib
import os
import pty
import select
import subprocess
import threading
import tty

from flashing.board.console import Console
from tests.conftest import micropython


@contextlib.contextmanager
def pair():
    """(our end's number, the name of the port at the other end)."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    try:
        yield master, os.ttyname(slave)
    finally:
        for end in (slave, master):
            with contextlib.suppress(OSError):
                os.close(end)


def _carry(one, other, pulled):
    """A cable: bytes of each end come out at the other, until one of them is gone or `pulled` can be read."""
    with contextlib.suppress(OSError):
        while True:
            ready, _, _ = select.select([one, other, pulled], [], [])
            if pulled in ready:
                return
            for end in ready:
                data = os.read(end, 65536)
                if not data:
                    return
                os.write(other if end == one else one, data)


@contextlib.contextmanager
def bare_board(folder, *arguments):
    """The name of a port on which a real MicroPython has its REPL, in `folder`."""
    with pair() as (tool, port), pair() as (board, terminal):
        # Its terminal is not the tool's port: it changes its settings as it goes.
        with open(terminal, "r+b", buffering=0) as end:
            command = [micropython(), *arguments]
            process = subprocess.Popen(command, stdin=end, stdout=end, stderr=end, cwd=folder)
        pulled, pull = os.pipe()
        cable = threading.Thread(target=_carry, args=(tool, board, pulled))
        cable.start()
        try:
            yield port
        finally:
            process.kill()
            process.wait()
            # It ends before its files are closed: it would read what others open under their numbers.
            os.write(pull, b"-")
            cable.join()
            os.close(pull)
            os.close(pulled)


@contextlib.contextmanager
def bare_console(folder):
    with bare_board(folder) as port, Console.open(port) as console:
        console.enter(fresh=False)  # that MicroPython ends where a chip's would start anew
        yield console
