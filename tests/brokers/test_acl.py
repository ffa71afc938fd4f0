"""Who sees and says what at real brokers, with the access list that `gateway acl` writes: every account
against every topic."""

import hashlib
import os
import threading
from base64 import b64encode

import pytest
from paho.mqtt.client import Client as Paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from tests.brokers.directorates import ACCOUNTS, COMMANDS, LABELS, SEES, UNITS, directorates, password
from tests.brokers.mosquitto import Mosquitto, needs_mosquitto
from tests.brokers.nats import Nats
from tests.brokers.process import until
from tests.gateway.bench import call_cli


class Party:
    """One account's connection. `subscribe` and `publish` wait until the broker answers, or hangs up."""

    def __init__(self, port, name, session=None):
        self._port = port
        self._answered = threading.Event()
        self.up = threading.Event()
        self.received = []
        self.paho = Paho(
            CallbackAPIVersion.VERSION2,
            client_id=session or f"{name}-{os.urandom(3).hex()}",
            clean_session=session is None,
            protocol=MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        self.paho.username_pw_set(name, password(name))
        self.paho.on_connect = lambda *_: self.up.set()
        self.paho.on_message = lambda c, d, m: self.received.append(m.topic)
        for what in ("on_subscribe", "on_publish", "on_disconnect"):
            setattr(self.paho, what, lambda *_: self._answered.set())

    async def open(self):
        self.paho.connect("127.0.0.1", self._port)
        self.paho.loop_start()
        await until(self.up.is_set)
        return self

    async def subscribe(self, topic):
        self._answered.clear()
        self.paho.subscribe(topic, 1)
        await until(self._answered.is_set)

    async def publish(self, topic, retain=False):
        self._answered.clear()
        self.paho.publish(topic, b"{}", 1, retain)
        await until(self._answered.is_set)

    def close(self):
        self.paho.disconnect()
        self.paho.loop_stop()


@pytest.fixture
def place(tmp_path):
    return directorates(tmp_path)


async def nats(folder, monkeypatch):
    text = call_cli(folder, "acl", "--broker", "nats", "--output", str(folder / "acl.conf"))["text"]
    for name in ACCOUNTS:
        monkeypatch.setenv(f"PATROLA_{name.upper().replace('-', '_')}_PASSWORD", password(name))
    nobody = 'permissions: { publish: { deny: ">" }, subscribe: { deny: ">" } }'
    stranger = f'    {{ user: "stranger", password: "{password("stranger")}", {nobody} }},'
    users = text.replace("  users = [", "  users = [\n" + stranger)
    return await Nats(folder, more=users).start()


async def mosquitto(folder, monkeypatch):
    call_cli(folder, "acl", "--broker", "mosquitto", "--output", str(folder / "patrola.acl"))
    rows = []
    for name in ACCOUNTS:
        digest = hashlib.pbkdf2_hmac("sha512", password(name).encode(), b"twelve bytes", 101)
        parts = ("", "7", "101", b64encode(b"twelve bytes").decode(), b64encode(digest).decode())
        rows.append(f"{name}:{'$'.join(parts)}")
    (folder / "passwords").write_text("\n".join(rows) + "\n")
    lines = f"allow_anonymous false\npassword_file {folder}/passwords\nacl_file {folder}/patrola.acl"
    return await Mosquitto(folder, lines).start()


BROKERS = [
    nats,
    pytest.param(mosquitto, marks=needs_mosquitto),
]


@pytest.fixture(params=BROKERS, ids=lambda make: make.__name__)
async def broker(request, place, monkeypatch):
    made = await request.param(place, monkeypatch)
    yield made
    made.kill()


@pytest.fixture
async def party(broker):
    opened = []

    async def open(name, session=None):
        opened.append(await Party(broker.port, name, session).open())
        return opened[-1]

    yield open
    for one in opened:
        one.close()


async def test_everybody_sees_what_is_his_and_nothing_else(party):
    gateway = await party("gateway")
    marker = "patrola/v1/gateway/gateway-1/state"
    for name, seen in SEES.items():
        one = await party(name)
        for directorate, unit in UNITS.items():
            for label in LABELS:
                if not one.paho.is_connected():
                    one = await party(name)
                await one.subscribe(f"patrola/v1/{directorate}/{unit}/{label}")
        if not one.paho.is_connected():
            one = await party(name)
        for wide in ("#", "patrola/#", "patrola/v1/#", "patrola/v1/+/+/+/position"):
            await one.subscribe(wide)
            if not one.paho.is_connected():
                break
        if name != "stranger":
            one = one if one.paho.is_connected() else await _again(party, name, seen)
            await one.subscribe(marker)
        for directorate, unit in UNITS.items():
            for label in LABELS:
                await gateway.publish(f"patrola/v1/{directorate}/{unit}/{label}")
        await gateway.publish(marker)
        if name != "stranger":
            await until(lambda one=one: marker in one.received)
        expected = {
            f"patrola/v1/{directorate}/{UNITS[directorate]}/{label}"
            for directorate, labels in seen.items()
            for label in labels
        }
        assert set(one.received) - {marker} == expected, name


async def _again(party, name, seen):
    """The broker hangs up on whoever asks for what he may not have: once more, for what is his."""
    one = await party(name)
    for directorate, labels in seen.items():
        for label in labels:
            await one.subscribe(f"patrola/v1/{directorate}/{UNITS[directorate]}/{label}")
    return one


async def test_everybody_commands_where_he_may_and_speaks_for_nobody_else(party):
    """Commands, commands under another's name, and what only the gateway says."""
    gateway = await party("gateway")
    for topic in ("patrola/v1/+/+/+/command", "patrola/v1/+/+/+/command/by/+", "patrola/v1/replay"):
        await gateway.subscribe(topic)
    centre = await party("operations-centre")
    await centre.subscribe("patrola/v1/#")
    for name, areas in COMMANDS.items():
        gateway.received.clear()
        centre.received.clear()
        expected = set()
        for directorate, unit in [*UNITS.items(), ("vranje", "traffic-vranje/vr-9")]:
            base = f"patrola/v1/{directorate}/{unit}"
            may = directorate in areas and not (name == "desk-ps-vranje" and unit.startswith("traffic"))
            for topic, right in (
                (f"{base}/command", may),
                (f"{base}/command/by/{name}", may),
                (f"{base}/command/by/somebody", False),
                (f"{base}/panic", False),
                (f"{base}/command/result", False),
            ):
                one = await party(name)
                await one.publish(topic)
                one.close()
                expected |= {topic} if right else set()
        one = await party(name)
        await one.publish("patrola/v1/replay")
        one.close()
        expected |= {"patrola/v1/replay"} if name == "operations-centre" else set()
        await gateway.publish("patrola/v1/vranje/ps-vranje/vr-101/position")
        await until(lambda: "patrola/v1/vranje/ps-vranje/vr-101/position" in centre.received)
        assert set(gateway.received) == expected, name
        # The centre sees everything: nothing came through that the gateway does not listen to.
        assert set(centre.received) - expected == {"patrola/v1/vranje/ps-vranje/vr-101/position"}, name


async def test_what_waits_in_a_session_and_what_is_retained_comes_too(party):
    """A consumer that was away gets what he may have, and late ones the retained."""
    unit = f"patrola/v1/vranje/{UNITS['vranje']}"
    one = await party("leskovac", "steady")
    await one.subscribe(f"{unit}/panic")
    await one.subscribe(f"{unit}/position")
    one.close()
    gateway = await party("gateway")
    for label in ("panic", "health", "position"):
        await gateway.publish(f"{unit}/{label}", retain=label == "position")
    one = await party("leskovac", "steady")
    await until(lambda: {f"{unit}/panic", f"{unit}/position"} <= set(one.received))
    assert f"{unit}/health" not in one.received
    late = await party("leskovac")
    await late.subscribe(f"{unit}/position")
    await until(lambda: late.received == [f"{unit}/position"])


async def test_the_gateway_itself_works_behind_the_list(broker, place, party):
    """With the same list the relay connects, publishes a frame, and takes a command."""
    from protocol import coap
    from tests.gateway.bench import Bench

    (place / "password").write_text(password("gateway"))
    account = {"username": "gateway", "password_file": "password"}
    bench = await Bench(place, broker_port=broker.port, broker=account).start()
    await bench.until(lambda: bench.app.relay.connected)
    vranje = await party("vranje")
    await vranje.subscribe("patrola/v1/vranje/#")
    client = await bench.terminal("vr-200")
    assert (await client.post(client.terminal.frame())).code == coap.CHANGED
    unit = "patrola/v1/vranje/ps-vranje/vr-200"
    await until(lambda: {f"{unit}/frame", f"{unit}/position"} <= set(vranje.received))
    vranje.paho.publish(f"{unit}/command", b'{"id":"1","command":"renew"}', 1)
    await until(lambda: f"{unit}/command/result" in vranje.received)
    await bench.stop()
