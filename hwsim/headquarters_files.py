"""What an administrator puts into a gateway's folder before its first start: settings, and its key."""

import os
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from hwsim.desk import own_key

SETTINGS = "gateway.toml"
_MEMORY = "/dev/shm"  # noqa: S108
_CONFIG = """\
[gateway]
id = "bench"

[journal]
path = "patrola.sqlite"

[broker]
retry_first_ms = 200
retry_cap_ms = 2000
keepalive_s = 180

[panic]
republish_s = {republish_s}
"""


def make(directory, republish_s):
    """A TemporaryDirectory with both: in memory where there is such a place, else in `directory`. What a
    crash leaves of it is for hwsim/disk.py to say."""
    memory = _MEMORY if os.access(_MEMORY, os.W_OK) else directory
    folder = tempfile.TemporaryDirectory(prefix="patrola-", dir=memory)
    Path(folder.name, SETTINGS).write_text(_CONFIG.format(republish_s=republish_s), "utf-8")
    pem = own_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    Path(folder.name, "gateway.key").write_bytes(pem)
    return folder
