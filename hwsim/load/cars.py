"""Who sends: key pairs that follow from a seed, so that no secret has to be kept between two runs.

Anybody who knows the seed has these keys: enroll them at a gateway that is being measured, nowhere else.
"""

import hashlib
import json

from cryptography.hazmat.primitives.asymmetric import ec

DIRECTORATE = "load"
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_IN_STATION = 50


class Car:
    """`public` is X || Y, `kid` its name; `secret`, `salt`, `own_id`, `peer_id` are the link's, once there is
    one. `sequence` is the next Partial IV. `listening`: the token under which it hears of commands."""

    def __init__(self, seed, number):
        digest = hashlib.sha512(f"patrola load {seed} {number}".encode()).digest()
        self.number = number
        self.scalar = int.from_bytes(digest, "big") % (_ORDER - 1) + 1
        self.key = ec.derive_private_key(self.scalar, ec.SECP256R1())
        numbers = self.key.public_key().public_numbers()
        self.public = numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
        self.kid = hashlib.sha256(self.public).digest()[:8]
        self.context = None
        self.link = None
        self.listening = None

    def row(self):
        """A line for `gateway enroll --file`."""
        entry = {
            "public_key": self.public.hex(),
            "directorate": DIRECTORATE,
            "station": f"st-{self.number // _IN_STATION}",
            "unit": f"car-{self.number}",
            "vehicle": f"car {self.number} of a load test",
        }
        return json.dumps(entry)


def cars(seed, count):
    return [Car(seed, number) for number in range(count)]


def write(fleet, path):
    """The file for `gateway enroll --file`."""
    with open(path, "w", encoding="utf-8") as file:
        for car in fleet:
            file.write(car.row() + "\n")
