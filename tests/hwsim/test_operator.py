"""The operator's program against a real broker: it believes signatures, not topics."""

import asyncio
import json
import socket

import paho.mqtt.client as mqtt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256

from hwsim.broker import Broker, BrokerError, free_ports
from hwsim.kernel import Kernel
from hwsim.operator import Operator
from protocol import cose, report

BASE = "patrola/v1/border-police/batrovci/ba-07"
KEY = ec.generate_private_key(ec.SECP256R1())
NUMBERS = KEY.public_key().public_numbers()
PUBLIC = NUMBERS.x.to_bytes(32, "big") + NUMBERS.y.to_bytes(32, "big")
KID = bytes.fromhex("0102030405060708")


def frame(seq, key=KEY):
    def sign(data):
        r, s = utils.decode_dss_signature(key.sign(bytes(data), ec.ECDSA(SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    payload = report.encode(
        {report.BOOT: 1, report.SEQ: seq, report.KIND: report.KIND_STATUS, report.STATUS: 1}
    )
    return cose.sign1_encode(KID, payload, sign)


class Desk:
    """Broker, kernel, operator, and a second client in the gateway's place."""

    def __init__(self, directory):
        self.kernel = Kernel(1)
        self.broker = Broker("iotcore", directory)
        self.operator = Operator(self.kernel, self.broker, {KID.hex(): PUBLIC})
        self.commands = []
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="gateway", protocol=mqtt.MQTTv5)
        self.client.on_message = lambda _c, _u, message: self.commands.append(
            (message.topic, json.loads(message.payload))
        )
        self.client.on_connect = lambda client, *_: client.subscribe(BASE + "/command", 1)
        self.stop = asyncio.Event()

    async def __aenter__(self):
        await self.broker.start()
        self.pace = asyncio.create_task(self.kernel.run_paced(self.stop))
        self.operator.start()
        self.client.connect(self.broker.host, self.broker.port_v5)
        self.client.loop_start()
        await self.until(lambda: self.operator.connected and self.client.is_connected())
        return self

    async def __aexit__(self, *_):
        self.operator.stop()
        self.client.disconnect()
        self.client.loop_stop()
        self.stop.set()
        await self.pace
        self.broker.stop()

    async def until(self, condition, seconds=10):
        end = asyncio.get_running_loop().time() + seconds
        while not condition():
            assert asyncio.get_running_loop().time() < end, "it did not happen"
            await asyncio.sleep(0.01)

    def publish(self, label, payload):
        self.client.publish(f"{BASE}/{label}", payload, 1)


def panic(stage="stored", state="raised"):
    properties = {"kid": KID.hex(), "boot": 1, "seq": 2, "panic": 65537, "stage": stage, "state": state}
    return json.dumps(
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [19.1, 45.05]},
            "properties": properties,
        }
    )


async def test_frames_are_verified_and_repeats_dropped(tmp_path):
    async with Desk(tmp_path) as desk:
        first, second = frame(0), frame(1)
        flipped = bytearray(second)
        flipped[-1] ^= 1
        for payload in (
            first,
            second,
            first,
            bytes(flipped),
            frame(2, ec.generate_private_key(ec.SECP256R1())),
            b"junk",
        ):
            desk.publish("frame", payload)
        operator = desk.operator
        await desk.until(lambda: len(operator.unverified) == 3 and operator.repeats == 1)
        assert list(operator.frames) == [(KID.hex(), 1, 0), (KID.hex(), 1, 1)]
        assert operator.conflicts == []


async def test_the_same_name_with_other_bytes_is_a_conflict(tmp_path):
    async with Desk(tmp_path) as desk:
        desk.publish("frame", frame(0))
        desk.publish("frame", frame(0))  # ECDSA: another signature, another frame
        await desk.until(lambda: desk.operator.repeats == 1)
        assert desk.operator.conflicts == [(KID.hex(), 1, 0)]


async def test_an_alarm_is_acknowledged_once_after_its_time(tmp_path):
    async with Desk(tmp_path) as desk:
        desk.operator.auto_acknowledge_s = 0.2
        desk.publish("frame", frame(0))
        for stage in ("stored", "accepted", "stored"):
            desk.publish("panic", panic(stage))
        await desk.until(lambda: desk.commands)
        topic, body = desk.commands[0]
        assert topic == BASE + "/command"
        assert body == {
            "id": "duty-officer-1",
            "command": "acknowledge",
            "operator": "duty-officer",
            "panic": 65537,
        }
        assert desk.operator.open_alarms() == [(KID.hex(), 65537)]
        assert desk.operator.places == {KID.hex(): (19.1, 45.05)}
        desk.publish("panic", panic("acknowledged"))
        await desk.until(lambda: desk.operator.open_alarms() == [])
        assert len(desk.commands) == 1


async def test_a_cancelled_alarm_is_not_acknowledged(tmp_path):
    async with Desk(tmp_path) as desk:
        desk.operator.auto_acknowledge_s = 0.0
        desk.publish("frame", frame(0))
        desk.publish("panic", panic(state="cancelled"))
        desk.publish("frame", frame(1))
        await desk.until(lambda: len(desk.operator.frames) == 2 and desk.operator.alarms)
        desk.operator.message(KID.hex(), "marker")
        await desk.until(lambda: desk.commands)
        assert [body["command"] for _, body in desk.commands] == ["message"]


async def test_a_command_to_somebody_unheard_of_is_refused(tmp_path):
    async with Desk(tmp_path) as desk:
        with pytest.raises(ValueError, match="nothing was heard"):
            desk.operator.clear(KID.hex(), 1)


async def test_the_operator_comes_back_after_the_broker_was_killed(tmp_path):
    async with Desk(tmp_path) as desk:
        desk.broker.kill()
        await desk.until(lambda: not desk.operator.connected)
        await desk.broker.start()
        await desk.until(lambda: desk.operator.connected and desk.client.is_connected())
        desk.publish("frame", frame(0))
        await desk.until(lambda: desk.operator.frames)
        assert desk.broker.starts == 2


async def test_a_broker_that_cannot_listen_says_so(tmp_path):
    broker = Broker("iotcore", tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", broker.port_v5))
        taken.listen()
        with pytest.raises(BrokerError, match="iotcore"):
            await broker.start()
    broker.stop()


def test_an_unknown_broker_is_refused(tmp_path):
    with pytest.raises(ValueError, match="not 'rabbit'"):
        Broker("rabbit", tmp_path)


def test_free_ports_are_all_different():
    assert len(set(free_ports(20))) == 20
