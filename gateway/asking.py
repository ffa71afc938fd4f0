"""One connection to a broker, to see whether it takes us; nothing is published, nothing of ours is taken."""

import secrets
import threading
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from gateway.config import Config, ConfigError
from gateway.mqtt import introduce

TIMEOUT_S = 5.0


def ask(config: Config, host: str, port: int) -> str:
    """Empty, or why not. Under a name of its own: the service's connection, and what waits for it, stay."""
    five = config.text("broker.protocol") != "3.1.1"
    trouble = _try(config, host, port, five)
    if trouble and five and config.text("broker.protocol") == "auto":
        trouble = _try(config, host, port, False)
    return trouble


def _try(config: Config, host: str, port: int, five: bool) -> str:
    done = threading.Event()
    said: list[str] = []

    def connected(client: Client, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        said.append(f"it refuses: {reason}" if reason.is_failure else "")
        done.set()

    def disconnected(client: Client, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        said.append(f"the connection ended: {reason}")
        done.set()

    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=f"patrola-doctor-{secrets.token_hex(4)}",
        protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
        reconnect_on_failure=False,
    )
    client.connect_timeout = TIMEOUT_S
    client.on_connect = connected
    client.on_disconnect = disconnected
    try:
        introduce(client, config)
        client.connect(host, port, 30)
    except (OSError, ValueError, ConfigError) as error:
        return str(getattr(error, "strerror", None) or error).lower()
    client.loop_start()
    try:
        return said[0] if done.wait(TIMEOUT_S) else "it does not answer CONNECT"
    finally:
        client.disconnect()
        client.loop_stop()
