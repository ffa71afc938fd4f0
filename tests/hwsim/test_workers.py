"""Workers of a pool begin as they are told, and end with whoever started them."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from hwsim import workers

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60

KEPT = """
import os, socket, sys
from hwsim import workers

def stay(port):
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.recv(1)
    os._exit(0)

if __name__ == "__main__":
    with workers.pool(1) as pool:
        pool.submit(stay, int(sys.argv[1])).result()
"""

_told = []


def _remember(*words):
    _told.extend(words)


def _remembered(_number):
    return _told


def test_a_worker_begins_as_it_is_told():
    with workers.pool(1, _remember, ("two", "words")) as pool:
        assert list(pool.map(_remembered, range(2))) == [["two", "words"]] * 2


def test_a_worker_at_work_ends_when_its_parent_is_killed(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(KEPT, "utf-8")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE_S)
        command = [sys.executable, str(script), str(server.getsockname()[1])]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        # What Python says there of the semaphores that are given back is of no interest.
        with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as parent:
            line, _ = server.accept()
            parent.kill()
    with line:
        line.settimeout(PATIENCE_S)
        assert line.recv(1) == b""
