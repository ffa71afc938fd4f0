"""`gateway serve` as a process."""

import json
import os
import signal
import subprocess
import sys

from tests.gateway.bench import ROOT


class Served:
    """Started at once, with more `arguments` of `serve`; `address` is where it takes datagrams. It ends with
    the tests, also when a test failed before it ended it."""

    def __init__(self, folder, *arguments):
        read, write = os.pipe()
        self.log = open(folder / "log", "ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hwsim.leash", "gateway", "serve"]
            + ["--config", str(folder / "gateway.toml"), "--ready-fd", str(write), *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            pass_fds=[write],
            stderr=self.log,
        )
        os.close(write)
        with os.fdopen(read) as pipe:
            line = pipe.readline()
        assert line, (folder / "log").read_text()
        self.address = tuple(json.loads(line)["udp"])

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        code = self.process.wait(20)
        self.process.stdin.close()
        self.log.close()
        return code

    def events(self, name=None):
        rows = [json.loads(line) for line in open(self.log.name) if line.startswith("{")]
        return [row for row in rows if name is None or row["event"] == name]
