"""The terminal's key pair on flash: `/identity`, made by `provision`, read when it is needed.

The private key stays in memory only with the signer; whoever else needs it reads it, uses it and lets it go.
"""

from protocol import cbor
from protocol.errors import ProtocolError

PATH = "/identity"

PRIVATE = 0
PUBLIC = 1


def read(path=PATH):
    """(private, public), or None without a whole pair. Whether they belong together, the signer checks."""
    try:
        with open(path, "rb") as file:
            pair = cbor.decode(file.read())
    except (OSError, ProtocolError):
        return None
    if not isinstance(pair, dict) or len(pair) != 2:
        return None
    private = pair.get(PRIVATE)
    public = pair.get(PUBLIC)
    if not isinstance(private, bytes) or not isinstance(public, bytes):
        return None
    return (private, public) if len(private) == 32 and len(public) == 64 else None
