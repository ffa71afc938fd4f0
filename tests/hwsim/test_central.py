"""The bench's broker against paho, which nobody here wrote, in the kernel's time."""

import select

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from hwsim.central import Central
from hwsim.kernel import Kernel
from hwsim.mqtt_wire import Stream, matches, packet

FIVE, THREE = MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311


class Client(paho.Client):
    """paho over a socket of the bench's broker; `turn` lets time pass and moves its bytes."""

    def __init__(self, broker, name, version=FIVE, will=None, window=None, expiry_s=3600):
        super().__init__(
            CallbackAPIVersion.VERSION2,
            name,
            clean_session=None if version == FIVE else False,
            protocol=version,
            reconnect_on_failure=False,
        )
        self.broker = broker
        self.got, self.acked, self.said = [], [], []
        self.present = None
        self.on_message = lambda _c, _u, m: self.got.append((m.topic, m.payload, m.retain))
        self.on_publish = lambda _c, _u, mid, *_: self.acked.append((mid, broker.kernel.now_us))
        self.on_disconnect = lambda *_: self.said.append("gone")
        self.on_connect = self._connected
        if will is not None:
            self.will_set(*will, qos=1)
        if version == FIVE:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = expiry_s
            if window is not None:
                properties.ReceiveMaximum = window
            self.connect("bench", clean_start=False, properties=properties)
        else:
            self.connect("bench")

    def _create_socket(self):
        return self.broker.dial()

    def _connected(self, _client, _userdata, flags, reason, _properties):
        self.present = flags.session_present
        self.said.append("refused" if reason.is_failure else "connected")

    def turn(self, seconds=0.01):
        self._move()
        self.broker.kernel.run_for(seconds)
        self._move()

    def _move(self):
        while self.socket() is not None:
            if self.want_write():
                self.loop_write()
            self.broker.look()
            if self.socket() is None or not select.select([self.socket()], [], [], 0)[0]:
                return
            self.loop_read()


@pytest.fixture
def broker():
    central = Central(Kernel(1))
    yield central
    central.close()


@pytest.fixture
def desk(broker):
    got = []
    client = broker.local("desk", lambda *message: got.append(message), lambda up: got.append(up))
    client.subscribe("patrola/#")
    broker.kernel.run_for(1)
    assert got.pop() is True
    client.got = got
    return client


@pytest.mark.parametrize("version", [FIVE, THREE])
def test_published_confirmed_and_delivered(broker, desk, version):
    client = Client(broker, "gateway", version)
    client.turn()
    assert client.said == ["connected"] and client.present is False
    sent = client.publish("patrola/v1/a", b"x", 1)
    client.turn()
    assert [mid for mid, _ in client.acked] == [sent.mid]
    assert [(topic, payload) for topic, payload, *_ in desk.got] == [("patrola/v1/a", b"x")]
    client.subscribe("patrola/v1/+/command", 1)
    client.turn()
    desk.publish("patrola/v1/x/command", b"do")
    desk.publish("patrola/v1/x/other", b"don't")
    client.turn()
    assert client.got == [("patrola/v1/x/command", b"do", False)]


def test_what_comes_while_a_client_is_away_waits_for_it(broker, desk):
    client = Client(broker, "gateway")
    client.turn()
    client.subscribe("c", 1)
    client.turn()
    client.socket().close()
    broker.look()
    desk.publish("c", b"1")
    broker.kernel.run_for(5)
    broker.kill(keep=True)
    broker.kernel.run_for(5)
    broker.start()
    client = Client(broker, "gateway")
    client.turn()
    client.turn()
    assert client.present is True and client.got == [("c", b"1", False)]


def test_a_broker_without_memory_has_forgotten_everybody(broker, desk):
    client = Client(broker, "gateway")
    client.turn()
    client.subscribe("c", 1)
    client.publish("patrola/state", b"online", 1, retain=True)
    client.turn()
    broker.kill(keep=False)
    client.turn()
    assert client.said == ["connected", "gone"] and desk.got[-1] is False
    with pytest.raises(ConnectionRefusedError):
        Client(broker, "gateway")
    desk.publish("c", b"1")
    broker.start()
    broker.kernel.run_for(1)
    assert desk.got[-1] is True, "back, and nothing retained"
    client = Client(broker, "gateway")
    client.turn()
    assert client.present is False and client.got == []


def test_a_session_ends_when_its_time_is_over(broker, desk):
    client = Client(broker, "gateway", expiry_s=60)
    client.turn()
    client.socket().close()
    broker.look()
    broker.kernel.run_for(59)
    assert "gateway" in broker.sessions
    broker.kernel.run_for(2)
    assert "gateway" not in broker.sessions


