"""mosquitto: the installed one, or that of `make mosquitto` (get_mosquitto); `PATROLA_MOSQUITTO` names
another."""

import os
from pathlib import Path

from hwsim.broker import free_ports
from tests.brokers.process import Process, program

_GOT = Path(__file__).resolve().parents[2] / ".build/mosquitto/mosquitto"
PROGRAM = (
    os.environ.get("PATROLA_MOSQUITTO") or program("mosquitto") or (str(_GOT) if _GOT.exists() else None)
)
_CONF = """\
listener {port} 127.0.0.1
persistence true
persistence_location {store}/
max_inflight_messages 100
max_queued_messages 1000000
{lines}
"""


class Mosquitto:
    """`lines` are more of its configuration; the rest is its default, persistence switched on."""

    def __init__(self, folder, lines="allow_anonymous true"):
        store = Path(folder) / "mosquitto"
        store.mkdir(exist_ok=True)
        store.chmod(0o777)  # it gives up root's rights
        (self.port,) = free_ports(1)
        conf = Path(folder) / "mosquitto.conf"
        conf.write_text(_CONF.format(port=self.port, store=store, lines=lines))
        self.process = Process([PROGRAM, "-c", str(conf)], Path(folder) / "mosquitto.log")

    async def start(self):
        self.process.launch()
        await self.process.listening(self.port)
        return self

    def kill(self):
        self.process.kill()
