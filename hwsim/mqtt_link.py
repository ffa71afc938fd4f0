"""One client's connection to the bench's broker: bytes of a socket on this side, sessions on the other."""

import struct

from hwsim.kernel import HOUSE
from hwsim.mqtt_wire import (
    CONNACK,
    CONNECT,
    DISCONNECT,
    PINGREQ,
    PINGRESP,
    PUBACK,
    PUBLISH,
    SUBACK,
    SUBSCRIBE,
    UNSUBACK,
    UNSUBSCRIBE,
    Hello,
    Message,
    Reader,
    Stream,
    WireError,
    packet,
    properties,
)


class Link:
    """One client's connection."""

    def __init__(self, central, sock):
        self.central = central
        self.window = 65535
        self._sock = sock
        self._stream = Stream()
        self._out = bytearray()
        self._session = None
        self._hello = None
        self._last_us = 0
        self._ended = False
        self._heard_us = central.kernel.now_us

    def look(self):
        while self._sock is not None and not self._ended:
            try:
                chunk = self._sock.recv(65536)
            except BlockingIOError:
                break
            except OSError:
                chunk = b""
            if not chunk:
                # What it said last is heard before its end is noticed.
                self._ended = True
                self.central.kernel.at_lane(HOUSE, self._last_us, self.drop)
                return
            try:
                packets = self._stream.feed(chunk)
            except WireError:
                self.drop()
                return
            kernel = self.central.kernel
            self._heard_us = kernel.now_us
            self._last_us = max(self._last_us, kernel.now_us + self.central.packet_us)
            for one in packets:
                kernel.at_lane(HOUSE, self._last_us, self._take, *one)
        self._flush()

    def drop(self):
        """It went without a farewell, or must go: its will is done (3.1.2.5)."""
        hello, self._hello = self._hello, None
        self._leave()
        if hello is not None and hello.will is not None:
            self.central.publish(hello.will)

    def cut(self):
        """The broker itself is gone."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None
        self._session = self._hello = None

    def _leave(self):
        session, self._session = self._session, None
        if self._sock is not None:
            self._sock.close()
            self._sock = None
            self.central.stirred()
        self.central.forget(self)
        if session is not None:
            self.central.detach(self, session)

    def _send(self, data):
        self._out += data
        self._flush()
        self.central.stirred()

    def _flush(self):
        while self._out and self._sock is not None:
            try:
                sent = self._sock.send(self._out)
            except BlockingIOError:
                return
            except OSError:
                return  # what it had to say was read before; `look` sees the end
            del self._out[:sent]

    def deliver(self, message, mid, qos, retain, dup):
        self._send(message.encode(self._hello.five, mid, qos, retain, dup, self.central.kernel.now_us))

    def _take(self, kind, flags, body):
        if self._sock is None:
            return
        try:
            if (kind == CONNECT) == (self._session is not None):
                raise WireError("CONNECT comes first, and once")
            _TAKE.get(kind, Link._unknown)(self, flags, body)
        except (WireError, UnicodeDecodeError) as error:
            self.central.kernel.emit("broker", "protocol error", error=str(error))
            self.drop()

    def _unknown(self, _flags, _body):
        raise WireError("a packet that only a broker may send, or of QoS 2")

    def _connect(self, _flags, body):
        hello = Hello(body)
        if hello.version not in (4, 5) or (hello.five and not self.central.five):
            # 3.1.2.2: said in the client's own form.
            self._send(packet(CONNACK, b"\x00\x84\x00" if hello.five else b"\x00\x01"))
            self._leave()
            return
        self._hello = hello
        self.window = hello.window
        self._session, present = self.central.attach(self, hello)
        self._send(packet(CONNACK, bytes([present, 0]) + (properties([]) if hello.five else b"")))
        self._session.resume(self)
        if hello.keepalive_s:
            self._watch()

    def _watch(self):
        # 3.1.2.10: one and a half times the keep alive without a packet is an end.
        if self._sock is None or self._hello is None:
            return
        limit_us = self._heard_us + self._hello.keepalive_s * 1_500_000
        if self.central.kernel.now_us >= limit_us:
            self.drop()
        else:
            self.central.kernel.at_lane(HOUSE, limit_us, self._watch)

    def _publish(self, flags, body):
        message, mid = Message.parse(flags, body, self._hello.five, self.central.kernel.now_us)
        if message.qos > 1:
            raise WireError("QoS 2")
        self.central.publish(message)
        if mid is not None:
            self._send(packet(PUBACK, struct.pack(">H", mid)))

    def _puback(self, _flags, body):
        self._session.acked(Reader(body).number(">H"))

    def _subscribe(self, _flags, body):
        reader = Reader(body)
        mid = reader.take(2)
        if self._hello.five:
            reader.properties()
        asked = []
        while reader.left:
            asked.append((reader.text(), min(reader.number(">B") & 3, 1)))
        granted = bytes(qos for _, qos in asked)
        self._send(packet(SUBACK, mid + (properties([]) if self._hello.five else b"") + granted))
        for topic_filter, qos in asked:
            self.central.subscribe(self._session, topic_filter, qos)

    def _unsubscribe(self, _flags, body):
        reader = Reader(body)
        mid = reader.take(2)
        if self._hello.five:
            reader.properties()
        reasons = b""
        while reader.left:
            reasons += b"\x11" if self._session.filters.pop(reader.text(), None) is None else b"\x00"
        self._send(packet(UNSUBACK, mid + (properties([]) + reasons if self._hello.five else b"")))

    def _ping(self, _flags, _body):
        self._send(packet(PINGRESP))

    def _disconnect(self, _flags, body):
        if self._hello.five and body and body[0] == 4:  # 3.14.2.1: with the will, please
            self.drop()
            return
        self._hello.will = None
        self._leave()


_TAKE = {
    CONNECT: Link._connect,
    PUBLISH: Link._publish,
    PUBACK: Link._puback,
    SUBSCRIBE: Link._subscribe,
    UNSUBSCRIBE: Link._unsubscribe,
    PINGREQ: Link._ping,
    DISCONNECT: Link._disconnect,
}
