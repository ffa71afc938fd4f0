"""A consumer that keeps its session and goes to the next node when one is gone. It counts frames by name."""

import base64
import collections
import json
import threading
import time

import cbor2
from paho.mqtt.client import Client as Paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from tests.brokers.process import until


def name_of(frame):
    """(kid, boot, seq) of a COSE frame, read by another CBOR library than the gateway's."""
    protected, _, payload, _ = cbor2.loads(frame).value
    report = cbor2.loads(payload)
    return bytes(cbor2.loads(protected)[4]), report[0], report[1]


class Steady:
    """`ports` are the broker's nodes. `frames` maps a name to the bytes that came under it, `order` has names
    by terminal as they first came, `repeats` and `conflicts` are counted. A node that says nothing for
    `silence_s` is left: in a cluster it may be cut off from the others and not know it."""

    def __init__(self, ports, topics=("patrola/#",), five=False, name="steady", silence_s=None):
        self._silence_s = silence_s
        self._heard = 0.0
        self._ports = ports
        self._turn = 0
        self._reply = f"consumer/{name}"
        self._replayed = None
        self._topics = (*topics, self._reply)
        self._ended = threading.Event()
        self._lock = threading.Condition()
        self.subscribed = threading.Event()
        self.frames = {}
        self.order = collections.defaultdict(list)
        self.repeats = 0
        self.conflicts = []
        self.other = []
        version = MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311
        self._five = five
        self._paho = Paho(
            CallbackAPIVersion.VERSION2,
            client_id=name,
            clean_session=None if five else False,
            protocol=version,
            reconnect_on_failure=False,
        )
        self._paho.connect_timeout = 3
        self._paho.on_connect = self._connected
        self._paho.on_subscribe = lambda *_: self.subscribed.set()
        self._paho.on_message = self._take
        self._thread = threading.Thread(target=self._run, daemon=True)

    async def start(self):
        self._thread.start()
        await until(self.subscribed.is_set)
        return self

    def _run(self):
        while not self._ended.is_set():
            port = self._ports[self._turn % len(self._ports)]
            self._turn += 1
            try:
                if self._five:
                    self._paho.connect("127.0.0.1", port, 5, clean_start=False)
                else:
                    self._paho.connect("127.0.0.1", port, 5)
                self._heard = time.monotonic()
                while self._paho.loop(0.2) == MQTTErrorCode.MQTT_ERR_SUCCESS and not self._ended.is_set():
                    if self._silence_s and time.monotonic() - self._heard > self._silence_s:
                        break
            except (OSError, ValueError):
                pass
            self._drop()
            self._ended.wait(0.1)

    def _drop(self):
        # Without a farewell: that might end the session.
        sock = self._paho.socket()
        if sock is not None:
            sock.close()

    def _connected(self, client, data, flags, reason, properties):
        if not reason.is_failure:
            client.subscribe([(topic, 1) for topic in self._topics])

    async def replay(self, **wish):
        """Ask the gateway for frames once more; returns what it said at the end."""
        self._replayed = None
        # Without correlation data: 3.1.1 has none.
        body = json.dumps({"id": f"replay-{time.monotonic_ns()}", "reply": self._reply, **wish})
        self._paho.publish("patrola/v1/replay", body, 1)
        await until(lambda: self._replayed, 60)
        return self._replayed

    def _again(self, payload):
        body = json.loads(payload)
        if "frame" in body:
            self._count(base64.b64decode(body["frame"]))
        elif body["result"] != "started":
            self._replayed = body

    def _take(self, client, data, message):
        self._heard = time.monotonic()
        payload = bytes(message.payload)
        if message.topic == self._reply:
            self._again(payload)
        elif message.topic.endswith("/frame"):
            self._count(payload)
        else:
            self.other.append((message.topic, payload))

    def _count(self, payload):
        name = name_of(payload)
        with self._lock:
            known = self.frames.get(name)
            if known is None:
                self.frames[name] = payload
                self.order[name[0]].append(name)
            elif known == payload:
                self.repeats += 1
            else:
                self.conflicts.append(name)
            self._lock.notify_all()

    def heard(self, kid, count, limit_s):
        """Wait until so many different frames of a terminal have come; False: they didn't."""
        with self._lock:
            return self._lock.wait_for(lambda: len(self.order[kid]) >= count, limit_s)

    def close(self):
        self._ended.set()
        self._thread.join(10)
