"""Runs in the peers' environment: checks one frame with `cwt`, an independent COSE implementation.

    python verify_frame.py PUBLIC_KEY_HEX KID_HEX < frame

Prints JSON: {"payload": hex or null, "bits": how many, "accepted": [bits it took though flipped]}.
"""

import json
import sys

from cwt import COSE, COSEKey


def accepts(cose, key, frame):
    """The payload, or None where cwt refuses; it has no common base for its errors."""
    try:
        return cose.decode(frame, key)
    except Exception:
        return None


def main() -> int:
    public, kid, frame = bytes.fromhex(sys.argv[1]), bytes.fromhex(sys.argv[2]), sys.stdin.buffer.read()
    key = COSEKey.new({1: 2, 2: kid, 3: -7, -1: 1, -2: public[:32], -3: public[32:]})
    cose = COSE.new(verify_kid=True)
    payload = accepts(cose, key, frame)
    accepted = []
    for bit in range(8 * len(frame)):
        flipped = bytearray(frame)
        flipped[bit >> 3] ^= 1 << (bit & 7)
        if accepts(cose, key, bytes(flipped)) is not None:
            accepted.append(bit)
    print(
        json.dumps(
            {"payload": payload.hex() if payload else None, "bits": 8 * len(frame), "accepted": accepted}
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
