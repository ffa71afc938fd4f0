"""MQTT 5 (and 3.1.1) packets as bytes, for a broker inside the bench. Written from the OASIS standards; the
clauses are those of MQTT 5.0."""

import struct

CONNECT, CONNACK, PUBLISH, PUBACK = 1, 2, 3, 4
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = 8, 9, 10, 11, 12, 13, 14
EXPIRY, SESSION_EXPIRY, RECEIVE_MAXIMUM = 0x02, 0x11, 0x21

# 2.2.2.2: how the value of a property is written.
_FORMS = dict.fromkeys((0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2A), ">B")
_FORMS |= dict.fromkeys((0x13, 0x21, 0x22, 0x23), ">H")
_FORMS |= dict.fromkeys((0x02, 0x11, 0x18, 0x27), ">I")
_TEXTS = (0x03, 0x08, 0x09, 0x12, 0x15, 0x16, 0x1A, 0x1C, 0x1F)
_PAIR, _SUBSCRIPTION, _WILL_DELAY = 0x26, 0x0B, 0x18


class WireError(Exception):
    """These bytes are no MQTT that this broker knows."""


class Reader:
    """Fields of one packet, from left to right."""

    def __init__(self, data):
        self._data = data
        self._at = 0

    @property
    def left(self):
        return len(self._data) - self._at

    def take(self, size):
        if size > self.left:
            raise WireError(f"{size} bytes wanted, {self.left} left")
        self._at += size
        return self._data[self._at - size : self._at]

    def number(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def data(self):
        return self.take(self.number(">H"))

    def text(self):
        return self.data().decode()

    def variable(self):
        value = 0
        for shift in (0, 7, 14, 21):
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise WireError("a length of more than four bytes")

    def properties(self):
        """[(id, value)]: numbers, bytes, or for a user property a pair of bytes."""
        inner = Reader(self.take(self.variable()))
        out = []
        while inner.left:
            name = inner.variable()
            if name in _FORMS:
                out.append((name, inner.number(_FORMS[name])))
            elif name in _TEXTS:
                out.append((name, inner.data()))
            elif name == _PAIR:
                out.append((name, (inner.data(), inner.data())))
            elif name == _SUBSCRIPTION:
                out.append((name, inner.variable()))
            else:
                raise WireError(f"property {name}")
        return out


def variable(value):
    out = bytearray()
    while True:
        value, byte = value >> 7, value & 127
        out.append(byte | 128 if value else byte)
        if not value:
            return bytes(out)


def data(value):
    value = value.encode() if isinstance(value, str) else value
    return struct.pack(">H", len(value)) + value


def properties(pairs):
    body = b""
    for name, value in pairs:
        body += variable(name)
        if name in _FORMS:
            body += struct.pack(_FORMS[name], value)
        elif name == _PAIR:
            body += data(value[0]) + data(value[1])
        elif name == _SUBSCRIPTION:
            body += variable(value)
        else:
            body += data(value)
    return variable(len(body)) + body


def packet(kind, body=b"", flags=0):
    return bytes([kind << 4 | flags]) + variable(len(body)) + body


class Stream:
    """Bytes as they come; whole packets as (kind, flags, body)."""

    def __init__(self):
        self._data = bytearray()

    def feed(self, chunk):
        self._data += chunk
        packets = []
        while len(self._data) >= 2:
            size, at = 0, 1
            for at in range(1, min(5, len(self._data))):
                size |= (self._data[at] & 127) << 7 * (at - 1)
                if self._data[at] < 128:
                    break
            else:
                if at == 4:
                    raise WireError("a packet's length of more than four bytes")
                break
            if len(self._data) < at + 1 + size:
                break
            packets.append(
                (self._data[0] >> 4, self._data[0] & 15, bytes(self._data[at + 1 : at + 1 + size]))
            )
            del self._data[: at + 1 + size]
        return packets


class Hello:
    """A CONNECT packet (3.1)."""

    def __init__(self, body):
        reader = Reader(body)
        if reader.data() != b"MQTT":
            raise WireError("no MQTT")
        self.version = reader.number(">B")
        flags = reader.number(">B")
        self.keepalive_s = reader.number(">H")
        self.five = self.version == 5
        known = dict(reader.properties()) if self.five else {}
        self.clean = bool(flags & 2)
        # Without an expiry an MQTT 5 session ends with its connection; one of 3.1.1 stays unless it is clean.
        self.expiry_s = known.get(SESSION_EXPIRY, 0) if self.five else (0 if self.clean else 0xFFFFFFFF)
        self.window = known.get(RECEIVE_MAXIMUM, 65535)
        self.name = reader.text()
        self.will = None
        if flags & 4:
            pairs = reader.properties() if self.five else []
            topic, payload = reader.text(), reader.data()
            kept = [pair for pair in pairs if pair[0] != _WILL_DELAY]
            self.will = Message(topic, payload, flags >> 3 & 3, bool(flags & 32), kept)


class Message:
    """One application message; `pairs` are its properties, `expires_us` a time of the bench or None."""

    __slots__ = ("topic", "payload", "qos", "retain", "pairs", "expires_us")

    def __init__(self, topic, payload, qos=1, retain=False, pairs=(), expires_us=None):
        self.topic = topic
        self.payload = payload
        self.qos = qos
        self.retain = retain
        self.pairs = pairs
        self.expires_us = expires_us

    @classmethod
    def parse(cls, flags, body, five, now_us):
        """(message, packet id or None) of a PUBLISH."""
        reader = Reader(body)
        topic = reader.text()
        qos = flags >> 1 & 3
        mid = reader.number(">H") if qos else None
        pairs = reader.properties() if five else []
        expiry_s = dict(pairs).get(EXPIRY)
        expires_us = None if expiry_s is None else now_us + expiry_s * 1_000_000
        return cls(topic, reader.take(reader.left), qos, bool(flags & 1), pairs, expires_us), mid

    def encode(self, five, mid, qos, retain, dup, now_us):
        """As a PUBLISH to a subscriber; what is left of its time goes with it (3.3.2.3.3)."""
        body = data(self.topic) + (struct.pack(">H", mid) if qos else b"")
        if five:
            left_s = 0 if self.expires_us is None else max(1, (self.expires_us - now_us) // 1_000_000)
            body += properties([(name, left_s if name == EXPIRY else value) for name, value in self.pairs])
        return packet(PUBLISH, body + self.payload, dup << 3 | qos << 1 | retain)


def matches(topic_filter, topic):
    """4.7: + stands for one level, # for all that follow."""
    wanted, given = topic_filter.split("/"), topic.split("/")
    for index, level in enumerate(wanted):
        if level == "#":
            return True
        if index >= len(given) or level not in ("+", given[index]):
            return False
    return len(wanted) == len(given)
