"""What of an update has to survive a reset: one small file, replaced whole."""

from firmware import statefile
from protocol import cbor
from protocol.errors import ProtocolError

FILE = "/update"


class Row:
    """`state`: see protocol/update.py. `size`, `digest`: of the image, by its manifest; the first `offset`
    bytes of it are on flash. `reason`: why. `status`: the officer's, kept over the restart."""

    def __init__(self, state, version, size=0, digest=b"", offset=0, reason="", status=None):
        self.state = state  # the first in the file: start.py looks there
        self.version = version
        self.size = size
        self.digest = digest
        self.offset = offset
        self.reason = reason
        self.status = status

    def keep(self):
        """Raises OSError."""
        fields = [self.state, self.version, self.size, self.digest, self.offset, self.reason, self.status]
        statefile.write(FILE, cbor.encode(fields))


def kept():
    """The Row of the file, or None."""
    data = statefile.read(FILE)
    if data is None:
        return None
    try:
        fields = cbor.decode(data)
        row = Row(*fields)
    except (ProtocolError, TypeError):
        return None
    # Whole by its digest, and perhaps another version's.
    for number in (row.state, row.version, row.size, row.offset):
        if type(number) is not int:
            return None
    return row


def drop():
    statefile.remove(FILE)
