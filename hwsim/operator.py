"""An operations centre's own program at a real broker. paho's thread only hands messages over; everything
else happens in the kernel (hwsim/centre.py).
"""

import time

import paho.mqtt.client as mqtt

from hwsim.centre import Centre

_QOS = 1


class Operator(Centre):
    def __init__(self, kernel, broker, keys, prefix="patrola/v1", name="duty-officer"):
        super().__init__(kernel, keys, prefix, name)
        self._host, self._port = broker.host, broker.port_v5
        self._client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, client_id=f"operations-{name}", protocol=mqtt.MQTTv5
        )
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: kernel.call_soon_external(self.ready, True)
        self._client.on_disconnect = lambda *_: kernel.call_soon_external(self.ready, False)
        self._client.on_message = self._on_message
        self._client.reconnect_delay_set(0.2, 1)

    def start(self):
        """Connect in the background, again and again until it succeeds."""
        self._client.connect_async(self._host, self._port, keepalive=10)
        self._client.loop_start()

    def stop(self):
        self._client.disconnect()
        self._client.loop_stop()

    def send(self, topic, body):
        self._client.publish(topic, body, _QOS)

    # In paho's thread.

    def _on_connect(self, client, _userdata, _flags, reason, _properties):
        if not reason.is_failure:
            client.subscribe(f"{self._prefix}/#", _QOS)

    def _on_message(self, _client, _userdata, message):
        now_ms = time.monotonic() * 1000
        self.kernel.call_soon_external(self._hear, message.topic, bytes(message.payload), now_ms)

    def _hear(self, topic, payload, mono_ms):
        self.take(topic, payload, round(mono_ms - (self.kernel.t0_mono_ms or mono_ms), 3))