def test_retained_messages_come_with_the_subscription(broker, desk):
    client = Client(broker, "gateway")
    client.turn()
    client.publish("s/1", b"old", 1, retain=True)
    client.publish("s/1", b"new", 1, retain=True)
    client.publish("s/2", b"x", 1, retain=True)
    client.publish("s/2", b"", 1, retain=True)
    client.subscribe("s/#", 1)
    client.turn()
    assert client.got == [("s/1", b"new", True)]


@pytest.mark.parametrize(("farewell", "wills"), [(False, 1), (True, 0)])
def test_the_will_of_who_goes_without_a_farewell_is_done(broker, desk, farewell, wills):
    client = Client(broker, "gateway", will=("patrola/gateway", b"offline"))
    client.turn()
    sock = client.socket()
    if farewell:
        client.disconnect()
        client.loop_write()
    sock.close()
    broker.look()
    broker.kernel.run_for(1)
    assert len(desk.got) == wills


def test_a_silent_client_is_dropped_after_one_and_a_half_times_its_keep_alive(broker, desk):
    client = Client(broker, "gateway", will=("patrola/gateway", b"offline"))
    client.turn()
    client.turn(89)
    assert desk.got == []
    client.turn(2)
    assert [message[1] for message in desk.got] == [b"offline"]


def test_slow(broker, desk):
    client = Client(broker, "gateway")
    client.turn()
    broker.slow(3000)
    begun_us = broker.kernel.now_us
    client.publish("patrola/a", b"1", 1)
    client.turn()
    broker.slow(0)
    client.publish("patrola/a", b"2", 1)
    client.turn(2)
    assert client.acked == [], "what comes later is not done earlier"
    client.turn(2)
    assert [at - begun_us >= 3_000_000 for _, at in client.acked] == [True, True]
    assert [message[1] for message in desk.got] == [b"1", b"2"]


def test_the_window_of_a_subscriber_is_kept(broker, desk):
    client = Client(broker, "gateway", window=3)
    client.turn()
    client.subscribe("c", 1)
    client.turn()
    client.manual_ack_set(True)
    for number in range(8):
        desk.publish("c", b"%d" % number)
    client.turn()
    assert len(client.got) == 3
    for mid in (1, 2, 3, 4, 5, 6, 7, 8):
        client.ack(mid, 1)
        client.turn()
    assert [payload for _, payload, _ in client.got] == [b"%d" % number for number in range(8)]


def test_what_was_under_way_comes_again(broker, desk):
    client = Client(broker, "gateway")
    client.turn()
    client.subscribe("c", 1)
    client.manual_ack_set(True)
    client.turn()
    desk.publish("c", b"1")
    client.turn()
    client.socket().close()
    client = Client(broker, "gateway")
    client.turn()
    assert client.got == [("c", b"1", False)]


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\nHost: " + b"x" * 80,
        packet(3, b"\x00\x01ax"),
        b"\x10\xff\xff\xff\xff\xff",
        packet(1, b"\x00\x04MQTX"),
    ],
)
def test_who_speaks_no_mqtt_is_sent_away(broker, said):
    near = broker.dial()
    near.send(said)
    broker.look()
    broker.kernel.run_for(1)
    near.setblocking(False)
    assert near.recv(100) == b""
    near.close()


def test_an_old_broker_refuses_five_in_its_own_way(broker):
    broker.five = False
    client = Client(broker, "gateway")
    client.turn()
    assert client.said[0] == "refused"
    assert Client(broker, "gateway", THREE).turn() is None


def test_packets_in_any_pieces():
    whole = packet(3, b"x" * 300, 2) + packet(12) + packet(4, b"\x00\x01")
    for size in (1, 2, 3, 7, 100, 1000):
        stream, got = Stream(), []
        for at in range(0, len(whole), size):
            got += stream.feed(whole[at : at + size])
        assert [(kind, flags, len(body)) for kind, flags, body in got] == [(3, 2, 300), (12, 0, 0), (4, 0, 2)]


@pytest.mark.parametrize(
    ("wanted", "topic", "fits"),
    [
        ("a/b", "a/b", True),
        ("a/+", "a/b", True),
        ("a/+", "a/b/c", False),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("#", "a/b", True),
        ("+/b", "a/c", False),
        ("a/b/c", "a/b", False),
    ],
)
def test_topic_filters(wanted, topic, fits):
    assert matches(wanted, topic) is fits
