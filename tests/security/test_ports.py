"""A port scan finds what the configuration names, and nothing else."""

import json
import os
import socket

import pytest

from tests.gateway.bench import config_text, enroll
from tests.gateway.served import Served
from tests.gateway.terminal import Client, Terminal
from tests.security.sockets import family, opened


@pytest.fixture
def serve(tmp_path):
    """`serve(*arguments, terminal=, **sections)` starts a gateway with that configuration."""
    started = []

    def start(*arguments, terminal=None, **sections):
        (tmp_path / "gateway.toml").write_text(config_text(**sections))
        if terminal is not None:
            enroll(tmp_path, terminal)
        started.append(Served(tmp_path, *arguments))
        return started[-1]

    yield start
    for served in started:
        served.end()


def ready(folder):
    """The line that says where it listens."""
    rows = [json.loads(line) for line in (folder / "log").read_text().splitlines()]
    return next(row for row in rows if row["event"] == "gateway.ready")


def test_a_port_scan_finds_the_one_datagram_port(serve):
    served = serve()
    assert opened(served.process.pid) == ({("udp", *served.address)}, set())


def test_a_port_scan_finds_the_pages_where_they_are_asked_for(serve, tmp_path):
    served = serve(metrics={"host": "127.0.0.1", "port": 0})
    pages = tuple(ready(tmp_path)["metrics"])
    assert opened(served.process.pid) == ({("udp", *served.address), ("tcp", *pages)}, set())


async def test_work_opens_no_other_port_and_the_broker_is_the_only_way_out(serve, broker):
    terminal = Terminal()
    served = serve(terminal=terminal, broker_port=broker.port_v5)
    client = await Client.open(terminal, served.address)
    await client.observe()
    for _ in range(3):
        await client.post(terminal.frame())
    await client.post(terminal.panic())
    await client.notification()
    client.close()
    doors, ways = opened(served.process.pid)
    assert doors == {("udp", *served.address)}
    assert {way[3:] for way in ways} == {("127.0.0.1", broker.port_v5)}


def test_several_workers_have_that_one_port_and_no_other(serve):
    served = serve("--workers", "2")
    assert len(family(served.process.pid)) >= 3
    assert opened(served.process.pid) == ({("udp", *served.address)}, set())


@pytest.mark.parametrize("kind", ["tcp", "udp", "unix", "udp to one"])
def test_the_scan_would_see_one_more(tmp_path, kind):
    before = opened(os.getpid())
    if kind == "unix":
        extra = socket.socket(socket.AF_UNIX)
        extra.bind(str(tmp_path / "door"))
        door = ("unix", str(tmp_path / "door"))
    else:
        extra = socket.socket(type=socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
        extra.bind(("127.0.0.1", 0))
        door = (kind, *extra.getsockname())
    if kind in ("tcp", "unix"):
        extra.listen()
    with extra:
        if kind == "udp to one":
            extra.connect(("127.0.0.1", 9))
            way = ("udp", *extra.getsockname(), "127.0.0.1", 9)
            assert opened(os.getpid())[1] - before[1] == {way}
        else:
            assert opened(os.getpid())[0] - before[0] == {door}
