"""One measurement from beginning to end: cars, their links, their datagrams, the flight, the figures."""

import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from hwsim.load import cars, figures, handshakes
from hwsim.load.ear import Ear
from hwsim.load.flight import Flight
from hwsim.load.flood import Flood
from hwsim.load.stock import Stock
from hwsim.load.wires import Wires

_ROOT = Path(__file__).resolve().parents[2]
_STRANGERS = 4


class Load:
    """`gateways`: [(host, port)]; `gateway_key`: X || Y. Links are made once; `fly` may be called again and
    again, at other rates."""

    def __init__(self, gateways, gateway_key, fleet, broker=None, prefix="patrola/v1"):
        self.cars = fleet
        self._key = gateway_key
        self.broker = broker
        self._message_id = random.randrange(65536)
        self._token = 0
        self._prefix = prefix
        self.wires = Wires(gateways, len(fleet))
        self._strange = Wires(gateways, _STRANGERS, own=False)

    def link(self, patience_s=0.0):
        """See handshakes.py."""
        handshakes.link(self.cars, self._key, self.wires, patience_s)

    def fly(self, rate, seconds, *, urgent=0.02, batch=1, forged=0, warm_s=1.0, drain_s=5.0, seed=1, **more):
        """A document of figures; see figures.py. `jobs`: processes that prepare. `roam`: share of datagrams
        that go to another gateway than the car's first. `repeat`: send again what is not answered; `apart`:
        as though each datagram were another terminal's."""
        jobs, roam, repeat = more.get("jobs", 1), more.get("roam", 0.0), more.get("repeat", True)
        wires = self.wires.endpoints
        stock = Stock(self.cars, rate, seconds, urgent, batch, seed, wires, self._message_id, self._token)
        self._message_id = self._message_id + stock.ids & 0xFFFF
        self._token = self._token + stock.total & 0xFFFFFFFF
        stock.make(jobs)
        for place, car in enumerate(self.cars):
            car.context.sequence += len(range(place, stock.total, len(self.cars)))
        flood = Flood(forged, stock, self._strange.socks, seed) if forged else None
        ear = Ear(*self.broker, f"{self._prefix}/{cars.DIRECTORATE}/+/+/frame") if self.broker else None
        try:
            apart = more.get("apart", False)
            flight = Flight(stock, self.wires, flood, ear, repeat, self._spread(roam), apart)
            flight.fly(drain_s)
            return figures.Figures(stock, flight, ear, warm_s).document()
        finally:
            if ear is not None:
                ear.close()

    def _spread(self, roam):
        count, fleet = len(self.wires.gateways), len(self.cars)
        if count == 1 or not roam:
            return lambda index: (index % fleet) % count
        # Not by chance: the same datagram sent again goes the same way.
        step = max(1, round(1 / roam))
        return lambda index: (index % fleet + index // fleet // step) % count

    def close(self):
        self.wires.close()
        self._strange.close()


def enroll(config, fleet):
    """All of them at the gateway of that configuration, by its own command line; its public key."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", delete=False) as file:
        path = Path(file.name)
    try:
        cars.write(fleet, path)
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "gateway",
                "enroll",
                "--config",
                str(config),
                "--file",
                str(path),
                "--json",
            ],
            cwd=_ROOT,
            env=os.environ | {"PYTHONPATH": str(_ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        path.unlink()
    if done.returncode:
        raise handshakes.LinkError(done.stderr.strip() or f"gateway enroll: code {done.returncode}")
    return bytes.fromhex(json.loads(done.stdout)["gateway_key"])
