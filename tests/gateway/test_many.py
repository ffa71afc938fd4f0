"""Datagrams read and sent many at once are those that `recvfrom` and `sendto` would have, one by one."""

import asyncio
import io
import socket

import pytest

from gateway import many
from gateway.datagram import Endpoint
from gateway.log import Log


@pytest.fixture(params=[(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")], ids=["ipv4", "ipv6"])
def pair(request):
    family, host = request.param
    if not many.supported():
        pytest.skip("recvmmsg is Linux's")
    with (
        socket.socket(family, socket.SOCK_DGRAM) as ours,
        socket.socket(family, socket.SOCK_DGRAM) as theirs,
    ):
        try:
            ours.bind((host, 0))
        except OSError:
            pytest.skip(f"no {host} on this machine")
        ours.setblocking(False)
        theirs.connect(ours.getsockname())
        yield ours, theirs


def test_what_was_sent_and_from_where(pair):
    ours, theirs = pair
    sent = [bytes([n]) * n for n in range(200)] + [b"x" * 4096, b"y" * 4097, b"z" * 60000, b""]
    reader = many.Many(ours)
    source = theirs.getsockname()
    assert reader.receive() == []
    for data in sent[: many.MOST]:
        theirs.send(data)
    got = reader.receive()
    assert [data for data, _ in got] == sent[: many.MOST] and {who for _, who in got} == {source}
    for data in sent[many.MOST :]:
        theirs.send(data)
    got = reader.receive()
    assert [len(data) for data, _ in got] == [len(data) for data in sent[many.MOST :]]
    for (data, who), true in zip(got, sent[many.MOST :], strict=True):
        # Of what is longer than anything that is read the length is right, and the beginning.
        assert data[:4096] == true[:4096] and who == source
    assert reader.receive() == []


def test_no_more_than_was_asked_for_at_once(pair):
    ours, theirs = pair
    reader = many.Many(ours)
    for number in range(many.MOST + 3):
        theirs.send(bytes([number]))
    assert len(reader.receive()) == many.MOST
    assert [data for data, _ in reader.receive()] == [bytes([many.MOST + n]) for n in range(3)]


def test_a_socket_that_is_gone_is_an_error(pair):
    ours, _ = pair
    reader = many.Many(ours)
    ours.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        reader.receive()


def test_the_kept_bytes_are_their_own(pair):
    """The buffers are used again: what was given out must not change."""
    ours, theirs = pair
    reader = many.Many(ours)
    theirs.send(b"first")
    kept = reader.receive()
    theirs.send(b"other")
    assert reader.receive()[0][0] == b"other" and kept[0][0] == b"first"


def test_what_is_sent_and_to_whom(pair):
    ours, theirs = pair
    theirs.settimeout(5)
    sender, to = many.Sender(ours), theirs.getsockname()
    answers = [bytes([n]) * n for n in range(1, many.MOST)] + [b"x" * 4096]
    assert sender.send([(data, to) for data in answers]) == (many.MOST, None)
    got = [theirs.recvfrom(65536) for _ in answers]
    assert [data for data, _ in got] == answers and {who for _, who in got} == {ours.getsockname()}
    assert sender.fits(b"x" * 4096) and not sender.fits(b"x" * 4097)


def test_the_first_that_cannot_be_sent_is_named(pair):
    ours, theirs = pair
    theirs.settimeout(5)
    sender, to = many.Sender(ours), theirs.getsockname()
    nobody = ("nobody", *to[1:])
    count, wrong = sender.send([(b"a", to), (b"b", nobody), (b"c", to)])
    assert (count, wrong) == (1, None)
    count, wrong = sender.send([(b"b", nobody), (b"c", to)])
    assert count == 0 and isinstance(wrong, OSError)
    assert theirs.recv(10) == b"a"
    ours.close()
    count, wrong = sender.send([(b"c", to)])
    assert count == 0 and "Bad file descriptor" in str(wrong)


async def test_answers_of_one_turn_leave_together_and_all_of_them(monkeypatch):
    """In order; one that cannot be sent costs the others nothing; what the network does not take now follows;
    who closes sends first."""
    if not many.supported():
        pytest.skip("sendmmsg is Linux's")
    endpoint = await Endpoint.open(
        "127.0.0.1", 0, 65536, lambda data, source: None, Log(stream=io.StringIO())
    )
    sender, calls = endpoint._sender, []
    full = True

    def send(datagrams):
        calls.append(len(datagrams))
        return (0, BlockingIOError()) if full else many.Sender.send(sender, datagrams)

    monkeypatch.setattr(sender, "send", send)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as theirs:
        theirs.bind(("127.0.0.1", 0))
        theirs.settimeout(5)
        to = theirs.getsockname()
        endpoint.send(b"0", to)
        assert calls == [], "not before the turn is over"
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert calls == [1]
        full = False
        endpoint.send(b"1", to)  # behind the one that waits
        while endpoint._waiting:  # noqa: ASYNC110 - nobody says so
            await asyncio.sleep(0)
        for number in range(2, many.MOST + 4):
            endpoint.send(b"%d" % number, ("nobody", 1) if number == 50 else to)
        endpoint.send(b"y" * 5000, to)
        endpoint.close()
        wanted = [b"%d" % n for n in range(many.MOST + 4) if n != 50]
        got = [theirs.recv(65536) for _ in range(len(wanted) + 1)]
        assert sorted(got, key=len)[-1] == b"y" * 5000
        assert [data for data in got if len(data) < 5000] == wanted
    assert sum(calls) < many.MOST * 3 and len(calls) < 8
