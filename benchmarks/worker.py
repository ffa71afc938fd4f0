"""The far end of `places.Worker`: does what it is told, a line of JSON in and a line of JSON out.

micropython benchmarks/worker.py
"""

import json
import sys

sys.path.insert(0, ".")

from benchmarks import timing  # noqa: E402  - found only after the line above


def _answer(order):
    if order["do"] == "run":
        nanoseconds, units = timing.run(order["work"], order["n"])
        return {"ns": nanoseconds, "units": units}
    if order["do"] == "heap":
        asked, left = timing.heap(order["work"])
        return {"asked": asked, "left": left}
    version = ".".join(str(part) for part in sys.implementation.version[:3])
    if "; MicroPython " in sys.version:
        version += " " + sys.version.split("; MicroPython ")[1]
    return {"version": version, "machine": getattr(sys.implementation, "_machine", sys.platform)}


def _main():
    while True:
        line = sys.stdin.readline()
        if not line:
            return
        try:
            answer = _answer(json.loads(line))
        except Exception as error:
            answer = {"error": "{}: {}".format(type(error).__name__, error)}
        print(json.dumps(answer))
        if hasattr(sys.stdout, "flush"):
            sys.stdout.flush()


_main()
