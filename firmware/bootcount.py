"""The boot counter: +1 at every start, on flash before the first frame is signed.

(kid, boot, seq) names a frame for ever, and the counter also goes into the nonces' generator: it must never
come twice.
"""

import errno
import os

from firmware import statefile
from protocol.compat import const

PATH = "/boot"
_SPARE = const(0x40000000)  # numbers from here on are for starts whose counter could not be read or kept
_MOST = const(0x7FFFFFFF)


def next_boot(entropy, path=PATH):
    """(this boot's number, trouble or None). `entropy(n)` gives n random bytes.

    A counter that is there and cannot be read, or cannot be kept, is replaced by a random one of 2^30: a name
    that comes twice would make the gateway take a new alarm for an old one.
    """
    trouble = None
    data = statefile.read(path)
    if data is not None and len(data) == 4:
        boot = int.from_bytes(data, "big") + 1
    elif _there(path):
        boot = _spare(entropy)
        trouble = path + " is damaged; counting goes on from a random number"
    else:
        boot = 1
    if boot > _MOST:
        boot = _spare(entropy)
    try:
        statefile.write(path, boot.to_bytes(4, "big"))
    except OSError as error:
        boot = _spare(entropy)
        trouble = "%s cannot be written (%r): the flash is full or worn out" % (path, error)
    return boot, trouble


def _spare(entropy):
    return _SPARE | (int.from_bytes(entropy(4), "big") & (_SPARE - 1))


def _there(path):
    try:
        os.stat(path)
    except OSError as error:
        # Only what is certainly absent lets the numbers begin at 1.
        return error.errno != errno.ENOENT
    return True
