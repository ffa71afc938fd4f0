"""Datagrams read many at once are those that `recvfrom` reads one by one."""

import socket

import pytest

from gateway import many


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
