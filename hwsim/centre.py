"""What an operations centre's program does with what it hears: it knows topics, COSE and the terminals'
public keys, and nothing of the gateway.

It verifies every frame with the public key alone, drops repeats by the frame's name, and acknowledges alarms.
How messages come and go is for those who build on it: paho in hwsim/operator.py, the bench's own broker in
hwsim/house.py.
"""

import json

from hwsim.openssl import verifier
from protocol import cose, report
from protocol.errors import ProtocolError

_LABELS = ("position", "status", "panic", "health", "event", "task", "presence")


class Received:
    """One frame as it came from the broker."""

    def __init__(self, name, frame, at_ms, unit):
        self.name = name  # (kid hex, boot, seq)
        self.frame = frame
        self.at_ms = at_ms
        self.unit = unit
        self.times = 1


class Centre:
    """`keys` is {kid hex: public key}, looked at with every frame, so that it may grow."""

    def __init__(self, kernel, keys, prefix="patrola/v1", name="duty-officer"):
        self.kernel = kernel
        self.name = name
        self.frames = {}  # (kid, boot, seq) -> Received, in the order of arrival
        self.repeats = 0  # frames that came again under the same name
        self.conflicts = []  # the same name, but not the same bytes
        self.unverified = []
        self.alarms = {}  # (kid, panic id) -> properties of the last message on `panic`
        self.latest = {}  # kid -> {"position": properties, "status": ..., "health": ...}
        self.places = {}  # kid -> (lon, lat)
        self.results = []
        self.connected = False
        self.auto_acknowledge_s = None
        self._keys = keys
        self._verifiers = {}
        self._prefix = prefix
        self._topics = {}  # kid -> base topic
        self._asked = set()
        self._number = 0

    # What an operator does.

    def acknowledge(self, kid, panic):
        self._command(kid, "acknowledge", panic=panic)

    def clear(self, kid, panic):
        self._command(kid, "clear", panic=panic)

    def message(self, kid, text):
        self._command(kid, "message", text=text)

    def renew(self, kid):
        self._command(kid, "renew")

    def task(self, kid, number, text, lat, lon):
        self._command(kid, "task", task=number, text=text, lat=lat, lon=lon)

    def open_alarms(self, stages=("stored", "accepted")):
        """(kid, panic id) of the alarms in one of those stages, oldest first."""
        return [
            key
            for key, properties in self.alarms.items()
            if properties.get("stage") in stages and properties.get("state") in ("raised", "drill")
        ]

    def _command(self, kid, command, **fields):
        topic = self._topics.get(kid)
        if topic is None:
            raise ValueError(f"nothing was heard of terminal {kid} yet")
        self._number += 1
        body = {"id": f"{self.name}-{self._number}", "command": command, "operator": self.name, **fields}
        self.kernel.emit("operator", command, kid=kid, panic=fields.get("panic"))
        self.send(f"{topic}/command", json.dumps(body).encode())

    def send(self, topic, body):
        """Publish it with QoS 1."""
        raise NotImplementedError

    # In the kernel.

    def ready(self, connected):
        self.connected = connected
        self.kernel.emit("operator", "connected" if connected else "disconnected")

    def take(self, topic, payload, at_ms):
        """A message came, at a time of the bench."""
        levels = topic[len(self._prefix) + 1 :].split("/")
        if len(levels) == 4 and levels[3] == "frame":
            self._frame(payload, at_ms, levels[2], topic.rsplit("/", 1)[0])
        elif levels[-2:] == ["command", "result"]:
            self.results.append(json.loads(payload))
        elif len(levels) == 4 and levels[3] in _LABELS:
            self._feature(levels[3], payload, at_ms)

    def _frame(self, frame, at_ms, unit, base):
        try:
            signed = cose.sign1_verify(frame, self._verify(frame))
            fields = report.decode(signed.payload)
        except ProtocolError as error:
            self.unverified.append((at_ms, str(error)))
            self.kernel.emit("operator", "unverified", at_ms=at_ms, reason=str(error))
            return
        kid = signed.kid.hex()
        self._topics[kid] = base
        name = (kid, fields[report.BOOT], fields[report.SEQ])
        known = self.frames.get(name)
        if known is None:
            self.frames[name] = Received(name, frame, at_ms, unit)
            self.kernel.emit(
                "operator", "frame", kid=kid, boot=name[1], seq=name[2], kind=fields[report.KIND], at_ms=at_ms
            )
            return
        known.times += 1
        self.repeats += 1
        if known.frame != frame:
            self.conflicts.append(name)

    def _verify(self, frame):
        kid = cose.sign1_parse(frame).kid.hex()
        if kid not in self._verifiers:
            public = self._keys.get(kid)
            if public is None:
                return lambda _signed, _signature: False
            self._verifiers[kid] = verifier(public)
        return self._verifiers[kid]

    def _feature(self, label, payload, at_ms):
        feature = json.loads(payload)
        properties = feature["properties"]
        kid = properties["kid"]
        self.latest.setdefault(kid, {})[label] = properties
        if feature["geometry"] and feature["geometry"]["type"] == "Point":
            self.places[kid] = tuple(feature["geometry"]["coordinates"][:2])
        if label != "panic":
            return
        key = (kid, properties["panic"])
        self.alarms[key] = properties
        self.kernel.emit(
            "operator",
            "alarm",
            kid=kid,
            panic=key[1],
            stage=properties.get("stage"),
            state=properties.get("state"),
            at_ms=at_ms,
        )
        if (
            self.auto_acknowledge_s is not None
            and key not in self._asked
            and properties.get("state") in ("raised", "drill")
        ):
            self._asked.add(key)
            self.kernel.after(int(self.auto_acknowledge_s * 1e6), self.acknowledge, *key)
