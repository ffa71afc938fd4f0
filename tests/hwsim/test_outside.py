"""A real UDP address as a peer of the bench's network, without an asyncio loop."""

import select
import socket

import pytest

from hwsim.kernel import Kernel
from hwsim.network import GATEWAY_ADDRESS, Network
from hwsim.outside import OutsideHost

_PATIENCE_S = 10


@pytest.fixture
def peer():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        made.settimeout(_PATIENCE_S)
        yield made


@pytest.fixture
def host(peer):
    made = OutsideHost(Kernel(1), peer.getsockname())
    yield made
    made.close()


def _look(host):
    assert select.select(host.handles(), [], [], _PATIENCE_S)[0]
    host.look()


def test_there_and_back(host, peer):
    kernel = host.kernel
    network = Network(kernel, rtt_ms=80, jitter_ms=0)
    network.serve(GATEWAY_ADDRESS, host)
    heard = []
    flow = network.path("car").socket(lambda data, address: heard.append((data, address, kernel.now_us)))
    assert not host.awaits(60)
    flow.send(b"question", GATEWAY_ADDRESS)
    kernel.run_for(1)
    data, source = peer.recvfrom(100)
    assert data == b"question" and host.awaits(60) and not host.awaits(0)
    begun = kernel.now_us
    peer.sendto(b"answer", source)
    _look(host)
    assert not host.awaits(60)
    kernel.run_for(1)
    assert heard == [(b"answer", GATEWAY_ADDRESS, begun + 40_000)]  # half of the bench's round trip
    flow.close()
    assert host.handles() == []


def test_each_terminal_has_a_port_of_its_own_and_strangers_are_not_heard(host, peer):
    heard = []
    one, two = host.bind("10.0.0.1", heard.append), host.bind("10.0.0.2", heard.append)
    one.send(b"1")
    two.send(b"2")
    sources = {peer.recvfrom(10)[1] for _ in range(2)}
    assert len(sources) == 2
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        for source in sources:
            stranger.sendto(b"forged", source)
    _look(host)
    host.look()
    assert heard == []
    peer.sendto(b"true", min(sources))
    _look(host)
    assert heard == [b"true"]


def test_a_gateway_that_is_down_loses_datagrams_and_nothing_more(host, peer):
    binding = host.bind("10.0.0.1", None)
    peer.close()
    for _ in range(3):
        binding.send(b"hello?")
        host.look()
    assert host.awaits(60)
