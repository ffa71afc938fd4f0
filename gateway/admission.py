"""Who is taken while more comes than can be done, and who is told so. Plain rules; nothing is read here.

Places are requests on their way to the disk. Half of them are for what is urgent alone, so bulk never keeps
an alarm out. A terminal that has more under way than a sound one ever would gets no more of the room that
others need. A 5.03 costs as much as a few datagrams thrown away: each terminal is told once in a while, and
all together no more often than so many times a second. Who hears nothing sends the same bytes again, as it
would had they been lost on the air.
"""

from gateway.floodgate import Bucket

# Requests of one terminal under way at once; a sound one has less than twenty.
MAX_BUSY = 32
# With so many, its bulk waits while there is little room: a sound one has one request of bulk at a time.
BULK_SHARE = 2
# Answers without OSCORE in a second, to all: told to wait, unknown, forged.
ANSWERS = 1000
# And to one terminal not again within this time.
AGAIN_MS = 1000.0


class Admission:
    """`limit`: places. `now_ms` is always of one clock that never steps back."""

    def __init__(self, limit: int, now_ms: float) -> None:
        self.limit = limit
        self.bulk_limit = -(-limit // 2)
        self._tight = -(-self.bulk_limit // 2)
        self._answers = Bucket(ANSWERS, ANSWERS, now_ms)
        self.silent = 0  # who was not told

    def crowded(self, waiting: int, busy: int) -> bool:
        """Bulk of a terminal with `busy` under way is not taken; it need not be read further."""
        return waiting >= self.bulk_limit or (busy >= BULK_SHARE and waiting >= self._tight)

    def pressed(self, waiting: int) -> bool:
        """There is little room for bulk, or none."""
        return waiting >= self._tight

    def takes(self, urgent: bool, waiting: int, busy: int) -> bool:
        """A request of a terminal with `busy` under way, while `waiting` are, of all."""
        if busy >= MAX_BUSY:
            return False
        return waiting < self.limit if urgent else not self.crowded(waiting, busy)

    def tells(self, told_ms: float, now_ms: float) -> bool:
        """It is told to wait, having last been told so at `told_ms`."""
        if now_ms - told_ms < AGAIN_MS:
            self.silent += 1
            return False
        return self.answers(now_ms)

    def answers(self, now_ms: float) -> bool:
        """One more answer without OSCORE may go out."""
        if self._answers.take(now_ms):
            return True
        self.silent += 1
        return False
