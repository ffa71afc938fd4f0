"""Enrolment documents as docs/integrator.md shows them, by cbor2 and cryptography alone."""

import hashlib
import os
import time

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature


def public_of(key):
    numbers = key.public_key().public_numbers()
    return numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


def kid_of(public):
    return hashlib.sha256(public).digest()[:8]


class Technician:
    """Signs documents for one gateway."""

    def __init__(self, gateway_key, key=None):
        self.gateway = kid_of(gateway_key)
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        self.public = public_of(self.key)

    def fields(self, public, unit="vr-201", **more):
        fields = {
            1: public,
            2: "vranje",
            3: "ps-vranje",
            4: unit,
            5: "Škoda Octavia, VR-201-PT",
            6: "Vranje 201",
            7: "SIM",
            8: int(time.time() * 1000),
            9: os.urandom(16),
            10: self.gateway,
        }
        numbers = {"directorate": 2, "station": 3, "vehicle": 5, "made_ms": 8, "gateway": 10, "reason": 11}
        return fields | {numbers[name]: value for name, value in more.items()}

    def document(self, public, unit="vr-201", **more):
        return self.sign(self.fields(public, unit, **more))

    def sign(self, fields, aad=b"patrola enrolment 1", kid=None):
        protected = cbor2.dumps({1: -7, 4: kid or kid_of(self.public)}, canonical=True)
        payload = cbor2.dumps(fields, canonical=True)
        structure = cbor2.dumps(["Signature1", protected, aad, payload], canonical=True)
        r, s = decode_dss_signature(self.key.sign(structure, ec.ECDSA(hashes.SHA256())))
        signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        return cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload, signature]), canonical=True)
