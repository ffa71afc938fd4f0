"""One connection to the broker: `paho-mqtt` driven by our event loop, no thread of its own.

Each connection gets a new client. paho's own queue would send again by itself after a reconnect, past any
window and in an order that is not ours; here nothing of it outlives the connection, and the relay sends
again.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from gateway import stream
from gateway.config import Config
from gateway.machine import Machine

CONNECT_TIMEOUT_S = 10.0
MAX_PACKET = 16_384
MAX_UNCONFIRMED = 256
_UNSUPPORTED = 0x84


def blank(packet: int) -> Any:
    """Empty MQTT 5 properties for this kind of packet; paho's own constructor has no types."""
    make: Any = Properties
    return make(packet)


def introduce(client: Client, config: Config) -> None:
    """Who we are at the broker, and how it proves who it is. Raises OSError, ValueError, ConfigError."""
    if config.text("broker.username"):
        client.username_pw_set(config.text("broker.username"), config.broker_password())
    if config.flag("broker.tls"):
        context = ssl.create_default_context(cafile=config.text("broker.ca_file") or None)
        if config.text("broker.certificate_file"):
            context.load_cert_chain(config.text("broker.certificate_file"), config.text("broker.key_file"))
        client.tls_set_context(context)


class LinkError(Exception):
    """No connection. `version` is true when the broker may just not speak this version of MQTT."""

    def __init__(self, reason: str, version: bool = False) -> None:
        super().__init__(reason)
        self.version = version


@dataclass(frozen=True, slots=True)
class Will:
    """Published by the broker when we vanish."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message from the broker; `link.confirm(mid)` once it is safe."""

    topic: str
    payload: bytes
    mid: int
    qos: int
    retain: bool
    response_topic: str | None
    correlation: bytes | None


