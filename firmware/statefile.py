"""Small files that must be whole or absent: a digest in front, a new name, then a rename.

littlefs renames atomically, so a power cut leaves the old file or the new one. The digest is for what a
rename cannot promise: a worn block, a file written by hand.
"""

import hashlib
import os

from protocol.compat import const

_DIGEST = const(8)


def write(path, data):
    """Put `data` at `path` with its digest, durable when this returns. Raises OSError."""
    replace(path, hashlib.sha256(data).digest()[:_DIGEST] + data)


def replace(path, data):
    """Put the plain `data` at `path`: the old file or the new one, whole. Raises OSError."""
    new = path + ".new"
    file = open(new, "wb")
    try:
        file.write(data)
        file.flush()
    finally:
        file.close()
    # Nothing is ever removed to make way: if this fails, the old file is what is left.
    os.rename(new, path)


def read(path):
    """The data, or None when there is no such file or its digest does not fit."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return None
    if hashlib.sha256(data[_DIGEST:]).digest()[:_DIGEST] != data[:_DIGEST]:
        return None
    return data[_DIGEST:]


def remove(path):
    """True when there was one."""
    try:
        os.remove(path)
    except OSError:
        return False
    return True
