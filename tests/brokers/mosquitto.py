"""mosquitto: the installed one, or that which `make test` got (get_mosquitto); `PATROLA_MOSQUITTO` names
another."""

import os
from pathlib import Path

import pytest

from hwsim.broker import free_ports
from tests.brokers.process import Process, program

_GOT = Path(__file__).resolve().parents[2] / ".build/mosquitto"
_HERE = str(_GOT / "mosquitto") if (_GOT / "mosquitto").exists() else None
PROGRAM = os.environ.get("PATROLA_MOSQUITTO") or program("mosquitto") or _HERE


def _why():
    """Why there is none to test with."""
    tried = (_GOT / "why").read_text().strip() if (_GOT / "why").exists() else "none was got: make mosquitto"
    return f"mosquitto is not installed, and {tried}; PATROLA_MOSQUITTO may name one"


needs_mosquitto = pytest.mark.skipif(not PROGRAM, reason=_why())
_CONF = """\
# Else root would become another user, who may not enter what pytest makes for one user alone, and who no
# longer ends with us: the kernel takes the leash off whoever changes his name.
user root
listener {port} 127.0.0.1
persistence true
persistence_location {store}/
max_inflight_messages {inflight}
max_queued_messages 1000000
{lines}
"""


class Mosquitto:
    """`lines` are more of its configuration; the rest is its default, persistence switched on."""

    def __init__(self, folder, lines="allow_anonymous true", inflight=100):
        store = Path(folder) / "mosquitto"
        store.mkdir(exist_ok=True)
        (self.port,) = free_ports(1)
        conf = Path(folder) / "mosquitto.conf"
        conf.write_text(_CONF.format(port=self.port, store=store, lines=lines, inflight=inflight))
        self.process = Process([PROGRAM, "-c", str(conf)], Path(folder) / "mosquitto.log")

    async def start(self):
        self.process.launch()
        await self.process.listening(self.port)
        return self

    def kill(self):
        self.process.kill()
