"""The raw REPL of a real MicroPython on a real pty."""

import os
import pty
import subprocess
import sys

import pytest

from flashing.board import files
from flashing.board.console import Console
from flashing.board.line import Line
from flashing.board.literal import literal
from flashing.errors import FlashError
from tests.flash.boards import bare_console, pair

# Each value, each pair of neighbours of those that mean something to a console or to the reader of source.
_ODD = bytes((0, 1, 2, 3, 4, 5, 10, 13, 34, 39, 48, 55, 92, 127, 128, 255))
EVERY = bytes(range(256)) + b"".join(bytes((a, b)) for a in _ODD for b in _ODD)


def test_source_goes_in_and_what_it_prints_comes_out(tmp_path):
    with bare_console(tmp_path) as console:
        assert console.exec("print(1)\nprint('two')") == b"1\ntwo\n"
        assert console.exec("") == b""


def test_every_byte_goes_there_and_back(tmp_path):
    with bare_console(tmp_path) as console:
        console.exec("def same(data):\n    return data")
        assert console.call("same", EVERY) == EVERY
        assert console.call("divmod", 7, 2) == (3, 1)


def test_a_literal_is_little_longer_than_its_bytes():
    data = os.urandom(65536)
    assert len(literal(data)) < 1.06 * len(data)


def test_a_file_is_written_whole_and_read_back(tmp_path):
    data = EVERY * 40
    with bare_console(tmp_path) as console:
        files.put(console, "file", data)
        assert files.get(console, "file") == data
        assert files.get(console, "nothing") is None
    assert (tmp_path / "file").read_bytes() == data
    assert not (tmp_path / "file.new").exists()


def test_a_file_that_reads_back_otherwise_leaves_the_old_one(tmp_path):
    (tmp_path / "file").write_bytes(b"old")
    with bare_console(tmp_path) as console:
        console.exec("real = open")
        # Flash that loses a bit of whatever is written.
        console.exec(
            "class Worn:\n"
            "    def __init__(self, path): self.f = real(path, 'wb')\n"
            "    def write(self, data): return self.f.write(bytes([data[0] ^ 1]) + data[1:])\n"
            "    def close(self): self.f.close()\n"
            "def open(path, mode): return Worn(path) if 'w' in mode else real(path, mode)"
        )
        with pytest.raises(FlashError, match="reads back other than it was written"):
            files.put(console, "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"old"


def test_an_exception_there_is_an_error_here_and_the_console_goes_on(tmp_path):
    with bare_console(tmp_path) as console:
        with pytest.raises(FlashError, match="ZeroDivisionError: divide by zero"):
            console.exec("1/0")
        with pytest.raises(FlashError, match="SyntaxError"):
            console.exec("if")
        with pytest.raises(FlashError) as full:
            console.exec("raise OSError(28)")
        assert full.value.reason == "full"
        assert console.exec("print(3)") == b"3\n"


@pytest.mark.parametrize(
    "said, reason",
    [
        (b"", "silent"),
        (b"rst:0x1\r\ninvalid header: 0xffffffff\r\n" * 3, "blank"),
        (b"boot:0x3 (DOWNLOAD_BOOT(UART0))\r\nwaiting for download\r\n", "blank"),
        (b"\xf0\x81\xfe\x00\x93\x1c" * 9, "garbled"),
        (b"login: \r\nPassword: ", "closed"),
    ],
)
def test_a_port_without_a_prompt_is_explained(said, reason):
    with pair() as (board, port), Console.open(port) as console:
        os.write(board, said)
        with pytest.raises(FlashError) as error:
            console.enter(patience_s=0.2)
    assert error.value.reason == reason
    assert error.value.where == port
    assert error.value.do


def test_a_cable_pulled_is_said(tmp_path):
    master, slave = pty.openpty()
    with Console.open(os.ttyname(slave)) as console:
        os.close(slave)
        os.close(master)
        with pytest.raises(FlashError) as error:
            console.enter()
    assert error.value.reason == "gone"


def test_a_port_in_use_names_its_holder():
    reader = (
        "import sys; f = open(sys.argv[1], 'rb', buffering=0); print('has it', flush=True); sys.stdin.read()"
    )
    with pair() as (_, port):
        command = [sys.executable, "-c", reader, port]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
            assert other.stdout.readline() == b"has it\n"
            with pytest.raises(FlashError) as error:
                Console.open(port)
            other.stdin.close()
        assert error.value.reason == "busy"
        assert f"process {other.pid}" in error.value.what
        assert error.value.command == f"kill {other.pid}"
        Console.open(port).close()


def test_a_port_that_another_of_us_has_locked():
    with pair() as (_, port), Console.open(port), pytest.raises(FlashError) as error:
        Console.open(port)
    assert error.value.reason == "busy"


def test_a_port_that_is_not_there():
    with pytest.raises(FlashError) as error:
        Console.open("/dev/ttyNOTHING")
    assert (error.value.reason, error.value.command) == ("no-port", "./flash.py ports")


def test_a_board_that_talks_without_a_pause_is_not_waited_for_without_end():
    """Its Ctrl-C came while it started, and is lost: it has to be said again."""

    class Talker(Line):
        def __init__(self):
            self._ahead = b""

        def read(self, patience_s):
            return b"12345 modem: searching\r\n"

    said, there = Talker().read_until(b"raw REPL", 0.5, most_s=0.01)
    assert not there
    assert said.startswith(b"12345 modem")
