"""What has to be done for an image to lie in a slot, from the digests of what lies on the board already."""

import dataclasses
import hashlib
import zlib

BLOCK = 4096  # what flash erases at once
_DIGEST = 8  # bytes of a block's SHA-256 that are compared; the whole image is compared by all of its own
_WINDOW = 12  # as many bits as a block has bytes: the board keeps no more while it inflates


@dataclasses.dataclass
class Plan:
    """Numbers of blocks: `keep` lie where they belong, `copy` {to: from} lie in the running slot, `send` have
    to come over the cable."""

    keep: list[int]
    copy: dict[int, int]
    send: list[int]


def blocks(image: bytes) -> list[bytes]:
    return [image[at : at + BLOCK] for at in range(0, len(image), BLOCK)]


def digest(block: bytes) -> bytes:
    """As the board gives it for a block; the last one of an image may be short, on flash it is filled up."""
    return hashlib.sha256(block.ljust(BLOCK, b"\xff")).digest()[:_DIGEST]


def plan(image: bytes, running: list[bytes], other: list[bytes]) -> Plan:
    """`running`, `other`: digests of the blocks of both slots, from their first. Only the running slot is
    copied from: nothing is written there meanwhile."""
    made = Plan([], {}, [])
    lie = {found: number for number, found in reversed(list(enumerate(running)))}
    for number, block in enumerate(blocks(image)):
        wanted = digest(block)
        if number < len(other) and other[number] == wanted:
            made.keep.append(number)
        elif wanted in lie:
            made.copy[number] = lie[wanted]
        else:
            made.send.append(number)
    return made


def packed(block: bytes) -> bytes | None:
    """Deflated, or None where that is no shorter."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -_WINDOW)
    short = deflate.compress(block) + deflate.flush()
    return short if len(short) < len(block) else None
