"""Plays a target's seeds and its short round; prints what was understood of each. Runs on both Pythons.

micropython tests/fuzz/replay.py cbor_decode          one line each: number, CRC of what was understood
micropython tests/fuzz/replay.py cbor_decode --input HEX
"""

import sys
from binascii import crc32, hexlify, unhexlify


def inputs(name, target):
    """All inputs of a short round: the seeds, then as many mutants of them as the table says."""
    from tests.fuzz.mutate import Random, mutant
    from tests.fuzz.registry import seeds

    found = [data for _, data in seeds(name)]
    for data in found:
        yield data
    random = Random(crc32(name.encode()))
    for _ in range(target.runs):
        yield mutant(random, found, target.tokens, target.most)


def digest(understood):
    """Eight digits that both Pythons can be compared by."""
    return "refused" if understood is None else "%08x" % (crc32(understood) & 0xFFFFFFFF)


def main(argv):
    from tests.fuzz.registry import Target

    target = Target(argv[1])
    if len(argv) > 2:
        print(target(unhexlify(argv[3])))
        return
    number = 0
    for data in inputs(argv[1], target):
        try:
            said = digest(target(data))
        except Exception as error:
            said = "%s %s on %s" % (type(error).__name__, error, hexlify(data).decode())
        print("PATROLA-FUZZ %d %s" % (number, said))
        number += 1


if __name__ == "__main__":
    sys.path[:] = (
        ["."] + [p for p in sys.path if p == ".frozen"]
        if sys.implementation.name == "micropython"
        else ["."] + sys.path
    )
    main(sys.argv)
