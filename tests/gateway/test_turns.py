"""Processes that write to one SQLite file: one of them is stopped while it is its turn."""

import os
import signal
import subprocess
import sys

import pytest

from gateway.journal.base import JournalError
from gateway.journal.sqlite import SqliteJournal, transaction
from tests.gateway.bench import ROOT, Bench

_HOLDER = """
import sys
from gateway.journal.turns import Turns
turns = Turns(sys.argv[1])
turns.take(5000)
print("mine", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def stopped(tmp_path):
    """Another process has the turn, and does not go on."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(tmp_path / "j.sqlite.turns")],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"mine\n"
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
    yield process
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


async def test_nobody_waits_for_ever_for_one_that_is_stopped(tmp_path, stopped):
    told = []
    with pytest.raises(JournalError, match=f"process {stopped.pid} writes since more than 50 ms.*kill -CONT"):
        await SqliteJournal(tmp_path / "j.sqlite", busy_timeout_ms=50, shared=True, name="b").open()
    with (
        pytest.raises(JournalError, match=f"process {stopped.pid} writes"),
        transaction(tmp_path / "j.sqlite", 50, write=True),
    ):
        pass
    # It goes on: so do the others, and at once.
    stopped.kill()
    stopped.wait()
    journal = SqliteJournal(
        tmp_path / "j.sqlite", busy_timeout_ms=20_000, shared=True, name="b", on_error=told.append
    )
    await journal.open()
    await journal.write(lambda tx: tx.mark_alive(5))
    await journal.close()
    assert not told


async def test_a_service_that_ran_beside_it_says_so_and_goes_on_after_it(tmp_path):
    told = []
    journal = SqliteJournal(
        tmp_path / "j.sqlite", busy_timeout_ms=50, shared=True, name="a", on_error=told.append
    )
    await journal.open()
    other = SqliteJournal(tmp_path / "j.sqlite", shared=True, name="b")
    await other.open()
    other._turns.take(0)
    for _ in range(2):
        with pytest.raises(JournalError, match=f"process {os.getpid()} writes since more than 50 ms"):
            await journal.write(lambda tx: tx.mark_alive(5))
    assert len(told) == 2 and journal.failed_groups == 2
    other._turns.give()
    journal._busy_timeout_ms = 20_000
    await journal.write(lambda tx: tx.mark_alive(6))
    # And the turn was given back.
    other._turns.take(20_000)
    other._turns.give()
    await other.close()
    await journal.close()


async def test_it_is_seen_in_health_and_terminals_keep_their_frames(tmp_path):
    bench = await Bench(tmp_path).also(journal={"busy_timeout_ms": 50}).start(shared=True)
    turns = SqliteJournal(bench.app.journal._path, shared=True, name="other")
    await turns.open()
    turns._turns.take(20_000)
    with pytest.raises(JournalError):
        await bench.app.journal.write(lambda tx: None)
    assert "kill -CONT" in await bench.app.health.ready()
    assert bench.app.health.failures >= 1 and bench.events("journal.failed")
    turns._turns.give()
    bench.app.journal._busy_timeout_ms = 20_000
    assert await bench.app.health.ready() == ""
    await turns.close()
    await bench.stop()
