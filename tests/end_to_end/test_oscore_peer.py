"""The terminal's CoAP and OSCORE, under MicroPython, against a server that nobody here wrote (`aiocoap`)."""

import json
import socket
import subprocess
import threading

import pytest

from tests.conftest import ROOT, micropython
from tests.end_to_end.peers import peers_python, write_context

SECRET, SALT = "00112233445566778899aabbccddeeff", "0102030405060708"
TERMINAL, SERVER = "51e70a6b1c2d3e", "01"
PAYLOAD = "d28443a10126a0f6"


@pytest.fixture
def server(tmp_path):
    write_context(tmp_path / "context", SECRET, SALT, sender=SERVER, recipient=TERMINAL)
    command = [peers_python(), "tests/peers/oscore_server.py", str(tmp_path / "context")]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        line = process.stdout.readline()
        assert line.startswith("ready "), line
        process.port = int(line.split()[1])
        yield process
        process.stdin.close()
        process.wait(20)


class Terminal:
    """MicroPython with the terminal's code; a thread carries its datagrams over a real UDP socket."""

    def __init__(self, port, secret=SECRET):
        command = [micropython(), "tests/peers/micropython_link.py", secret, SALT, TERMINAL, SERVER, PAYLOAD]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.peer = ("127.0.0.1", port)
        threading.Thread(target=self._receive, daemon=True).start()

    def _receive(self):
        while True:
            try:
                data = self.socket.recv(2048)
                self.process.stdin.write(data.hex() + "\n")
                self.process.stdin.flush()
            except (OSError, ValueError):
                return

    def said(self, count):
        """The next `count` lines that are not datagrams to send."""
        lines = []
        while len(lines) < count:
            line = self.process.stdout.readline()
            assert line, f"the terminal ended after {lines}"
            if line.startswith("> "):
                self.socket.sendto(bytes.fromhex(line[2:]), self.peer)
            else:
                lines.append(line.strip())
        return lines

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)
        self.socket.close()


def heard(server, count):
    return [json.loads(server.stdout.readline()) for _ in range(count)]


def test_aiocoap_serves_the_terminal_and_notifies_it(server):
    terminal = Terminal(server.port)
    try:
        lines = terminal.said(3)
    finally:
        terminal.close()
    assert sorted(lines[:2]) == ["= 2.04 a200000103", "= 2.05 80"]
    assert lines[2] == "= 2.05 81a2000701021a00000001", "the notification half a second later"
    requests = heard(server, 2)
    assert {"path": "f", "payload": PAYLOAD} in requests


def test_aiocoap_refuses_a_terminal_with_another_secret(server):
    terminal = Terminal(server.port, secret="ff" * 16)
    try:
        lines = terminal.said(2)
    finally:
        terminal.close()
    assert all(line.startswith("! oscore: option missing") for line in lines), lines
