"""A subscriber at the broker that costs little: it notes when each frame came, and reads them later."""

import os
import socket
import struct
import time

from hwsim import mqtt_wire as wire

_TIMEOUT_S = 10.0
_CHUNK = 1 << 17
_KEEPALIVE_S = 65535  # nothing else is ever sent; a broker hangs up on 0 or does not


class EarError(Exception):
    """The broker did not let it listen."""


class Ear:
    """MQTT 5, QoS 1. `heard`: (seconds since the beginning, the frame's bytes)."""

    def __init__(self, host, port, topic, username="", password=""):
        self.heard = []
        self.frames = 0
        self._names = set()
        self._counted = 0
        self._data = self._owed = b""
        self._sock = socket.create_connection((host, port), _TIMEOUT_S)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        flags = 2 | (0x80 if username else 0) | (0x40 if password else 0)
        body = wire.data("MQTT") + bytes((5, flags)) + struct.pack(">H", _KEEPALIVE_S) + wire.properties(())
        body += wire.data(f"load-{os.getpid()}-{os.urandom(3).hex()}")
        for value in (username, password):
            body += wire.data(value) if value else b""
        self._talk(wire.packet(wire.CONNECT, body), wire.CONNACK)
        body = struct.pack(">H", 1) + wire.properties(()) + wire.data(topic) + b"\x01"
        self._talk(wire.packet(wire.SUBSCRIBE, body, 2), wire.SUBACK)
        self._sock.setblocking(False)
        self.socks = (self._sock,)

    def _talk(self, packet, wanted):
        self._sock.sendall(packet)
        stream = wire.Stream()
        while True:
            chunk = self._sock.recv(4096)
            if not chunk:
                raise EarError("the broker hung up")
            for kind, _, body in stream.feed(chunk):
                if kind == wanted:
                    code = body[1] if wanted == wire.CONNACK else body[-1]
                    if code >= 0x80:
                        raise EarError(f"the broker said {code:#x}")
                    return

    def receive(self, sock, began_s):
        try:
            chunk = sock.recv(_CHUNK)
        except BlockingIOError:
            return
        if not chunk:
            raise EarError("the broker hung up during the run")
        now_s = time.perf_counter() - began_s
        data = self._data + chunk if self._data else chunk
        at, end, acks = 0, len(data), []
        while end - at >= 5:
            size, body = data[at + 1], at + 2
            if size >= 128:
                size = size - 128 + (data[at + 2] << 7)
                body += 1
                if size >= 16384:  # no frame is as long
                    raise EarError("a message of more than 16 KB")
            if end < body + size:
                break
            if data[at] >> 4 == wire.PUBLISH:
                # Topic, packet id, properties, then the frame; taken apart when the run is over.
                self.heard.append((now_s, data[body : body + size]))
                self.frames += 1
                if data[at] & 6:
                    where = body + 2 + (data[body] << 8 | data[body + 1])
                    acks.append(b"\x40\x02" + data[where : where + 2])
            at = body + size
        self._data = data[at:]
        if acks or self._owed:
            self._owed += b"".join(acks)
            try:
                self._owed = self._owed[sock.send(self._owed) :]
            except BlockingIOError:
                return  # with the next ones

    def names(self):
        """(seconds, kid, boot, seq) of every frame heard."""
        for at_s, body in self.heard:
            yield at_s, *_name(body)

    def different(self):
        """How many of the frames heard have names of their own."""
        self._names.update(_name(body) for _, body in self.heard[self._counted :])
        self._counted = len(self.heard)
        return len(self._names)

    def close(self):
        self._sock.close()


def _name(body):
    reader = wire.Reader(body)
    reader.data()
    reader.take(2)
    reader.properties()
    return name(reader.take(reader.left))


def name(frame):
    """(kid, boot, seq) of a frame as sealed.py writes it."""
    kid = frame[8:16]
    at = 17 + (1 if frame[17] < 0x58 else 2 if frame[17] == 0x58 else 3)
    boot, at = _integer(frame, at + 2)
    seq, _ = _integer(frame, at + 1)
    return kid, boot, seq


def _integer(data, at):
    if data[at] < 24:
        return data[at], at + 1
    size = 1 << (data[at] - 24)
    return int.from_bytes(data[at + 1 : at + 1 + size], "big"), at + 1 + size
