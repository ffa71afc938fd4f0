"""The way between a modem and headquarters: what it loses, delays, doubles and turns around."""

import asyncio
import socket

import pytest

from hwsim.kernel import Kernel
from hwsim.network import GATEWAY_ADDRESS, KernelHost, Network, UdpHost

OTHER = ("192.0.2.77", 5683)


class Bench:
    """A network with a host that keeps and echoes what it gets."""

    def __init__(self, seed=3, **weather):
        self.kernel = Kernel(seed)
        self.network = Network(self.kernel, **weather)
        self.heard, self.sources, self.back = [], [], []
        self.network.serve(GATEWAY_ADDRESS, KernelHost(self.hear))
        self.path = self.network.path("car")
        self.flow = self.path.socket(
            lambda data, source: self.back.append((self.kernel.now_us, data, source))
        )

    def hear(self, data, source, reply):
        self.heard.append((self.kernel.now_us, data))
        self.sources.append(source)
        reply(data)

    def numbers(self, count, every_ms=10):
        for n in range(count):
            self.flow.send(n.to_bytes(4, "big"), GATEWAY_ADDRESS)
            self.kernel.run_for(every_ms / 1000)
        self.kernel.run_for(10)
        return [int.from_bytes(data, "big") for _, data in self.heard]


def test_half_the_round_trip_each_way():
    bench = Bench(rtt_ms=150, jitter_ms=0)
    bench.flow.send(b"hello", GATEWAY_ADDRESS)
    bench.kernel.run_for(1)
    assert bench.heard == [(75_000, b"hello")]
    assert bench.back == [(150_000, b"hello", GATEWAY_ADDRESS)]


def test_a_good_way_keeps_order_in_spite_of_jitter():
    bench = Bench(rtt_ms=60, jitter_ms=200)
    assert bench.numbers(300) == list(range(300))


def test_loss_is_as_frequent_as_told_and_the_same_for_one_seed():
    bench = Bench(loss=0.2)
    heard = bench.numbers(2000)
    assert 1500 < len(heard) < 1700
    assert heard == Bench(loss=0.2).numbers(2000)
    assert heard != Bench(loss=0.2, seed=4).numbers(2000)
    assert 0.15 < bench.path.counts["down_lost"] / bench.path.counts["down"] < 0.25


def test_duplication_and_reordering():
    bench = Bench(duplicate=0.3)
    heard = bench.numbers(500)
    assert 600 < len(heard) < 700 and sorted(set(heard)) == list(range(500))
    bench = Bench(reorder=0.2)
    heard = bench.numbers(500)
    assert sorted(heard) == list(range(500)) and heard != sorted(heard)


def test_a_partition_lets_nothing_through_and_heals():
    bench = Bench()
    other = bench.network.path("other").socket(lambda *_: None)
    bench.network.partition(True, "car")
    other.send(b"other", GATEWAY_ADDRESS)
    assert bench.numbers(5) == [int.from_bytes(b"other", "big")]
    bench.network.partition(False, "car")
    bench.network.partition(True)
    assert len(bench.numbers(5)) == 1
    bench.network.partition(False)
    assert len(bench.numbers(5)) == 6


def test_each_socket_and_each_rebinding_is_another_source():
    bench = Bench()
    bench.numbers(2)
    bench.path.rebind()
    bench.numbers(1)
    assert bench.sources[0] == bench.sources[1] != bench.sources[2]


def test_an_answer_to_a_forgotten_binding_or_a_closed_socket_goes_nowhere():
    bench = Bench(rtt_ms=100, jitter_ms=0)
    bench.flow.send(b"a", GATEWAY_ADDRESS)
    bench.kernel.run_for(0.06)
    bench.flow.close()
    bench.kernel.run_for(1)
    assert bench.heard and not bench.back


def test_nobody_at_an_address():
    bench = Bench()
    bench.flow.send(b"a", OTHER)
    bench.kernel.run_for(1)
    assert not bench.heard


@pytest.mark.parametrize("wrong", [{"loss": 1.1}, {"duplicate": -0.1}, {"rtt_ms": -1}])
def test_impossible_weather_is_refused(wrong):
    with pytest.raises(ValueError):
        Network(Kernel(1), **wrong)


async def test_real_datagrams_on_loopback_while_the_kernel_is_paced():
    kernel = Kernel(1)
    network = Network(kernel, rtt_ms=20, jitter_ms=0)
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    server.setblocking(False)
    loop = asyncio.get_running_loop()
    sources = []

    def answer():
        data, source = server.recvfrom(2048)
        sources.append(source)
        server.sendto(data[::-1], source)

    loop.add_reader(server, answer)
    network.serve(GATEWAY_ADDRESS, UdpHost(kernel, server.getsockname()))
    stop, back = asyncio.Event(), []

    def arrived(data, source):
        back.append((data, source))
        if len(back) == 2:
            stop.set()

    flows = [network.path(name).socket(arrived) for name in ("one", "two")]
    kernel.after(0, flows[0].send, b"abc", GATEWAY_ADDRESS)
    kernel.after(0, flows[1].send, b"def", GATEWAY_ADDRESS)
    await asyncio.wait_for(kernel.run_paced(stop), 5)
    assert sorted(back) == [(b"cba", GATEWAY_ADDRESS), (b"fed", GATEWAY_ADDRESS)]
    assert len(set(sources)) == 2
    network.close()
    loop.remove_reader(server)
    server.close()


async def test_headquarters_that_is_down_loses_datagrams_and_nothing_more():
    kernel = Kernel(1)
    network = Network(kernel, rtt_ms=0, jitter_ms=0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        address = gone.getsockname()
    network.serve(GATEWAY_ADDRESS, UdpHost(kernel, address))
    back, stop = [], asyncio.Event()
    flow = network.path("one").socket(lambda *arrived: back.append(arrived))
    for ms in range(0, 50, 10):
        kernel.after(ms * 1000, flow.send, b"abc", GATEWAY_ADDRESS)
    kernel.after(100_000, stop.set)
    await asyncio.wait_for(kernel.run_paced(stop), 5)
    assert back == []
    network.close()
