"""The central broker, inside the bench: MQTT 5 and 3.1.1 over socket pairs, in the kernel's time.

It takes a moment for each packet, so it can be slow; it can be killed, and come back with its memory or
without. Sessions, retained messages, wills and receive maximum are as the standard has them; QoS 2 is granted
as QoS 1.
"""

import socket
from collections import deque

from hwsim.local_client import Local
from hwsim.mqtt_link import Link
from hwsim.mqtt_wire import matches

_QUEUE = 100_000
# What a broker on the same network takes for a packet, there and back included.
_PACKET_US = 500
_FOR_EVER = 0xFFFFFFFF


class Session:
    """What the broker remembers of one client, connected or not."""

    def __init__(self, name):
        self.name = name
        self.filters = {}  # topic filter -> QoS
        self.waiting = deque()
        self.under_way = {}  # packet id -> (message, QoS, retain)
        self.link = None
        self.expiry_s = 0
        self.left_us = None
        self._mid = 0

    def put(self, message, qos, retain=False):
        """For this client, now or when it is back."""
        if self.link is None and not qos:
            return
        if len(self.waiting) < _QUEUE:
            self.waiting.append((message, qos, retain))
            self.pump()

    def pump(self):
        """Hand over what the client's window has room for."""
        link = self.link
        while link is not None and self.waiting and len(self.under_way) < link.window:
            message, qos, retain = self.waiting.popleft()
            if message.expires_us is not None and message.expires_us <= link.central.kernel.now_us:
                continue
            mid = None
            if qos:
                mid = self._mid = self._mid % 65535 + 1
                self.under_way[mid] = (message, qos, retain)
            link.deliver(message, mid, qos, retain, False)

    def acked(self, mid):
        if self.under_way.pop(mid, None) is not None:
            self.pump()

    def resume(self, link):
        """Connected again: what was under way comes first, once more."""
        self.link = link
        for mid, (message, qos, retain) in list(self.under_way.items()):
            link.deliver(message, mid, qos, retain, True)
        self.pump()


class Central:
    """`dial()` is how the gateway's machine reaches it. `stirred()` is called when bytes wait at the other
    end of a socket. `published` counts the messages it took."""

    def __init__(self, kernel, stirred=lambda: None):
        self.kernel = kernel
        self.stirred = stirred
        self.running = False
        self.five = True
        self.starts = 0
        self.published = 0
        self.packet_us = _PACKET_US
        self.sessions = {}
        self._retained = {}
        self._links = []
        self._locals = []
        self.start()

    # What may befall it

    def start(self):
        if not self.running:
            self.running = True
            self.starts += 1
            self.kernel.emit("broker", "start", number=self.starts)
            for client in self._locals:
                client.called()

    def kill(self, keep=True):
        """As `kill -9`, or a power failure of its server. `keep`: sessions, retained and queued messages were
        on its disk."""
        if not self.running:
            return
        self.running = False
        self.kernel.emit("broker", "killed", keep=keep)
        links, self._links = self._links, []
        for link in links:
            link.cut()
        for client in self._locals:
            client.cut()
        for session in self.sessions.values():
            session.link = None
        if not keep:
            self.sessions.clear()
            self._retained.clear()
        self.stirred()

    def slow(self, ms):
        """From now on every packet takes so long; 0 is as quick as ever."""
        self.packet_us = _PACKET_US + int(ms * 1000)
        self.kernel.emit("broker", "slow", ms=ms)

    # Connections

    def dial(self):
        """A connected socket. Raises ConnectionRefusedError."""
        if not self.running:
            raise ConnectionRefusedError(111, "Connection refused")
        near, far = socket.socketpair()
        far.setblocking(False)
        self._links.append(Link(self, far))
        return near

    def local(self, name, on_message, on_state=lambda up: None):
        """A client inside the bench: `on_message(topic, payload, retain, properties)`."""
        client = Local(self, name, on_message, on_state)
        self._locals.append(client)
        client.called()
        return client

    def look(self):
        """Read what has been written to the sockets."""
        for link in list(self._links):
            link.look()

    def close(self):
        for link in self._links:
            link.cut()
        self._links = []
        self.running = False

    # Messages

    def attach(self, link, hello):
        """A client said CONNECT; True when its session was still known."""
        old = self.sessions.get(hello.name)
        if old is not None and old.link is not None:
            old.link.drop()
        old = self.sessions.get(hello.name)
        present = old is not None and not hello.clean
        session = old if present else Session(hello.name)
        session.expiry_s = hello.expiry_s
        self.sessions[hello.name] = session
        return session, present

    def detach(self, link, session):
        """Its connection is over."""
        if session.link is not link:
            return
        session.link = None
        if session.expiry_s == 0:
            self._expire(session)
        elif session.expiry_s != _FOR_EVER:
            self.kernel.after(session.expiry_s * 1_000_000, self._expire_unless, session, self.kernel.now_us)
            session.left_us = self.kernel.now_us

    def _expire_unless(self, session, left_us):
        if session.link is None and session.left_us == left_us:
            self._expire(session)

    def _expire(self, session):
        if self.sessions.get(session.name) is session:
            del self.sessions[session.name]

    def forget(self, link):
        if link in self._links:
            self._links.remove(link)

    def publish(self, message):
        """To everybody who subscribed; once for each client (3.3.4 allows that)."""
        self.published += 1
        fields = {"qos": message.qos, "retain": message.retain, "payload": message.payload}
        self.kernel.emit("broker", "message", topic=message.topic, **fields)
        if message.retain:
            if message.payload:
                self._retained[message.topic] = message
            else:
                self._retained.pop(message.topic, None)
        for session in list(self.sessions.values()):
            granted = [qos for each, qos in session.filters.items() if matches(each, message.topic)]
            if granted:
                session.put(message, min(max(granted), message.qos, 1))

    def subscribe(self, session, topic_filter, qos):
        session.filters[topic_filter] = qos
        for topic in [topic for topic in self._retained if matches(topic_filter, topic)]:
            session.put(self._retained[topic], min(qos, 1), True)
