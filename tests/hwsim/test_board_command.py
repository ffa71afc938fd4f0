"""`python -m hwsim board --pty`: its port, what is done to it line by line, how it ends."""

import json
import signal
import subprocess
import sys
from pathlib import Path

from tests.hwsim.prompt_client import Client

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "hwsim", "board", "--pty"]


def run(*options, lines=""):
    return subprocess.run(
        [*COMMAND, *options], cwd=ROOT, input=lines, capture_output=True, text=True, timeout=60, check=False
    )


def test_its_port_is_printed_and_sigterm_ends_it(tmp_path):
    port = str(tmp_path / "ttyBoard")
    command = [*COMMAND, "--port", port, "--speed", "0", "--json", "-"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        text = process.stdout.readline()
        while not text.rstrip().endswith("}"):
            text += process.stdout.readline()
        said = json.loads(text)
        assert said["port"] == port and said["board"] == "SIM" and said["speed"] == 0
        with Client(port) as client:
            client.until(b">>> ")
            client.write(b"6 * 7\r\n")
            assert client.until(b">>> ") == b"6 * 7\r\n42\r\n>>> "
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert not Path(port).exists()


def test_lines_of_a_script(tmp_path):
    script = tmp_path / "script"
    script.write_text("# what a hand does\npress panic 700\nlamps\npull\nplug\nwait 0.5\n", "utf-8")
    done = run("--speed", "50", "--flash", str(tmp_path / "flash"), "--script", str(script))
    assert done.returncode == 0, done.stderr
    assert "red off, green dark; on: none" in done.stdout and f"flash {tmp_path / 'flash'}" in done.stdout
    assert (tmp_path / "flash").stat().st_size == 4 << 20


def test_a_line_that_nobody_understands_is_named():
    done = run("--speed", "0", lines="press nothing\ndance\nlamps\nquit\n")
    assert done.returncode == 1 and "red off" in done.stdout
    assert "the keys are panic, available" in done.stderr
    assert "one of: press KEY [MS], pull, plug, lamps, wait SECONDS, quit" in done.stderr


def test_wrong_use():
    assert run("--modem", "tin-can").returncode == 2
    assert "there are a7670" in run("--modem", "tin-can").stderr
    assert run("--gateway", "nowhere").returncode == 2
    assert run("--flash", "/nowhere/flash").returncode == 1
