"""`make demo` as a person sees it: in a terminal window of 100 by 30, with fingers on the keyboard."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Window:
    """A pseudo terminal with the demonstration in it."""

    def __init__(self, *arguments, columns=100, lines=30):
        self.screen = ""
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": str(lines)}
        command = [sys.executable, "-m", "hwsim", "demo", *arguments]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            start_new_session=True,
            # A shell's job in the background has it ignored, and hands that on; nobody's terminal does.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        os.close(slave)

    def type(self, keys):
        os.write(self._master, keys.encode())

    def until(self, words, seconds):
        """Read until `words` (a pattern) are on the newest screen; the screen without colours."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            ready, _, _ = select.select([self._master], [], [], 0.2)
            if ready:
                try:
                    data = os.read(self._master, 65536)
                except OSError:  # the other end is closed
                    break
                self.screen = (self.screen + _CONTROL.sub("", data.decode(errors="replace")))[-20_000:]
            if re.search(words, self.screen):
                seen, self.screen = self.screen, ""
                return seen
        raise AssertionError(f"{words!r} was not to be seen within {seconds} s:\n{self.screen[-3000:]}")

    def end(self):
        """Its exit code; whatever it still says is read."""
        try:
            self.until("(?!)", 60)
        except AssertionError:
            return self.process.wait(10)
        raise AssertionError("cannot happen: nothing matches an empty pattern")

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._master)


@pytest.fixture
def window():
    windows = []

    def open_window(*arguments):
        windows.append(Window(*arguments))
        return windows[-1]

    yield open_window
    for one in windows:
        one.close()


def test_keys_raise_answer_and_clear_an_alarm(window):
    demo = window("--terminals", "2")
    screen = demo.until("PATROLA", 40)
    screen = demo.until("no cell|dBm", 40)
    assert "SM-21" in screen and "BA-07" in screen
    demo.until(r"2  BA-07  Border Police +45\.0\d\d 19\.1", 60)
    demo.type("2v")
    demo.until("available", 20)
    demo.type("p")
    screen = demo.until("RECEIVED", 20)
    assert re.search(r"BA-07  #65537 +at [\d.]+ s +\+\d+ ms +\+\d+ ms", screen)
    demo.type("a")
    demo.until("ACKNOWLEDGED", 20)
    demo.type("c")
    demo.until("operations centre: clear", 10)
    demo.until("● dark|○ dark", 10)
    demo.type("q")
    demo.until("every promise was kept", 60)
    assert demo.end() == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_ends_it_and_leaves_nothing_running(window, number, code):
    demo = window("--terminals", "1")
    demo.until("PATROLA", 40)
    children = _children(demo.process.pid)
    assert len(children) >= 2, "broker and gateway"
    os.kill(demo.process.pid, number)
    assert demo.end() == code
    assert not any(_alive(child) for child in children)


def _children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
