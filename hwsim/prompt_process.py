"""The MicroPython process of a board with somebody at its console: standard input and output are that
console's, and the prompt is MicroPython's own. The wire to the bench is a file beside them."""

import array
import contextlib
import fcntl
import os
import select
import signal
import socket
import subprocess
import tempfile
import termios

from hwsim import overlays, process
from hwsim.wire import Wire

_READ = ("0", "63")  # number of the system call `read`: x86-64, arm64
_ENDS_S = 30  # of the wall, on a busy computer, from the end of its wire to its own
_SIGINT_BIT = 1 << (signal.SIGINT - 1)


class PromptProcess:
    """`on_output(data)` gets what it prints, as it prints it. Else as GuestProcess."""

    def __init__(self, heap, kept, files, on_output, rom=None):
        self._on_output = on_output
        self._folder = tempfile.TemporaryDirectory(prefix="patrola-", ignore_cleanup_errors=True)
        for name, path in {**files, "overlays": overlays.image()}.items():
            os.symlink(path, os.path.join(self._folder.name, name))
        ours, theirs = socket.socketpair()
        self._typed, self._read = socket.socketpair()
        self._out, out_end = os.pipe()
        os.set_blocking(self._out, False)
        command = [*process._same_addresses(), *process._program(), "-X", f"heapsize={heap + kept}", "-i"]
        command += [overlays.boot(), str(kept), str(theirs.fileno())]
        # Without a home MicroPython keeps no history of what was typed.
        kept_names = [name for name in process._KEPT if name != "HOME" and name in os.environ]
        environment = {name: os.environ[name] for name in kept_names}
        try:
            self._process = subprocess.Popen(
                command,
                cwd=self._folder.name,
                stdin=self._read,
                stdout=out_end,
                stderr=out_end,
                env=environment | {"PYTHONHASHSEED": "0"} | process.rom_at(rom),
                pass_fds=(theirs.fileno(),),
            )
        finally:
            theirs.close()
            os.close(out_end)
        self.wire = Wire(ours)
        self._poll = select.poll()
        for end in (self.wire.fileno(), self._out):
            self._poll.register(end, select.POLLIN)

    @property
    def pid(self):
        return self._process.pid

    @property
    def handles(self):
        """The files on which it may be heard."""
        return (self.wire.fileno(), self._out)

    def opened(self):
        """The program has its files open by now: the links to them are needed no more."""
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    @property
    def starting(self):
        """Is MicroPython not there yet? (What Ctrl-C does is then none of its business.)"""
        return self._folder is not None

    def listen(self):
        """Pass on what was printed since. True when there was something."""
        heard = False
        while True:
            try:
                data = os.read(self._out, 65536)
            except BlockingIOError:
                return heard
            if not data:
                return heard
            heard = True
            self._on_output(data)

    def type(self, data):
        self._typed.sendall(data)

    def reads(self):
        """Does it wait for the console, with nothing left to read, nothing said on its wire?"""
        # In this order: what it reads between the two looks, it goes on to compute with.
        if not self._unread() and self._in_read():
            # What it printed or asked before it came to wait is there by now.
            return not any(end == self.wire.fileno() for end, _ in self._poll.poll(0))
        return False

    def _unread(self):
        count = array.array("i", [0])
        fcntl.ioctl(self._read, termios.FIONREAD, count)
        return count[0]

    def _in_read(self):
        try:
            with open(f"/proc/{self.pid}/syscall", "rb") as file:
                words = file.read().split()
        except OSError:
            return self._asleep()
        return len(words) > 1 and words[0].decode() in _READ and words[1] == b"0x0"

    def _asleep(self):
        # Where the kernel does not show system calls: it sleeps, and on its wire it would have said
        # something.
        with contextlib.suppress(OSError), open(f"/proc/{self.pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] == b"S"
        return False

    def computed_s(self):
        """Seconds of the processor that it has had."""
        with contextlib.suppress(OSError), open(f"/proc/{self.pid}/stat", "rb") as file:
            words = file.read().rpartition(b")")[2].split()
            return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
        return 0.0

    @property
    def interruptible(self):
        """Would Ctrl-C interrupt it? The prompt reads it as any character, and so does a program that has
        called `micropython.kbd_intr(-1)`."""
        with contextlib.suppress(OSError), open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith("SigCgt:"):
                    return bool(int(line.split()[1], 16) & _SIGINT_BIT)
        return False

    def interrupt(self):
        """As the terminal driver does: for a program that computes for ever."""
        self._process.send_signal(signal.SIGINT)

    def ended(self):
        """Its exit code when it has ended or is just ending, else None."""
        try:
            return self._process.wait(_ENDS_S)
        except subprocess.TimeoutExpired:
            return None

    def end(self):
        """As when power goes: at once, in the middle of anything."""
        self._process.kill()
        self._process.wait()
        self.listen()
        os.close(self._out)
        self._typed.close()
        self._read.close()
        self.wire.close()
        self.opened()
        return self._process.returncode
