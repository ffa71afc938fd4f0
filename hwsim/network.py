"""The mobile network between the terminals' modems and headquarters, as far as a datagram can tell.

A `Path` is one terminal's way: what its modem sends is lost, delayed, doubled or overtaken here, in both
directions. Behind the path stands a host: a real UDP address on this computer (`UdpHost`, only while the
kernel is paced to the wall) or a function inside the bench (`KernelHost`).
"""

import asyncio
import socket

from hwsim.kernel import HOUSE, NO_LANE

GATEWAY_ADDRESS = ("192.0.2.10", 5683)  # RFC 5737: an address that belongs to nobody, mapped by `serve`
_MAX_UDP = 65507


class Weather:
    """How bad the way is: probabilities 0..1, times in milliseconds. May be changed at any moment."""

    def __init__(self, loss=0.0, rtt_ms=60, jitter_ms=10, duplicate=0.0, reorder=0.0, partitioned=False):
        for name, value in (("loss", loss), ("duplicate", duplicate), ("reorder", reorder)):
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"{name} is a probability, 0 to 1, not {value}")
        if rtt_ms < 0 or jitter_ms < 0:
            raise ValueError(f"times cannot be negative: rtt {rtt_ms} ms, jitter {jitter_ms} ms")
        self.loss = loss
        self.rtt_ms = rtt_ms
        self.jitter_ms = jitter_ms
        self.duplicate = duplicate
        self.reorder = reorder
        self.partitioned = partitioned


class Network:
    """All paths, and who answers at which address."""

    def __init__(self, kernel, loss=0.0, rtt_ms=60, jitter_ms=10, duplicate=0.0, reorder=0.0):
        self.kernel = kernel
        self.weather = Weather(loss, rtt_ms, jitter_ms, duplicate, reorder)
        self.paths = {}
        self._hosts = {}
        self._names = {}

    def serve(self, address, host):
        """`host` answers at `address` (ip, port) from now on; None takes it away."""
        if host is None:
            self._hosts.pop(address, None)
        else:
            self._hosts[address] = host

    def host_at(self, address):
        return self._hosts.get(address)

    def name(self, name, ip):
        """What the operator's DNS says."""
        self._names[name] = ip

    def resolve(self, name):
        """The address of a name, or None."""
        return self._names.get(name)

    def path(self, name):
        """The path of one terminal: always the same for the same name."""
        if name not in self.paths:
            self.paths[name] = Path(self, name, len(self.paths))
        return self.paths[name]

    def partition(self, on, name=None):
        """Cut (or heal) one terminal's way, or everybody's."""
        if name is None:
            self.weather.partitioned = on
        else:
            self.path(name).partitioned = on
        self.kernel.emit("network", "partition", on=on, path=name)

    def close(self):
        for path in self.paths.values():
            path.close()


class Path:
    """One terminal's way through the network. `.weather` is the network's unless it gets its own."""

    def __init__(self, network, name, index):
        self.network = network
        self.kernel = network.kernel
        self.name = name
        self.ip = f"10.64.{index // 250}.{index % 250 + 2}"
        self.weather = network.weather
        self.partitioned = False
        self.lane = NO_LANE  # of the terminal
        self.counts = {"up": 0, "down": 0, "up_lost": 0, "down_lost": 0, "duplicated": 0, "reordered": 0}
        self._rng = network.kernel.rng("network/" + name)
        self._flows = []
        self._last_us = {"up": 0, "down": 0}

    def socket(self, on_datagram):
        """Open a socket on the terminal's side; `on_datagram(data, (ip, port))` gets what arrives."""
        flow = Flow(self, on_datagram)
        self._flows.append(flow)
        return flow

    def resolve(self, name):
        return self.network.resolve(name)

    def rebind(self):
        """The operator's NAT forgets: from now on headquarters sees other source ports."""
        for flow in self._flows:
            flow.rebind()

    def close(self):
        for flow in list(self._flows):
            flow.close()

    def forget(self, flow):
        if flow in self._flows:
            self._flows.remove(flow)

    def carry(self, direction, data, deliver):
        """Let one datagram go its way: perhaps lost, late, twice, or overtaken by a later one."""
        rng, weather, count = self._rng, self.weather, self.counts
        count[direction] += 1
        # Every draw is made for every datagram, so that one fate does not shift the dice of the next.
        lost, twice, overtaken = rng.random(), rng.random(), rng.random()
        delays = [self._delay_us(rng), self._delay_us(rng)]
        late_us = int(rng.uniform(0.2, 1.5) * 1000 * max(weather.rtt_ms, 20))
        if weather.partitioned or self.partitioned or lost < weather.loss:
            count[direction + "_lost"] += 1
            self.kernel.emit(self.name, "air", direction=direction, fate="lost", data=data)
            return
        copies = 2 if twice < weather.duplicate else 1
        if copies == 2:
            count["duplicated"] += 1
        for delay_us in delays[:copies]:
            at_us = self.kernel.now_us + delay_us
            if overtaken < weather.reorder:
                at_us += late_us
                count["reordered"] += 1
            else:
                # A bearer keeps the order: jitter alone does not let one datagram overtake another.
                at_us = max(at_us, self._last_us[direction])
                self._last_us[direction] = at_us
            self.kernel.emit(self.name, "air", direction=direction, fate="sent", data=data)
            self.kernel.at_lane(self.lane if direction == "down" else HOUSE, at_us, deliver, data)

    def least_us(self):
        """What no datagram from headquarters comes sooner than."""
        return int(500 * self.weather.rtt_ms)

    def _delay_us(self, rng):
        return int(1000 * (self.weather.rtt_ms / 2 + rng.random() * self.weather.jitter_ms))


