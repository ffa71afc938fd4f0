"""Which frame is the newest of its terminal and kind, of those that went to the broker."""

from gateway.journal.records import Row


class Newest:
    """A retained position must not be replaced by an older one that arrives late."""

    def __init__(self) -> None:
        self._known: dict[tuple[bytes, int], tuple[int, int]] = {}

    def note(self, row: Row) -> bool:
        """Whether it is."""
        key, order = (row.kid, row.kind), (row.boot, row.seq)
        if order < self._known.get(key, (-1, -1)):
            return False
        self._known[key] = order
        return True
