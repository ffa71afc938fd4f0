"""How many waits a second the wire between bench and terminal carries, against MicroPython's bare ping-pong.

    python -m benchmarks.wire

Peer: the same MicroPython answering 12 bytes with 16 over a socket pair, with no bench behind it: what the
operating system allows. The ratio is what kernel, Lockstep and overlays cost on top.
"""

import socket
import subprocess
import tempfile
import time
from pathlib import Path

from hwsim.kernel import Kernel
from hwsim.process import micropython
from hwsim.terminal import Terminal

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
_COUNT = 20_000


def peer(folder):
    program = folder / "peer.py"
    program.write_text(_PEER, encoding="utf-8")
    ours, theirs = socket.socketpair()
    process = subprocess.Popen([micropython(), str(program)], stdin=theirs)
    theirs.close()
    question = bytes(12)
    begun = time.perf_counter()
    for n in range(_COUNT + 100):
        if n == 100:
            begun = time.perf_counter()
        ours.sendall(question)
        ours.recv(64)
    took = time.perf_counter() - begun
    ours.close()
    process.wait()
    return _COUNT / took


def bench(folder, program, seconds):
    script = folder / "program.py"
    script.write_text(program, encoding="utf-8")
    kernel = Kernel(1)
    terminal = Terminal(kernel, "car", _BOARD, flash_path=folder / "flash", script=script)
    terminal.power_on()
    kernel.run_for(1)
    before = terminal.messages
    begun = time.perf_counter()
    kernel.run_for(seconds)
    took = time.perf_counter() - begun
    terminal.close()
    return (terminal.messages - before) / took


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bare = peer(folder)
        waits = bench(folder, _WAIT, _COUNT / 1000)
        tasks = bench(folder, _TASKS, 20)
    print(f"bare ping-pong        {bare:9.0f} a second")
    print(f"time.sleep_ms         {waits:9.0f} a second   {waits / bare:.2f} of bare")
    print(f"asyncio, ten tasks    {tasks:9.0f} a second   {tasks / bare:.2f} of bare")


if __name__ == "__main__":
    main()
