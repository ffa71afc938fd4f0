"""A client of the bench's broker that needs no socket: the operations centre's side of it."""

from hwsim.kernel import HOUSE
from hwsim.mqtt_wire import Message

# How soon it is back when the broker is.
_RECONNECT_US = 300_000


class Local:
    """Always there: it connects again when the broker is back, and its session stays at the broker meanwhile.
    `window` is its receive maximum."""

    window = 64
    clean = False
    expiry_s = 0xFFFFFFFF

    def __init__(self, central, name, on_message, on_state):
        self.central = central
        self.name = name
        self._on_message = on_message
        self._on_state = on_state
        self._filters = []
        self._session = None
        self._outbox = []
        self._generation = 0
        self._last_us = 0

    def subscribe(self, topic_filter):
        self._filters.append(topic_filter)
        if self._session is not None:
            self.central.subscribe(self._session, topic_filter, 1)

    def publish(self, topic, payload, pairs=()):
        """QoS 1: it waits here until the broker has taken it."""
        message = Message(topic, payload, 1, False, list(pairs))
        self._outbox.append(message)
        if self._session is not None:
            self._send(message)

    # What the broker calls

    def called(self):
        """The broker is there."""
        kernel = self.central.kernel
        kernel.at_lane(HOUSE, kernel.now_us + _RECONNECT_US, self._connect, self.central.starts)

    def cut(self):
        """It is gone."""
        self._generation += 1
        self._last_us = 0
        if self._session is not None:
            self._session = None
            self._on_state(False)

    drop = cut

    def deliver(self, message, mid, _qos, retain, _dup):
        self._later(self._hand, message, mid, retain)

    def _connect(self, number):
        if self._session is not None or not self.central.running or self.central.starts != number:
            return
        self._session, _ = self.central.attach(self, self)
        for topic_filter in self._filters:
            self.central.subscribe(self._session, topic_filter, 1)
        self._on_state(True)
        self._session.resume(self)
        for message in list(self._outbox):
            self._send(message)

    def _later(self, call, *arguments):
        # What is said later is never heard earlier, also when the broker becomes quicker meanwhile.
        kernel = self.central.kernel
        self._last_us = max(self._last_us, kernel.now_us + self.central.packet_us)
        kernel.at_lane(HOUSE, self._last_us, self._if_still, self._generation, call, arguments)

    def _if_still(self, generation, call, arguments):
        if generation == self._generation:
            call(*arguments)

    def _hand(self, message, mid, retain):
        self._on_message(message.topic, message.payload, retain, message.pairs)
        if mid is not None and self._session is not None:
            self._session.acked(mid)

    def _send(self, message):
        self._later(self._put, message)

    def _put(self, message):
        if message in self._outbox:
            self._outbox.remove(message)
            self.central.publish(message)
