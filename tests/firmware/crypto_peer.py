"""Runs under MicroPython: answers a JSON list of calls from a file, each with a line of hex or a word."""

import json
import sys

sys.path.insert(0, ".")

from firmware import p256, p256_point  # noqa: E402
from firmware.ccm import AesCcm  # noqa: E402
from firmware.drbg import HmacDrbg  # noqa: E402
from firmware.signer import Signer  # noqa: E402
from protocol.errors import Unauthentic  # noqa: E402


def answer(call):
    name = call[0]
    data = [bytes.fromhex(item) for item in call[1:]]
    if name == "public":
        return p256.public_key(data[0]).hex()
    if name == "sign":
        private, message = data
        signer = Signer(private, p256.public_key(private), lambda n: bytes(n), 1, b"")
        signer.prepare()
        return signer.sign(message).hex()
    if name == "verify":
        return "yes" if p256_point.verify(*data) else "no"
    if name == "seal":
        return AesCcm().seal(*data).hex()
    if name == "open":
        try:
            return AesCcm().open(*data).hex() or "empty"
        except Unauthentic:
            return "unauthentic"
    if name == "drbg":
        entropy, personalisation, extra, additional = data
        drbg = HmacDrbg(entropy, personalisation)
        first = drbg.generate(40)
        drbg.reseed(extra, additional)
        return (first + drbg.generate(70, additional)).hex()
    raise ValueError(name)


def main():
    with open(sys.argv[1]) as file:
        calls = json.load(file)
    for call in calls:
        print(answer(call))


main()
