"""The socket that `paho-mqtt` is given, and the way past it for what there are thousands of in a second: a
PUBLISH that goes out and the PUBACK that comes back.

paho makes two dozen objects of the two, a lock among them, reads each packet in three parts and sends each
one alone: most of what the gateway did was that. The connection, TLS, CONNECT, keep-alive, subscriptions and
what comes in stay paho's. What it writes is sent together with what is published here, in order; what comes
is read together, and goes to paho whole but for the PUBACKs of messages that were published here.
"""

import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

# MQTT 5, 2.1: the first byte of a packet.
_PUBLISH = b"\x32"  # QoS 1
_RETAINED = b"\x33"
_PUBACK = 0x40
_FAILURE = 0x80
# paho counts its own from 1, and has a handful: a packet identifier must not be in use twice (2.2.1).
_FIRST = 0x1000
_LAST = 0xFFFF
_LARGE = 65536
# What the broker does not take waits with paho; what is published here is bounded by the relay's window.
_MOST = 1 << 20
_SHORT = 128
_LATER = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

# (message ids, the broker's reason when it refused)
Acked = Callable[[Sequence[int], str | None], None]


def install(client: Client, acked: Acked) -> None:
    """Before `client` connects: its `socket()` will be a Stream."""
    make: Callable[[], Any] = client._create_socket
    setattr(client, "_create_socket", lambda: Stream(make(), acked))  # noqa: B010 - mypy takes it for a method
    # With somebody to tell, paho only queues; `loop_write` follows.
    client.on_socket_register_write = lambda client, data, sock: None


class Stream:
    """A connected socket."""

    def __init__(self, sock: Any, acked: Acked) -> None:
        self._socket = sock
        self._acked = acked
        self._out: list[bytes] = []
        self._held = b""
        self._ready = bytearray()
        self._left = 0  # of a packet that is paho's
        self._next = _FIRST
        self._under_way: set[int] = set()
        self.unsent = 0  # bytes that wait for `flush`

    def publish(self, topic: str, payload: bytes, retain: bool, properties: bytes) -> int:
        """QoS 1, to go with the next `flush`. The message id that `acked` will name; 0: all are in use.
        `properties`: with their length, empty for MQTT 3.1.1."""
        number = self._next
        self._next = number + 1 if number < _LAST else _FIRST
        if number in self._under_way:
            return 0
        self._under_way.add(number)
        # An operator may want his answer anywhere: what is that long is not kept.
        name = _name(topic) if len(topic) <= _SHORT else _written(topic)
        size = len(name) + 2 + len(properties) + len(payload)
        first = _RETAINED if retain else _PUBLISH
        packet = b"".join((first, _length(size), name, number.to_bytes(2, "big"), properties, payload))
        self._out.append(packet)
        self.unsent += len(packet)
        return number

    def _write(self, data: bytes) -> None:
        self._out.append(data)
        self.unsent += len(data)

    def flush(self) -> None:
        """Send what was written, as much as goes. Raises OSError when the connection is gone."""
        if not self.unsent:
            return
        data = b"".join(self._out)
        sent = 0
        with suppress(*_LATER):
            sent = self._socket.send(data)
        self.unsent = len(data) - sent
        self._out = [data[sent:]] if self.unsent else []

    # What paho uses of a socket.

    def send(self, data: bytes | bytearray) -> int:
        if self.unsent > _MOST:
            raise BlockingIOError
        self._write(bytes(data))
        return len(data)

    def recv(self, most: int) -> bytes:
        if not self._ready:
            data = self._socket.recv(_LARGE)
            if not data:
                return b""
            self._sort(data)
            if not self._ready:
                raise BlockingIOError
        piece = bytes(self._ready[:most])
        del self._ready[:most]
        return piece

    def pending(self) -> int:
        """Bytes that can be had at once, and of which the socket does not tell."""
        if self._ready:
            return len(self._ready)
        deciphered: int = getattr(self._socket, "pending", int)()
        return deciphered

    def fileno(self) -> int:
        number: int = self._socket.fileno()
        return number

    def setblocking(self, flag: bool) -> None:
        self._socket.setblocking(flag)

    def close(self) -> None:
        with suppress(OSError):
            self.flush()  # a DISCONNECT may be the last of it
        self._socket.close()

    def _sort(self, data: bytes) -> None:
        if self._held:
            data = self._held + data
        at, size = 0, len(data)
        under_way = self._under_way
        done: list[int] = []
        while at < size:
            if data[at] == _PUBACK and not self._left and size - at >= 4 and data[at + 1] == 2:
                # The shortest of them: all is well. Nearly everything that comes is that.
                number = data[at + 2] << 8 | data[at + 3]
                if number in under_way:
                    under_way.discard(number)
                    done.append(number)
                    at += 4
                    continue
            if self._left:
                piece = data[at : at + self._left]
                self._ready += piece
                self._left -= len(piece)
                at += len(piece)
                continue
            length, begin = _read_length(data, at + 1)
            if not begin or (data[at] == _PUBACK and begin + length > size):
                break  # the rest of it is on its way
            end = begin + length
            if done:
                self._acked(done, None)
                done = []
            if data[at] == _PUBACK and length >= 2 and self._ours(data, begin, length):
                at = end
            else:
                self._left = end - at
        self._held = data[at:]
        if done:
            self._acked(done, None)

    def _ours(self, data: bytes, at: int, length: int) -> bool:
        number = data[at] << 8 | data[at + 1]
        if number not in self._under_way:
            return False
        self._under_way.discard(number)
        code = data[at + 2] if length > 2 else 0
        self._acked((number,), _reason(code) if code >= _FAILURE else None)
        return True


def _reason(code: int) -> str:
    with suppress(KeyError):
        return str(ReasonCode(PacketTypes.PUBACK, identifier=code))
    return f"reason 0x{code:02x}"


def _written(topic: str) -> bytes:
    """As MQTT writes it (1.5.4)."""
    name = topic.encode()
    return len(name).to_bytes(2, "big") + name


_name = lru_cache(65536)(_written)


@lru_cache(4096)
def _length(value: int) -> bytes:
    """A variable byte integer (1.5.5)."""
    out = b""
    while value > 0x7F:
        out += bytes((value & 0x7F | 0x80,))
        value >>= 7
    return out + bytes((value,))


def _read_length(data: bytes, at: int) -> tuple[int, int]:
    """(remaining length, where that begins) of a packet; 0 where it begins when it is not all there. What is
    longer than four bytes is paho's to refuse."""
    value = 0
    for place in range(4):
        if at + place >= len(data):
            return 0, 0
        byte = data[at + place]
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + place + 1
    return 1 << 62, at + 4