class Flow:
    """One socket of the modem, seen from the network: a NAT binding per remote address."""

    def __init__(self, path, on_datagram):
        self._path = path
        self._on_datagram = on_datagram
        self._bindings = {}
        self.open = True

    def send(self, data, address):
        """Send one datagram to (ip, port)."""
        if len(data) > _MAX_UDP:
            raise ValueError(f"a datagram of {len(data)} bytes cannot exist")
        self._path.carry("up", bytes(data), lambda datagram: self._leave(datagram, address))

    def rebind(self):
        for binding in self._bindings.values():
            binding.close()
        self._bindings.clear()

    def close(self):
        self.open = False
        self.rebind()
        self._path.forget(self)

    def _leave(self, data, address):
        if not self.open:
            return
        host = self._path.network.host_at(address)
        if host is None:
            self._path.kernel.emit(self._path.name, "air", direction="up", fate="nobody", data=data)
            return
        binding = self._bindings.get(address)
        if binding is None or binding.host is not host:
            if binding is not None:
                binding.close()
            binding = host.bind(self._path.ip, lambda answer: self._come(answer, address))
            self._bindings[address] = binding
        binding.send(data)

    def _come(self, data, address):
        self._path.carry("down", bytes(data), lambda datagram: self._arrive(datagram, address))

    def _arrive(self, data, address):
        if self.open:
            self._on_datagram(data, address)


class KernelHost:
    """A peer inside the bench: `handler(datagram, source, reply)`, where `reply(datagram)` answers."""

    def __init__(self, handler):
        self._handler = handler
        self._next_port = 40000

    def bind(self, ip, deliver):
        self._next_port += 1
        return _KernelBinding(self, self._handler, (ip, self._next_port), deliver)


class _KernelBinding:
    def __init__(self, host, handler, source, deliver):
        self.host = host
        self.source = source
        self._handler = handler
        self._deliver = deliver
        self._open = True

    def send(self, data):
        self._handler(data, self.source, self._reply)

    def _reply(self, data):
        if self._open:  # what is sent to a forgotten NAT binding goes nowhere
            self._deliver(data)

    def close(self):
        self._open = False


class UdpHost:
    """A real UDP address on this computer; every binding is a real socket of its own."""

    def __init__(self, kernel, address):
        self.kernel = kernel
        self.address = address
        self.refused = 0

    def bind(self, _ip, deliver):
        return _UdpBinding(self, deliver)


class UdpSocket:
    """A binding's real socket. What its host cannot be told, or refuses, is counted there."""

    def __init__(self, host):
        self.host = host
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(("127.0.0.1", 0))

    def fileno(self):
        return self._socket.fileno()

    def send(self, data):
        """False when it went nowhere."""
        try:
            self._socket.sendto(data, self.host.address)
        except OSError:  # headquarters is down, or the socket's buffer is full: UDP loses, nothing more
            self.host.refused += 1
            return False
        return True

    def received(self):
        """The host's datagrams, until there are no more or the socket is closed."""
        while self._socket.fileno() >= 0:
            try:
                data, source = self._socket.recvfrom(65536)
            except BlockingIOError:
                return
            except OSError:
                self.host.refused += 1
                return
            if source == self.host.address:
                yield data

    def close(self):
        self._socket.close()


class _UdpBinding(UdpSocket):
    def __init__(self, host, deliver):
        super().__init__(host)
        self._deliver = deliver
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self, self._readable)

    def close(self):
        if self.fileno() >= 0:
            self._loop.remove_reader(self)
            super().close()

    def _readable(self):
        for data in self.received():
            self.host.kernel.call_soon_external(lambda datagram=data: self._deliver(datagram))
