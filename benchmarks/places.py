"""Where work is done: in this Python, or in another one behind a pipe."""

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks import timing
from hwsim.process import micropython

ROOT = Path(__file__).resolve().parent.parent
HEAP = "2m"  # as a MicroPython for computers has it if nobody says anything


class Failed(Exception):
    """The work raised something; the text says what and where."""


class Absent(Exception):
    """A peer is not installed; the text says how to get it."""


class Here:
    """This CPython."""

    name = "CPython"

    def run(self, work, n):
        return timing.run(work, n)

    def version(self):
        return "CPython " + sys.version.split()[0]


class Worker:
    """Another interpreter, kept for the whole run; ends with the pipe."""

    def __init__(self, name, command):
        self.name = name
        self._command = [*command, "benchmarks/worker.py"]
        self._start()
        self._version = self._ask(do="version")

    def _start(self):
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen(self._command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)
        except OSError as error:
            raise Failed(f"{self.name}: {error}") from None

    def anew(self):
        """A new process: what was done before has left no holes in its heap, so order does not matter."""
        self.close()
        self._start()

    def _ask(self, **order):
        try:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except OSError:
            line = ""
        if not line:
            raise Failed(
                f"{self.name} ended ({self._process.wait()}) during {order.get('work', order['do'])}"
            )
        answer = json.loads(line)
        if "error" in answer:
            raise Failed(f"{self.name}, {order.get('work', order['do'])}: {answer['error']}")
        return answer

    def run(self, work, n):
        answer = self._ask(do="run", work=work, n=n)
        return answer["ns"], answer["units"]

    def heap(self, work):
        """(bytes asked for, bytes left to the collector) per unit."""
        answer = self._ask(do="heap", work=work)
        return answer["asked"], answer["left"]

    def version(self):
        return f"{self.name} {self._version['version']}, {self._version['machine']}"

    def close(self):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


class Places:
    """All of them, each started when it is first asked for."""

    def __init__(self):
        self.here = Here()
        self._workers = {}

    @property
    def micropython(self):
        return self._worker("MicroPython", lambda: [micropython(), "-X", f"heapsize={HEAP}"])

    @property
    def peers(self):
        """CPython in the environment of the peers, which has packages that the project's own cannot have."""
        return self._worker("CPython of the peers", lambda: [peers_python()])

    def _worker(self, name, command):
        if name not in self._workers:
            self._workers[name] = Worker(name, command())
        return self._workers[name]

    def versions(self):
        """What each place that was used is."""
        return [place.version() for place in (self.here, *self._workers.values())]

    def close(self):
        for worker in self._workers.values():
            worker.close()
        self._workers = {}


def peers_python():
    """Raises Absent."""
    folder = Path(os.environ.get("PATROLA_PEERS") or ROOT / ".venv-peers")
    python = folder / "bin" / "python"
    if not python.exists():
        raise Absent(f"no {python}: run `make setup-peers`, or set PATROLA_PEERS to such an environment")
    return str(python)
