"""What the terminal's operations cost: the measured table, and how to measure it again.

    python -m hwsim.costs             measure here, print beside what the table says
    python -m hwsim.costs --write     and put it into the table

A real drive in virtual time (keys by EDHOC, positions, an alarm) runs under the computer's MicroPython; each
operation's time is the median of its calls, without what other operations inside it take and without the
garbage collector, whose share follows from the bytes that the operation leaves behind. Times are those of the
reference machine, whichever this one is: it signs by benchmarks/plain_comb.py in REFERENCE_US, and what was
measured here is scaled by how long this one takes for that.
"""

import argparse
import ast
import functools
import subprocess
import sys
import tempfile
import threading
import tomllib
from pathlib import Path

from hwsim.process import micropython

CHIP_HEAP = 192 * 1024  # a 64-bit MicroPython needs twice what a 32-bit chip does: this is 96 KB there
_ROOT = Path(__file__).resolve().parent.parent
TABLE = Path(__file__).with_name("costs.toml")
REFERENCE_US = 3350
_COLLECT_BYTES = 8192  # firmware/main.py has the collector run after so much garbage
_WIDTH = 2  # garbage here is words of 64 bits, on the chip of 32
_HEAD = """\
# What each operation of the terminal takes on the reference machine: the median of its calls in microseconds,
# without other operations inside it, and the bytes of garbage it leaves. The reference machine runs
# MicroPython 1.29 for Linux on x86-64 and signs by a plain comb (benchmarks/plain_comb.py) in 3,350 us. The
# bench charges a board `factor` times that (boards/*/board.toml). To measure anew:
# python -m hwsim.costs --write

"""

# All is parsed once: CPython counts the depth of a tree for all threads together (cpython#106905), and a
# board that starts in one must not come between somebody else's.
_parsing = threading.Lock()


def load(path=TABLE):
    """{name: (microseconds, bytes of garbage)}"""
    rows = tomllib.loads(path.read_text("utf-8"))["operations"]
    return {name: (us, size) for name, (us, size) in rows.items()}


def charges(factor, table=None):
    """{name: microseconds on a chip that takes `factor` times as long}, its share of collections included."""
    if not factor:
        return {}
    table = load() if table is None else table
    collect_us = table["gc:collect"][0]
    return {
        name: round(factor * (us + collect_us * size / _WIDTH / _COLLECT_BYTES))
        for name, (us, size) in table.items()
    }


def arguments(name):
    """How many arguments a method has in every call, `self` among them; 0: their number varies, but none is
    given by its name; -1: nobody knows. Of functions the number is not told: with the same name in two
    modules they cannot be told apart once they are linked."""
    module, path = name.split(":")
    with _parsing:
        known, by_name = _program()
    if module not in known or path.split(".")[-1] in by_name:
        return -1
    return known[module].get(path, -1) if "." in path else 0


@functools.cache
def _program():
    """Of the whole program: {module: {path: how many arguments, as above}}, and the names of what is called
    with an argument by its name; of a class that is `__init__`."""
    known, by_name = {}, set()
    for path in [*_ROOT.glob("protocol/*.py"), *_ROOT.glob("firmware/*.py")]:
        tree = ast.parse(path.read_text("utf-8"))
        known[f"{path.parent.name}.{path.stem}"] = dict(reversed([*_definitions(tree, "")]))  # a getter first
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and node.keywords:
                name = getattr(node.func, "attr", None) or getattr(node.func, "id", "")
                by_name.update((name, "__init__") if name[:1].isupper() else (name,))
    return known, by_name


def _definitions(node, within):
    """(path, how many arguments) of each function in a module, a class or another function."""
    for inner in getattr(node, "body", ()):
        name = getattr(inner, "name", None)
        if name is None:
            continue
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
            yield within + name, _count(inner.args)
        yield from _definitions(inner, f"{within}{name}.")


def _count(taken):
    if taken.kwonlyargs or taken.kwarg:
        return -1
    return 0 if taken.defaults or taken.vararg else len(taken.args)


