"""Where the cars' datagrams leave from. Each car has an address of its own, as on the road: the gateway keeps
state by it, and the kernel spreads addresses, not cars, over the workers of a gateway.

Towards gateways on this machine they are addresses of 127/8, of which one socket can have many (IP_PKTINFO).
Towards others each has a port, shared by some cars, as behind an address translation.
"""

import contextlib
import itertools
import socket
import struct
from array import array

from hwsim.load import many

_PORTS = 64
# So that what a gateway answers at once, one car after the other, finds room.
_CARS_A_SOCKET = 250
_IP_PKTINFO = 8
_FIRST = 0x7F010000  # 127.1.0.0
_ROOM = 1 << 22
_MEMINFO, _DROPS = 55, 8


class Wires:
    """`endpoints`: how many addresses the cars share; car c has the one of number c % endpoints."""

    def __init__(self, gateways, cars, own=True):
        found = [socket.getaddrinfo(*each, type=socket.SOCK_DGRAM)[0] for each in gateways]
        self.gateways = [(info[0], info[4]) for info in found]
        self.own = (
            own
            and many.supported()
            and all(
                family == socket.AF_INET and address[0].startswith("127.")
                for family, address in self.gateways
            )
        )
        if self.own:
            self.endpoints = cars
            self.socks = [self._open(socket.AF_INET) for _ in range(-(-cars // _CARS_A_SOCKET))]
            for sock in self.socks:
                _stay_inside(sock)
                sock.bind(("0.0.0.0", 0))  # noqa: S104
        else:
            self.endpoints = min(_PORTS, cars)
            self.socks = []
            for _, (family, address) in itertools.product(range(self.endpoints), self.gateways):
                self.socks.append(self._open(family))
                self.socks[-1].connect(address)

    def _open(self, family):
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.setblocking(False)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, _ROOM)
        return sock

    def send(self, place, way, data):
        """One datagram of the car at that place to a gateway, without an outbox."""
        place %= self.endpoints
        if not self.own:
            return self.socks[place * len(self.gateways) + way].send(data)
        control = [(socket.IPPROTO_IP, _IP_PKTINFO, _source(place))]
        return self.socks[place // _CARS_A_SOCKET].sendmsg([data], control, 0, self.gateways[way][1])

    def probes(self):
        """A socket for each gateway by which it shows when nobody listens there: the others are not told."""
        socks = []
        for family, address in self.gateways if self.own else ():
            socks.append(self._open(family))
            socks[-1].connect(address)
            socks[-1].send(b"\x40\x00\x00\x00")  # CoAP's ping, RFC 7252 4.3
        return socks

    def outbox(self, data, spread):
        """`spread(index)`: which gateway datagram `index` goes to."""
        ways, places = len(self.gateways), (index % self.endpoints for index in range(len(data)))
        if not self.own:
            lines = array("H", [place * ways + spread(index) for index, place in enumerate(places)])
            return many.Outbox(data, self.socks, lines, bytes(len(data)), [(b"", b"")])
        names = [_name(address) for _, address in self.gateways]
        every = [(name, _control(place)) for place in range(self.endpoints) for name in names]
        routes = array("L", [place * ways + spread(index) for index, place in enumerate(places)])
        lines = array("H", [route // ways // _CARS_A_SOCKET for route in routes])
        return many.Outbox(data, self.socks, lines, routes, every)

    def dropped(self):
        """Datagrams for the cars that found no room in this machine (Linux), since the beginning."""
        try:
            rows = [sock.getsockopt(socket.SOL_SOCKET, _MEMINFO, 64) for sock in self.socks]
        except OSError:
            return 0
        return sum(struct.unpack_from("=I", row, 4 * _DROPS)[0] for row in rows if len(row) > 4 * _DROPS)

    def close(self):
        for sock in self.socks:
            sock.close()


def _stay_inside(sock):
    """Bound to any address, it would hear other machines too."""
    with contextlib.suppress(PermissionError):  # before Linux 5.7 root's alone; what is no answer is dropped
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo\0")


def _source(place):
    """struct in_pktinfo: no interface, our address, nothing."""
    return struct.pack("=i", 0) + struct.pack(">I", _FIRST + place) + bytes(4)


def _control(place):
    """struct cmsghdr and its data, filled up to eight bytes."""
    return struct.pack("=Qii", 28, socket.IPPROTO_IP, _IP_PKTINFO) + _source(place) + bytes(4)


def _name(address):
    """struct sockaddr_in."""
    host, port = address
    return struct.pack("=H", socket.AF_INET) + struct.pack(">H", port) + socket.inet_aton(host) + bytes(8)
