"""The smallest MQTT 5 broker, to say what no friendly broker says: refusals, silence, a small window.

It speaks the real protocol over a real socket; what it does with each PUBLISH is the test's choice.
"""

import asyncio

CONNACK_OK = b"\x20\x03\x00\x00\x00"


def connack(reason=0, properties=b""):
    body = bytes([0, reason, len(properties)]) + properties
    return bytes([0x20, len(body)]) + body


def _payload(rest):
    """Behind the properties, whose length is a variable integer."""
    size = shift = at = 0
    while True:
        byte = rest[at]
        size |= (byte & 127) << shift
        shift, at = shift + 7, at + 1
        if byte < 128:
            return rest[at + size :]


class StrictBroker:
    """`judge(topic)` gives the PUBACK's reason code, None for no answer; `published`: what came."""

    def __init__(self, judge=lambda topic: 0, hello=None):
        self.judge = judge
        self.hello = hello or connack()
        self.published = []
        self.payloads = {}
        self.connections = 0
        self.unconfirmed = 0
        self.most_unconfirmed = 0
        self._writers = set()

    async def start(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self):
        self._server.close()
        for writer in self._writers:
            writer.close()

    async def _packet(self, reader):
        head = (await reader.readexactly(1))[0]
        size = shift = 0
        while True:
            byte = (await reader.readexactly(1))[0]
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return head, await reader.readexactly(size)

    async def _serve(self, reader, writer):
        self.connections += 1
        self._writers.add(writer)
        try:
            while True:
                head, body = await self._packet(reader)
                writer.write(self._answer(head, body))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _answer(self, head, body):
        kind = head >> 4
        if kind == 1:
            return self.hello
        if kind == 8:
            return bytes([0x90, 4]) + body[:2] + b"\x00\x01"
        if kind == 12:
            return b"\xd0\x00"
        if kind == 3:
            size = int.from_bytes(body[:2], "big")
            topic, mid = body[2 : 2 + size].decode(), body[2 + size : 4 + size]
            self.published.append(topic)
            self.payloads.setdefault(topic, []).append(_payload(body[4 + size :]))
            reason = self.judge(topic)
            return b"" if reason is None else bytes([0x40, 4]) + mid + bytes([reason, 0])
        return b""

    def deliver(self, topic, payload, mid=1):
        """To the client that is connected, QoS 1, without properties."""
        name = topic.encode()
        body = len(name).to_bytes(2, "big") + name + mid.to_bytes(2, "big") + b"\0" + payload
        assert len(body) < 16384
        head = bytes([0x32, len(body) & 127 | 128, len(body) >> 7])
        for writer in self._writers:
            if not writer.is_closing():
                writer.write(head + body)

    def on(self, ending):
        return [topic for topic in self.published if topic.endswith(ending)]
