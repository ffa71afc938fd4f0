"""Each car speaks from an address of its own, and what it sends is what was made."""

import errno
import itertools
import socket

import pytest

from hwsim.load import many
from hwsim.load.wires import Wires

DATA = [bytes((index,)) * (index + 1) for index in range(40)]


@pytest.fixture
def gateways():
    socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for sock in socks:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
    yield socks
    for sock in socks:
        sock.close()


@pytest.fixture
def wires(gateways):
    made = []

    def make(cars, ways=1, **more):
        made.append(Wires([sock.getsockname() for sock in gateways[:ways]], cars, **more))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture(params=["many", "one by one"])
def kernel(request, monkeypatch):
    if request.param == "one by one":
        monkeypatch.setattr(many, "supported", lambda: False)
    elif not many.supported():
        pytest.skip("no sendmmsg here")


def came(sock):
    rows = []
    while True:
        try:
            rows.append(sock.recvfrom(2048))
        except BlockingIOError:
            return rows


def test_every_datagram_arrives_from_its_cars_address(kernel, wires, gateways):
    outbox = wires(7).outbox(DATA, lambda index: 0)
    assert outbox.span(0, 25) == 0
    assert outbox.some([3, 30, 9]) == 0
    rows = came(gateways[0])
    assert sorted(data for data, _ in rows) == sorted([*DATA[:25], DATA[3], DATA[30], DATA[9]])
    sources = {car: {source for data, source in rows if data[0] % 7 == car} for car in range(7)}
    assert all(len(each) == 1 for each in sources.values())
    assert len(set.union(*sources.values())) == 7


def test_cars_on_several_sockets_have_addresses_of_their_own(wires, gateways):
    if not many.supported():
        pytest.skip("no sendmmsg here")
    made = wires(600)
    assert (made.endpoints, len(made.socks)) == (600, 3)
    data = [index.to_bytes(2, "big") for index in range(1200)]
    outbox = made.outbox(data, lambda index: 0)
    rows = []
    for begin in range(0, 1200, 100):
        assert outbox.span(begin, begin + 100) == 0
        rows += came(gateways[0])
    assert [data for data, _ in rows] == data
    assert len({source for _, source in rows}) == 600
    assert all(one[1] == other[1] for one, other in zip(rows[:600], rows[600:], strict=True))


def test_a_datagram_goes_to_the_gateway_it_is_for(kernel, wires, gateways):
    outbox = wires(3, ways=2).outbox(DATA, lambda index: index % 2)
    assert outbox.span(0, len(DATA)) == 0
    for way, sock in enumerate(gateways):
        assert {data for data, _ in came(sock)} == set(DATA[way::2])


@pytest.mark.parametrize("own", [True, False])
def test_what_is_sent_apart_comes_from_the_same_address(wires, gateways, own):
    made = wires(5, own=own)
    made.send(3, 0, b"\x00hello")
    made.outbox(DATA, lambda index: 0).span(3, 4)
    (_, one), (_, other) = came(gateways[0])
    assert one == other


def test_an_answer_comes_back_to_whoever_asked(kernel, wires, gateways):
    made = wires(4)
    made.outbox(DATA, lambda index: 0).span(0, 4)
    for data, source in came(gateways[0]):
        gateways[0].sendto(data * 200, source)
    inbox, rows = many.Inbox(), []
    for sock in made.socks:
        count = inbox.receive(sock)
        raw = inbox.raw(count)
        assert len(raw) == count * many.ROOM
        rows += [(raw[many.ROOM * n], size) for n, size in enumerate(inbox.sizes(count))]
        assert inbox.receive(sock) == 0
    assert {first for first, _ in rows} == {0, 1, 2, 3}
    if many.supported():  # the whole size, though only the beginning is kept
        assert sorted(rows) == [(n, 200 * (n + 1)) for n in range(4)]
    assert made.dropped() == 0


def test_what_the_kernel_does_not_take_is_counted_and_the_rest_goes_out(wires, gateways, monkeypatch):
    if not many.supported():
        pytest.skip("no sendmmsg here")
    outbox = wires(3).outbox(DATA, lambda index: 0)
    real = many._CALLS.sendmmsg
    turns = itertools.count()

    class Calls:
        """Takes two, refuses one, takes one, and then all."""

        @staticmethod
        def sendmmsg(number, at, count, flags):
            turn = next(turns)
            if turn == 1:
                return -1
            return real(number, at, min(count, (2, 0, 1)[turn] if turn < 3 else count), flags)

    monkeypatch.setattr(many, "_CALLS", Calls)
    assert outbox.span(0, 10) == 1
    assert [data for data, _ in came(gateways[0])] == [*DATA[:2], *DATA[3:10]]


def test_who_is_not_on_this_machine_sees_a_port_for_some_cars(wires):
    made = wires(1000, own=False)
    assert (made.endpoints, len(made.socks)) == (64, 64)
    assert made.probes() == []


def test_it_shows_when_nobody_listens(gateways):
    address = gateways[0].getsockname()
    gateways[0].close()
    made = Wires([address], 2)
    try:
        if not made.own:
            pytest.skip("seen by the cars' own sockets")
        (probe,) = made.probes()
        with probe, pytest.raises(ConnectionRefusedError) as error:
            probe.setblocking(True)
            probe.settimeout(5)
            probe.recv(16)
        assert error.value.errno == errno.ECONNREFUSED
    finally:
        made.close()


def test_nobody_outside_this_machine_is_heard(wires):
    """A socket that has all of 127/8 is bound to any address: it is held to the loopback interface."""
    if not many.supported():
        pytest.skip("no sendmmsg here")
    try:
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo\0")
    except PermissionError:
        pytest.skip("before Linux 5.7 root alone may hold a socket to an interface")
    for sock in wires(3).socks:
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).rstrip(b"\0") == b"lo"
