"""Runs in the peers' environment: checks one frame with `cwt`, an independent COSE implementation.

    python verify_frame.py PUBLIC_KEY_HEX KID_HEX < frame

Prints the payload in hex and exits 0; exits 1 where cwt refuses.
"""

import sys

from cwt import COSE, COSEKey
from cwt.exceptions import CWTError


def main() -> int:
    public, kid, frame = bytes.fromhex(sys.argv[1]), bytes.fromhex(sys.argv[2]), sys.stdin.buffer.read()
    key = COSEKey.new({1: 2, 2: kid, 3: -7, -1: 1, -2: public[:32], -3: public[32:]})
    try:
        payload = COSE.new(verify_kid=True).decode(frame, key)
    except (CWTError, ValueError, TypeError, KeyError, IndexError) as error:
        print(f"refused: {error}", file=sys.stderr)
        return 1
    print(payload.hex())
    return 0


if __name__ == "__main__":
    sys.exit(main())