# The program as ever, with the collector silent; now and then the signature that tells how quick this machine
# is at that moment; at the end what was measured.
_MEASURED = """\
import _stopwatch, asyncio, gc, utime
comb = {{}}
exec({comb!r}, comb)
times = []
def signature():
    begun = utime.ticks_us()
    comb["sign"]((1 << 254) // 3, (1 << 255) // 7, (1 << 255) // 5 + len(times))
    times.append(utime.ticks_us() - begun)
run = asyncio.run
async def tell():
    for _ in range({seconds} // 2):
        await asyncio.sleep(2)
        signature()
    for line in _stopwatch.results():
        print("cost", line)
    print("cost signature", sorted(times)[len(times) // 2])
def measured(coroutine):
    gc.threshold(-1)
    asyncio.create_task(tell())
    run(coroutine)
asyncio.run = measured
from firmware.main import main
main()
"""
_DRIVES = 3
_DRIVE_S = 150
_HEAP = 6 << 20
# A collection of the chip's heap, two thirds of it in use; a turn of asyncio; a signature.
_OTHERS = """\
import asyncio, gc, sys, time
sys.path.insert(0, "benchmarks")
from plain_comb import sign
kept = []
while gc.mem_free() > {free}:
    kept.append(({{1: 2}}, [3, 4, 5], "abc%d" % len(kept), b"x" * 20))
def timed(call):
    begun = time.ticks_us()
    call()
    return time.ticks_us() - begun
async def spin():
    for _ in range(40):
        await asyncio.sleep_ms(0)
async def spins():
    await asyncio.gather(*[spin() for _ in range(5)])
times = [[], [], []]
for n in range(51):
    waste = [[n] * 5 for n in range(50)]
    times[0].append(timed(gc.collect))
    times[1].append(timed(lambda: asyncio.run(spins())) / 200)
    gc.collect()
    times[2].append(timed(lambda: sign((1 << 254) // 3, (1 << 255) // 7, (1 << 255) // 5 + n)))
for row in times:
    print(sorted(row)[25])
"""


def measure(names=None):
    """{name: (microseconds on the reference machine, bytes, calls, longest)}, measured here and now: the
    least of three drives, for other work on this machine makes none quicker."""
    names = sorted(load()) if names is None else names
    drives = [_drive(names) | _others() for _ in range(_DRIVES)]
    return {name: min(drive[name] for drive in drives if name in drive) for name in set().union(*drives)}


def _scaled(rows, signature_us):
    scale = REFERENCE_US / signature_us
    return {
        name: (max(1, round(us * scale)), size, calls, round(longest * scale))
        for name, (us, size, calls, longest) in rows.items()
    }


def _others():
    program = _OTHERS.format(free=CHIP_HEAP // 3)
    command = [micropython(), "-X", f"heapsize={CHIP_HEAP}", "-c", program]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=True)
    collect_us, turn_us, signature_us = (float(word) for word in done.stdout.split())
    rows = {"gc:collect": (collect_us, 0, 51, collect_us), "asyncio:turn": (turn_us, 0, 10200, turn_us)}
    return _scaled(rows, signature_us)


def _drive(names):
    from hwsim.desk import PANIC_RECEIPT  # these need the terminal, and the terminal this module
    from hwsim.rig import Kit, Rig

    comb = (_ROOT / "benchmarks" / "plain_comb.py").read_text("utf-8")
    with tempfile.TemporaryDirectory(prefix="patrola-") as folder:
        script = Path(folder) / "measured.py"
        script.write_text(_MEASURED.format(comb=comb, seconds=_DRIVE_S))
        with Rig(Kit(folder), folder, script=script, cpu=0, heap=_HEAP) as rig:
            (car,) = rig.cars
            car.terminal.measured = [name for name in names if name not in ("gc:collect", "asyncio:turn")]
            rig.working()
            kid = bytes.fromhex(car.kid)
            for key in ("available", "event", "panic", "on_scene"):
                car.press(key)
                rig.kernel.run_for(6)
            for stage in (5, 7):
                rig.desk.command(kid, PANIC_RECEIPT, {0: 65537, 1: stage})
                rig.kernel.run_for(3)
            rig.desk.renew(kid)
            rig.kernel.run_for(_DRIVE_S)
            lines = [line.split()[1:] for line in rig.lines() if line.startswith("cost ")]
    if not lines or lines[-1][0] != "signature":
        raise RuntimeError("the drive did not come to its end: " + "\n".join(rig.lines()[-10:]))
    rows = {}
    for name, *numbers in lines[:-1]:
        calls, us, longest, size = (int(number) for number in numbers)
        rows[name] = (us, size, calls, longest)
    return _scaled(rows, int(lines[-1][1]))


def write(found, path=TABLE):
    rows = [f'"{name}" = [{found[name][0]}, {found[name][1]}]\n' for name in sorted(found)]
    path.write_text(_HEAD + "[operations]\n" + "".join(rows), "utf-8")


def main():
    parser = argparse.ArgumentParser(prog="python -m hwsim.costs", description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="put what was measured into costs.toml")
    arguments = parser.parse_args()
    table, found = load(), measure()
    print(f"{'operation':48} {'calls':>6} {'us':>7} {'longest':>8} {'bytes':>7} {'table':>7}")
    for name in sorted(set(table) | set(found)):
        us, size, calls, longest = found.get(name, (0, 0, 0, 0))
        print(f"{name:48} {calls:6} {us:7} {longest:8} {size:7} {table.get(name, ('-',))[0]:>7}")
    missed = sorted(set(table) - set(found))
    if missed:
        print("not called in this drive: " + ", ".join(missed), file=sys.stderr)
    if arguments.write:
        write({name: (*table[name], 0, 0) for name in missed} | found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