class Link:
    """`on_acked(mids, refused)` with the reason when the broker refused; `on_message(Incoming)`;
    `on_down(reason)`."""

    def __init__(
        self,
        config: Config,
        machine: Machine,
        *,
        at: tuple[str, int],
        five: bool,
        will: Will,
        on_acked: stream.Acked,
        on_message: Callable[[Incoming], None],
        on_down: Callable[[str], None],
    ) -> None:
        self.five = five
        self.at = at
        self.receive_maximum = 65535
        self.up = False
        self._config = config
        self._on_acked = on_acked
        self._on_message = on_message
        self._on_down = on_down
        self._loop = asyncio.get_running_loop()
        self._connected: asyncio.Future[None] = self._loop.create_future()
        self._look_s = machine.look_s
        self._descriptor = -1
        self._writing = False
        self._ticker: asyncio.TimerHandle | None = None
        name = config.text("broker.client_id") or f"patrola-{config.text('gateway.id')}"
        version = MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311
        client = machine.mqtt(
            CallbackAPIVersion.VERSION2,
            client_id=name,
            # The session stays at the broker, so that commands sent while we are away wait for us.
            clean_session=None if five else False,
            protocol=version,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.max_inflight_messages = 0  # the window is the relay's
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.on_connect = self._handle_connect
        client.on_disconnect = self._handle_disconnect
        client.on_message = self._handle_message
        client.will_set(will.topic, will.payload, qos=1, retain=True)
        stream.install(client, self._on_acked)
        self._client = client

    async def open(self) -> None:
        """Raises LinkError. The name look-up, TCP and TLS run beside the loop."""
        try:
            await asyncio.to_thread(self._dial)
        except (OSError, ValueError) as error:  # what TLS says is an OSError
            host, port = self.at
            raise LinkError(f"cannot reach the broker at {host}:{port}: {error}") from error
        sock: Any = self._client.socket()
        if sock is None:
            raise LinkError("the broker closed the connection at once", version=True)
        self._descriptor = sock.fileno()
        self._loop.add_reader(self._descriptor, self._readable)
        self._flush()
        self._tick()
        try:
            await asyncio.wait_for(self._connected, CONNECT_TIMEOUT_S)
        except TimeoutError:
            self.close()
            raise LinkError("the broker did not answer CONNECT", version=True) from None
        except LinkError:
            self.close()
            raise

    def _dial(self) -> None:
        config, client = self._config, self._client
        introduce(client, config)
        host, port = self.at
        keepalive = config.whole("broker.keepalive_s")
        if self.five:
            properties = blank(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = config.whole("broker.session_expiry_s")
            # Requests are small: the broker is to keep from us what is not, and to wait for confirmations.
            properties.MaximumPacketSize = MAX_PACKET
            properties.ReceiveMaximum = MAX_UNCONFIRMED
            client.connect(host, port, keepalive, clean_start=False, properties=properties)
        else:
            client.connect(host, port, keepalive)

    def publish(self, topic: str, payload: bytes, retain: bool, properties: bytes) -> int:
        """QoS 1, with the next `flush`; `properties` as MQTT 5 writes them, else empty. Returns the message
        id that `on_acked` will name; 0 when the connection is gone."""
        sock: Any = self._client.socket()
        if sock is None or not self.up:
            return 0
        number: int = sock.publish(topic, payload, retain, properties)
        return number

    def subscribe(self, topic: str) -> None:
        self._client.subscribe(topic, 1)
        self._flush()

    def confirm(self, incoming: Incoming) -> None:
        """The message is stored: the broker may forget it."""
        if self.up and incoming.qos:
            self._client.ack(incoming.mid, incoming.qos)
            self._flush()

    def flush(self) -> None:
        """Call after a round of `publish`."""
        self._flush()

    def close(self) -> None:
        """Leave in good order as far as the socket still lets us; the will is not sent."""
        was_up, self.up = self.up, False
        with contextlib.suppress(Exception):
            if was_up:
                self._client.disconnect()
                self._client.loop_write()
        self._forget_socket()
        # paho closes its socket only in its own reaction to the DISCONNECT being written.
        sock: Any = self._client.socket()
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.close()

    def _forget_socket(self) -> None:
        if self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None
        if self._descriptor >= 0:
            self._loop.remove_reader(self._descriptor)
            self._loop.remove_writer(self._descriptor)
            self._descriptor = -1

    def _tick(self) -> None:
        self._guard(self._client.loop_misc)
        if self._descriptor >= 0:
            self._ticker = self._loop.call_later(self._look_s(1.0), self._tick)

    def _readable(self) -> None:
        self._guard(self._read)
        self._flush()

    def _read(self) -> None:
        self._client.loop_read()
        # What was read already, or deciphered, does not make the socket readable.
        sock: Any = self._client.socket()
        while sock is not None and sock.pending() > 0:
            self._client.loop_read()
            sock = self._client.socket()

    def _flush(self) -> None:
        if self._descriptor < 0:
            return
        self._guard(self._write)
        if self._descriptor < 0:
            return
        sock: Any = self._client.socket()
        waiting = self._client.want_write() or (sock is not None and sock.unsent > 0)
        if waiting and not self._writing:
            self._loop.add_writer(self._descriptor, self._flush)
        elif self._writing and not waiting:
            self._loop.remove_writer(self._descriptor)
        self._writing = waiting

    def _write(self) -> None:
        if self._client.want_write():
            self._client.loop_write()
        sock: Any = self._client.socket()
        if sock is not None:
            sock.flush()

    def _guard(self, step: Callable[[], object]) -> None:
        # paho raises whatever its parser met (a broker of another version answers in another form).
        try:
            step()
        except Exception as error:
            self._went_down(f"{type(error).__name__}: {error}", version=True)

    def _went_down(self, reason: str, version: bool = False) -> None:
        self._forget_socket()
        if not self._connected.done():
            self._connected.set_exception(LinkError(reason, version))
        elif self.up:
            self.up = False
            self._on_down(reason)

    def _handle_connect(self, client: Client, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if self._connected.done():
            return
        if reason.is_failure:
            unsupported = reason.value == _UNSUPPORTED
            self._connected.set_exception(LinkError(f"the broker refused: {reason}", unsupported))
            return
        self.receive_maximum = getattr(properties, "ReceiveMaximum", 65535)
        self.up = True
        self._connected.set_result(None)

    def _handle_disconnect(self, client: Client, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        self._went_down(f"the connection ended: {reason}", version=True)

    def _handle_message(self, client: Client, data: Any, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return
        properties = message.properties
        incoming = Incoming(
            topic,
            bytes(message.payload),
            message.mid,
            message.qos,
            message.retain,
            getattr(properties, "ResponseTopic", None),
            getattr(properties, "CorrelationData", None),
        )
        self._on_message(incoming)
