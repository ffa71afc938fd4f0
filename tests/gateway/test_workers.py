"""`serve --workers N` over both journals: one port, several processes, any of which may be killed."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from protocol import coap
from tests.gateway.bench import call_cli, config_text, enroll
from tests.gateway.served import Served
from tests.gateway.terminal import Client, Terminal


@pytest.fixture
def served(store, tmp_path, broker):
    """Two workers and a broker."""
    (tmp_path / "gateway.toml").write_text(config_text(broker.port_v5, journal=store.config))
    made = Served(tmp_path, "--workers", "2")
    made.folder, made.store = tmp_path, store
    yield made
    if made.process.poll() is None:
        made.end()


def children(pid):
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


async def gone(pid):
    async with asyncio.timeout(20):
        while alive(pid):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def clients(served, count):
    made = []
    for n in range(count):
        terminal = enroll(served.folder, Terminal(), f"vr-{n}")
        made.append(await Client.open(terminal, served.address))
    return made


async def post(client, frames=1):
    """Until it is answered under protection, as a terminal does."""
    async with asyncio.timeout(30):
        while True:
            answer = await client.post(*(client.terminal.frame() for _ in range(frames)))
            if answer.code == coap.CHANGED and answer.option(coap.OSCORE) is None:
                return
            client.terminal.seq -= frames
            await asyncio.sleep(0.05)


async def test_a_killed_worker_is_missed_by_nobody(served):
    cars = await clients(served, 12)
    await asyncio.gather(*(post(car) for car in cars))
    workers = children(served.process.pid)
    assert len(workers) == 2
    os.kill(workers[0], signal.SIGKILL)
    await asyncio.gather(*(post(car) for car in cars))
    await gone(workers[0])
    async with asyncio.timeout(20):
        while len(children(served.process.pid)) < 2 or len(served.events("gateway.ready")) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await asyncio.gather(*(post(car) for car in cars))
    async with asyncio.timeout(20):
        while call_cli(served.folder, "journal", "--count")["counts"]["unrelayed"]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    counts = call_cli(served.folder, "journal", "--count")["counts"]
    assert counts["frames"] == 36
    assert counts["conflicts"] == 0
    assert [event["code"] for event in served.events("worker.ended")] == [-signal.SIGKILL]
    names = {row[0] for row in served.store.query("SELECT name FROM nodes")}
    assert names == {"gateway-1", "gateway-1-2"}
    assert served.end() == 0
    for car in cars:
        car.close()


async def test_workers_end_with_their_parent(served):
    workers = children(served.process.pid)
    served.end(signal.SIGKILL)
    for worker in workers:
        await gone(worker)
    again = Served(served.folder, "--workers", "2")
    assert again.end() == 0


async def test_no_second_service_on_the_same_file(served):
    if served.store.kind != "sqlite":
        pytest.skip("any number of gateways may share a PostgreSQL database")
    with pytest.raises(AssertionError, match="another gateway serves"):
        Served(served.folder)


async def test_a_worker_that_hangs_is_started_again(tmp_path, monkeypatch):
    """The kernel goes on giving it half of the cars; the supervisor hears the parent, who is well."""
    monkeypatch.setenv("WATCHDOG_USEC", "3000000")
    (tmp_path / "gateway.toml").write_text(config_text())
    served = Served(tmp_path, "--workers", "2")
    served.folder = tmp_path
    cars = await clients(served, 12)
    workers = children(served.process.pid)
    os.kill(workers[0], signal.SIGSTOP)
    await asyncio.gather(*(post(car) for car in cars))
    await gone(workers[0])
    assert served.events("worker.stuck")[0]["worker"] in (0, 1)
    assert [event["code"] for event in served.events("worker.ended")] == [-signal.SIGKILL]
    # Those that say they live are left alone.
    await asyncio.sleep(5)
    assert len(served.events("worker.stuck")) == 1
    assert workers[1] in children(served.process.pid)
    assert served.end() == 0
    for car in cars:
        car.close()


async def test_a_reload_ends_no_worker_that_is_starting(tmp_path):
    (tmp_path / "gateway.toml").write_text(config_text())
    served = Served(tmp_path, "--workers", "2")
    os.kill(children(served.process.pid)[0], signal.SIGKILL)
    async with asyncio.timeout(20):
        while not served.events("worker.ended"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.3)
    (tmp_path / "gateway.toml").write_text(config_text(panic={"republish_s": 7}))
    served.process.send_signal(signal.SIGHUP)
    async with asyncio.timeout(20):
        while len(served.events("gateway.reloaded")) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert not served.events("worker.failed") and len(served.events("gateway.ready")) == 3
    assert served.end() == 0
