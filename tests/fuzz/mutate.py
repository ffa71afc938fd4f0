"""Inputs without a fuzzer: seeds changed at random, the same ones on both Pythons for the same number.

The short round, the comparison of the two Pythons and the `hypothesis` engine use it; `atheris` has its own.
"""

# Where readers change their mind: lengths of heads, signs, ends of ranges, NMEA's and AT's own letters.
BYTES = (
    b"\x00\x01\x17\x18\x19\x1a\x1b\x1f\x20\x3f\x40\x7f\x80\x9f\xa0\xbf\xc2\xd8\xe0\xf4\xf8\xfa\xff$*,.-\r\n0"
)
KINDS = 8


class Random:
    """Xorshift: 16 bits a time, small enough to be exact in both Pythons."""

    def __init__(self, seed):
        self._state = (seed * 2654435761 + 0x9E3779B9) & 0xFFFFFFFF or 1

    def below(self, n):
        x = self._state
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
        self._state = x
        return (x >> 8) % n


def edit(data, kind, place, value, piece):
    """One change: `place` and `value` are any numbers, `piece` bytes from a token or another seed."""
    n = len(data)
    at = place % (n + 1)
    if kind == 0:
        return data[:at] + piece + data[at:]
    if kind == 1:
        return data[:at] + piece + data[at + len(piece) :]
    if kind == 2:
        return data[:at] + bytes((BYTES[value % len(BYTES)],)) + data[at + 1 :]
    if kind == 3:
        return data[:at] + bytes((value & 255,)) + data[at:]
    if kind == 4:
        return data[:at] + data[at + 1 + value % 16 :]
    if kind == 5:
        span = data[at : at + 1 + value % 24]
        return data[:at] + span + data[at:]
    if kind == 6 and n:
        at = place % n
        return data[:at] + bytes((data[at] ^ 1 << (value & 7),)) + data[at + 1 :]
    return data[:at]


def mutant(random, seeds, tokens, most):
    """One of the seeds (or nothing), changed one to four times, at most `most` bytes."""
    data = seeds[random.below(len(seeds))] if seeds and random.below(16) else b""
    for _ in range(1 + random.below(4)):
        if tokens and random.below(2):
            piece = tokens[random.below(len(tokens))]
        elif seeds:
            other = seeds[random.below(len(seeds))]
            start = random.below(len(other) + 1)
            piece = other[start : start + random.below(32)]
        else:
            piece = bytes((random.below(256),)) * (1 + random.below(4))
        data = edit(data, random.below(KINDS), random.below(65536), random.below(65536), piece)
    return data[:most]
