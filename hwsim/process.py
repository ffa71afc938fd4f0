"""Starts and ends the MicroPython process behind a terminal, and reads what it prints."""

import functools
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from hwsim import overlays
from hwsim.wire import Wire

_EMBEDDED = Path(__file__).resolve().with_name("embedded.py")
_KEPT = ("PATH", "HOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME", "SYSTEMROOT")


def micropython():
    """The MicroPython to run: `MICROPYTHON`, else the one beside this Python, else the one on the path."""
    beside = Path(sys.executable).parent / "micropython"
    found = os.environ.get("MICROPYTHON") or (str(beside) if beside.exists() else shutil.which("micropython"))
    if not found:
        raise FileNotFoundError("no micropython: run `make setup`, or set MICROPYTHON to the program")
    return os.path.abspath(found)


@functools.cache
def _program():
    """What starts it: the package's MicroPython in a process that maps the image, else whichever there is."""
    found = None if os.environ.get("MICROPYTHON") else importlib.util.find_spec("micropython_run")
    if found is None or found.origin is None:
        return [micropython()]
    return [sys.executable, "-I", "-S", str(_EMBEDDED), os.path.dirname(found.origin)]


def maps_image():
    """Does the image lie outside the program's heap?"""
    return len(_program()) > 1


@functools.cache
def _same_addresses():
    # MicroPython's garbage collector takes anything that looks like an address for one, so a run repeats only
    # as far as addresses do. Some containers forbid this; then free heap may differ by a few bytes.
    setarch = shutil.which("setarch")
    if setarch and subprocess.run([setarch, "-R", "true"], capture_output=True, check=False).returncode == 0:
        return [setarch, "-R"]
    return []


def rom_at(rom):
    """What tells embedded.py so."""
    return {"PATROLA_ROM_AT": f"{rom[0]} {rom[1]}"} if rom else {}


class GuestProcess:
    """`kept` bytes of memory in one piece are the program's, `heap` more are for all else. `files` {name:
    path} are what the program finds under these names where it starts; `on_line(text)` gets
    each line that it prints. `rom` is the (place, size) of what is executed where it lies on its flash."""

    def __init__(self, heap, kept, files, on_line, rom=None):
        self._on_line = on_line
        self._part = b""
        # A path, or the number of a file, would lie in the program's heap, and its length would move what
        # follows: links with fixed names, and the wire as standard input, are the same in every run.
        self._folder = tempfile.TemporaryDirectory(prefix="patrola-", ignore_cleanup_errors=True)
        for name, path in {**files, "overlays": overlays.image()}.items():
            os.symlink(path, os.path.join(self._folder.name, name))
        ours, theirs = socket.socketpair()
        self._log, log_end = os.pipe()
        os.set_blocking(self._log, False)
        command = [*_same_addresses(), *_program(), "-X", f"heapsize={heap + kept}"]
        command += [overlays.boot(), str(kept)]
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        try:
            self._process = subprocess.Popen(
                command,
                cwd=self._folder.name,
                stdin=theirs,
                stdout=log_end,
                stderr=log_end,
                env=environment | {"PYTHONHASHSEED": "0"} | rom_at(rom),
            )
        finally:
            theirs.close()
            os.close(log_end)
        self.wire = Wire(ours, self._log, self.read_log)

    @property
    def pid(self):
        return self._process.pid

    def opened(self):
        """The program has its files open by now: the links to them are needed no more."""
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def read_log(self):
        """Pass on the lines printed since; True when there will be no more."""
        while True:
            try:
                data = os.read(self._log, 65536)
            except BlockingIOError:
                return False
            if not data:
                return True
            *lines, self._part = (self._part + data).split(b"\n")
            for line in lines:
                self._on_line(line.rstrip(b"\r").decode(errors="replace"))

    def end(self):
        """As when power goes: at once, in the middle of anything."""
        self._process.kill()
        self._process.wait()
        self.read_log()
        if self._part:
            self._on_line(self._part.decode(errors="replace"))
        os.close(self._log)
        self.wire.close()
        self.opened()
        return self._process.returncode
