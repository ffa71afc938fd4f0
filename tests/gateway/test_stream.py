"""The socket that paho is given: nothing lost, nothing out of order, however the bytes come."""

import random
import struct

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from gateway import stream
from gateway.stream import Stream


class Wire:
    """A socket whose other side is the test."""

    def __init__(self, most=1 << 20):
        self.sent = b""
        self.coming = []
        self.most = most
        self.closed = False

    def send(self, data):
        if not self.most:
            raise BlockingIOError
        self.sent += data[: self.most]
        return min(len(data), self.most)

    def recv(self, most):
        if not self.coming:
            raise BlockingIOError
        return self.coming.pop(0)

    def close(self):
        self.closed = True


def made(most=1 << 20):
    wire, acks = Wire(most), []

    def acked(numbers, refused):
        acks.extend((number, refused) for number in numbers)

    return wire, Stream(wire, acked), acks


def drained(link):
    """All that paho would read."""
    out = b""
    while True:
        try:
            piece = link.recv(3)
        except BlockingIOError:
            return out
        if not piece:
            return out
        out += piece


def parsed(data):
    """(first byte, body) of each MQTT packet."""
    out, at = [], 0
    while at < len(data):
        first, length, shift = data[at], 0, 0
        at += 1
        while True:
            byte = data[at]
            length |= (byte & 127) << shift
            shift += 7
            at += 1
            if byte < 128:
                break
        out.append((first, data[at : at + length]))
        at += length
    assert at == len(data)
    return out


@pytest.mark.parametrize("size", [0, 1, 100, 127, 128, 5000, 16383, 16384, 70000])
def test_a_publish_is_what_paho_would_write(size):
    wire, link, _ = made()
    number = link.publish("patrola/v1/x", b"p" * size, True, b"\x03\x03\x00\x01")
    link.flush()
    ((first, body),) = parsed(wire.sent)
    assert first == 0x33
    assert (
        body
        == struct.pack("!H", 12)
        + b"patrola/v1/x"
        + struct.pack("!H", number)
        + b"\x03\x03\x00\x01"
        + b"p" * size
    )


def test_what_does_not_go_at_once_follows_in_order():
    wire, link, _ = made(most=7)
    wanted = []
    for turn in range(200):
        if turn % 3:
            link.publish("t", b"%d" % turn, False, b"")
            wanted.append(b"%d" % turn)
        else:
            assert link.send(b"\xc0\x00") == 2
            wanted.append(None)
        wire.most = turn % 11
        link.flush()
    wire.most = 1 << 20
    link.flush()
    assert link.unsent == 0
    got = [None if first == 0xC0 else body[5:] for first, body in parsed(wire.sent)]
    assert got == wanted


def test_confirmations_are_taken_and_all_else_is_paho_s():
    """Any cut of the stream gives the same."""
    acks_of_others = b"\x40\x02\x00\x01"
    other = (
        b"\xd0\x00",
        b"\x32\x85\x01" + b"x" * 133,
        acks_of_others,
        b"\x90\x04\x00\x01\x00\x01",
        b"\x40\x02\x99\x99",
    )
    chance = random.Random(1)
    for _ in range(60):
        wire, link, acks = made()
        whole, theirs, expected = b"", b"", []
        for _ in range(30):
            kind = chance.randrange(4)
            if kind < 3:
                number = link.publish("t", b"p", False, b"")
                code = chance.choice((0, 0x10, 0x87, 0xEE))
                tail = (b"", bytes([code]), bytes([code, 0]), bytes([code, 3]) + b"\x1f\x00\x00")[
                    chance.randrange(4)
                ]
                whole += bytes([0x40, 2 + len(tail)]) + struct.pack("!H", number) + tail
                expected.append((number, bool(tail) and code >= 0x80))
            else:
                packet = chance.choice(other)
                whole += packet
                theirs += packet
        while whole:
            cut = chance.randrange(1, 40)
            wire.coming.append(whole[:cut])
            whole = whole[cut:]
        got = b""
        while wire.coming:
            got += drained(link)
        assert got + drained(link) == theirs
        assert [(number, refused is not None) for number, refused in acks] == expected


def test_a_confirmation_counts_once():
    wire, link, acks = made()
    number = link.publish("t", b"p", False, b"")
    packet = b"\x40\x02" + struct.pack("!H", number)
    wire.coming = [packet, packet]
    assert drained(link) == b"" and drained(link) == packet
    assert acks == [(number, None)]


def test_a_number_in_use_is_not_given_again():
    wire, link, _ = made()
    numbers = {link.publish("t", b"p", False, b"") for _ in range(0xFFFF - 0x1000 + 1)}
    assert len(numbers) == 0xF000 and min(numbers) == 0x1000 and max(numbers) == 0xFFFF
    assert link.publish("t", b"p", False, b"") == 0


def test_an_end_is_an_end():
    wire, link, _ = made()
    wire.coming = [b""]
    assert link.recv(1) == b""
    link.send(b"\xe0\x00")
    link.close()
    assert wire.sent == b"\xe0\x00" and wire.closed


def test_more_than_four_bytes_of_length_are_left_to_paho():
    wire, link, _ = made()
    wire.coming = [b"\x30\xff\xff\xff", b"\xff\x01and so on"]
    assert drained(link) == b""
    assert drained(link) == b"\x30\xff\xff\xff\xff\x01and so on"


def test_paho_still_has_what_is_relied_on():
    """Its one name that is not public. A paho without it would fail here, not at headquarters."""
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    wire = Wire()
    client._create_socket = lambda: wire
    stream.install(client, lambda number, refused: None)
    made = client._create_socket()
    assert isinstance(made, Stream) and made._socket is wire
    client._sock = made
    client._state = client._state.__class__.MQTT_CS_CONNECTED
    client.subscribe("x", 1)
    assert wire.sent == b"", "it only queues"
    client.loop_write()
    made.flush()
    ((first, _),) = parsed(wire.sent)
    assert first == 0x82


def test_a_topic_of_any_length_is_written_and_the_long_ones_are_not_kept():
    wire, link, _ = made()
    for size in (1, 128, 129, 65535):
        before = stream._name.cache_info().currsize
        link.publish("t" * (size - 1) + "u", b"p", False, b"")
        assert (stream._name.cache_info().currsize > before) == (size <= 128)
    link.flush()
    topics = [body[2 : 2 + int.from_bytes(body[:2], "big")] for _, body in parsed(wire.sent)]
    assert [len(topic) for topic in topics] == [1, 128, 129, 65535]
    assert all(topic.endswith(b"u") for topic in topics)
