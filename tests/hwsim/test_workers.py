"""Workers of a pool begin as they are told, and end with whoever started them."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

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


def _written(path):
    Path(path).write_text("done", "utf-8")
    return path


def test_each_result_comes_when_it_is_there(tmp_path):
    rows = [(str(tmp_path / name),) for name in "abc"]
    assert sorted(workers.as_done(2, _written, rows)) == [path for (path,) in rows]


def test_when_one_fails_what_waits_is_not_begun(tmp_path):
    rows = [(str(tmp_path / "nowhere" / "a"),)] + [(str(tmp_path / f"{i}"),) for i in range(200)]
    with pytest.raises(FileNotFoundError):
        list(workers.as_done(1, _written, rows))
    assert len(list(tmp_path.iterdir())) < 100


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


def _mine(_number):
    return os.getpid()


def test_when_all_is_done_the_workers_are_gone():
    # What they have computed counts as this process's children's only then: a soak tells it.
    for pid in set(workers.as_done(2, _mine, [(number,) for number in range(20)])):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
