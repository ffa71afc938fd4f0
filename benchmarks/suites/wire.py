"""How many waits a second the wire between bench and terminal carries, against MicroPython's bare ping-pong.

Peer: the same MicroPython answering 12 bytes with 16 over a socket pair, with no bench behind it: what the
operating system allows. The ratio is what kernel, Lockstep and overlays cost on top. By the wall's clock, as
two processes take turns.
"""

import socket
import subprocess
import tempfile
import time
from pathlib import Path

from hwsim.kernel import Kernel
from hwsim.process import micropython
from hwsim.terminal import Terminal

NAME = "wire"
ABOUT = "waits a second between bench and terminal, against a bare ping-pong"

_PEER = """
wire = open(0, "r+b")
question = bytearray(12)
answer = bytes(16)
while wire.readinto(question) == 12:
    wire.write(answer)
"""
_WAIT = "import time\nwhile True: time.sleep_ms(1)\n"
_TASKS = """
import asyncio
async def task():
    while True:
        await asyncio.sleep_ms(10)
async def main():
    for _ in range(9):
        asyncio.create_task(task())
    await task()
asyncio.run(main())
"""
_BOARD = {"flash": {"size": 65536, "block": 4096}}


class _Bare:
    """The ping-pong."""

    def __init__(self, folder):
        program = folder / "peer.py"
        program.write_text(_PEER, encoding="utf-8")
        self._ours, theirs = socket.socketpair()
        self._process = subprocess.Popen([micropython(), str(program)], stdin=theirs)
        theirs.close()
        self.rate(0.02)

    def rate(self, seconds):
        question, count, ours = bytes(12), 0, self._ours
        begun = time.perf_counter()
        while time.perf_counter() - begun < seconds:
            for _ in range(100):
                ours.sendall(question)
                ours.recv(64)
            count += 100
        return count / (time.perf_counter() - begun)

    def close(self):
        self._ours.close()
        self._process.wait()


class _OnBench:
    """A simulated terminal that does nothing but wait."""

    def __init__(self, folder, name, program):
        script = folder / (name + ".py")
        script.write_text(program, encoding="utf-8")
        self._kernel = Kernel(1)
        flash = folder / (name + ".flash")
        self._terminal = Terminal(self._kernel, name, _BOARD, flash_path=flash, script=script)
        self._terminal.power_on()
        self._kernel.run_for(1)

    def rate(self, seconds):
        before, begun = self._terminal.messages, time.perf_counter()
        while time.perf_counter() - begun < seconds:
            self._kernel.run_for(0.1)
        return (self._terminal.messages - before) / (time.perf_counter() - begun)

    def close(self):
        self._terminal.close()


def run(bench):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bare = _Bare(folder)
        sides = []
        try:
            for job, program, what in (
                ("sleep", _WAIT, "time.sleep_ms on the bench"),
                ("tasks", _TASKS, "asyncio, ten tasks on the bench"),
            ):
                side = _OnBench(folder, job, program)
                sides.append(side)
                bench.rates(
                    job, (what, "MicroPython, wall", side), ("bare ping-pong", "MicroPython, wall", bare)
                )
        finally:
            for side in (bare, *sides):
                side.close()
