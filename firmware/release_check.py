"""Is a manifest the one of a release for this terminal? Loaded while one is looked at."""

import hashlib

from firmware.config import load
from firmware.p256_point import verify
from protocol import suit, update
from protocol.errors import Malformed


def verified(data, board, version, room):
    """What the manifest `data` says, a suit.Release: signed by the release key, for this `board`, of that
    `version`, and no larger than `room`. Raises Unauthentic, or Malformed with the reason."""
    key = bytes.fromhex(load()[0]["release_key"])
    if not key:
        raise Malformed("this terminal has no release key: provision it with one")

    def check(to_be_signed, signature):
        return verify(key, hashlib.sha256(to_be_signed).digest(), signature)

    said = suit.Envelope(data).verify(lambda text: hashlib.sha256(text).digest(), check)
    if said.vendor != board["vendor"] or said.board_class != board["class"]:
        raise Malformed("for another board")
    if said.version != version:
        raise Malformed("its manifest is of version %s" % update.version_text(said.version))
    if said.uri != "/u/" + update.image_name(board["name"], said.version):
        raise Malformed("its image is at %s" % said.uri)
    if said.size > room:
        raise Malformed("%d bytes, there is room for %d" % (said.size, room))
    return said
