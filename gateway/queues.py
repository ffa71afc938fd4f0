"""Which frame goes to the broker next. Plain data: rows in, rows out, nothing awaited.

In step, rows come straight from the commits; an alarm goes to the front of those that wait, behind the older
rows of its own terminal. Behind (the broker was away, or is slower than the terminals), rows are read from
the journal in pages, from a cursor. A terminal with a fresh alarm is then set aside: all of its rows are read
first, in order, before any other terminal's.
"""

from collections import deque
from typing import Any

from gateway.journal.records import Row
from protocol.report import KIND_PANIC

Item = tuple[Row, dict[int, Any] | None]


class _Aside:
    """`after`: last row read of this terminal. `more`: there may be others."""

    __slots__ = ("after", "more")

    def __init__(self) -> None:
        self.after = 0
        self.more = True


class Backlog:
    """Ids grow in the order of commits, and `offer` is called in that order.

    `cursor`: every row up to it is taken, relayed, set aside or held. `committed`: the newest that was
    offered; pass its value from before a read to `page`."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._queue: deque[Item] = deque()
        self._first: deque[Item] = deque()
        self._taken: set[int] = set()
        self._aside: dict[bytes, _Aside] = {}
        self._held: set[bytes] = set()
        self._behind = True
        self._stirred = False
        self.committed = 0
        self.cursor = 0

    def restart(self, first_unrelayed: int | None, confirmed: list[int]) -> None:
        """A new connection: what is not marked is to be sent (again), but for what was `confirmed`
        already."""
        self._queue.clear()
        self._first.clear()
        self._taken = set(confirmed)
        self._aside.clear()
        self._held.clear()
        self._behind = True
        self.cursor = 0 if first_unrelayed is None else first_unrelayed - 1

    @property
    def ready(self) -> bool:
        return bool(self._queue or self._first)

    @property
    def wants_read(self) -> bool:
        """More may be in the journal."""
        return self._behind or bool(self._aside)

    @property
    def express(self) -> tuple[bytes, int] | None:
        """(terminal, after): rows of it with a greater id are to be read before anything else, once what was
        read is nearly gone: there may be a month of them."""
        if len(self._first) >= self._limit:
            return None
        for kid, aside in self._aside.items():
            return kid, aside.after
        return None

    def offer(self, items: list[tuple[Row, dict[int, Any]]]) -> None:
        """Committed just now, ascending."""
        if not items:
            return
        self.committed = max(self.committed, items[-1][0].id)
        if not self._behind and len(self._queue) + len(items) <= self._limit:
            for row, fields in items:
                if row.id > self.cursor:
                    self.cursor = row.id
                    self._push(row, fields)
            return
        self._behind = True
        for row, _ in items:
            if row.kid in self._aside:
                self._aside[row.kid].more = True
            elif row.kind == KIND_PANIC:
                self.set_aside(row.kid)

    def doubt(self) -> None:
        """There may be rows after the cursor that nobody offered: read on from there."""
        self._behind = True

    def stir(self) -> None:
        """Somebody else stored rows that are to go before what is offered from now on: nothing goes straight
        through before `reread`."""
        self._stirred = self._behind = True

    def drop(self) -> None:
        """What was not sent yet is to be read once more."""
        for queue in (self._queue, self._first):
            self._taken.difference_update(row.id for row, _ in queue)
            queue.clear()
        self._aside.clear()
        self._held.clear()
        self._behind = True

    def page(self, items: list[Item], last: bool, committed: int) -> None:
        """The unrelayed rows after the cursor; `last`: there were no more. `committed` as it was before the
        read."""
        for row, fields in items:
            self.cursor = max(self.cursor, row.id)
            self._push(row, fields)
        if last:
            # What was offered before the read began was visible to it.
            self.cursor = max(self.cursor, committed)
            self._behind = self._stirred or self.committed > self.cursor

    def express_page(self, kid: bytes, items: list[Item], last: bool) -> None:
        """The next unrelayed rows of a terminal that was set aside. Set `more` aside before the read with
        `reading`."""
        aside = self._aside.get(kid)
        if aside is None:
            return  # held meanwhile
        for row, fields in items:
            aside.after = max(aside.after, row.id)
            if row.id not in self._taken:
                self._taken.add(row.id)
                self._first.append((row, fields))
        if last and not aside.more:
            del self._aside[kid]

    def reading(self, kid: bytes) -> None:
        """A read of this terminal begins: what is offered from now on may not be in it."""
        self._aside[kid].more = False

    def take(self) -> Item | None:
        """The next to send."""
        if self._first:
            return self._first.popleft()
        return self._queue.popleft() if self._queue else None

    def hold(self, row: Row) -> None:
        """This row could not be sent: none of its terminal's until `release`, which reads them all again."""
        self._held.add(row.kid)
        self._aside.pop(row.kid, None)
        self._taken.discard(row.id)
        for name in ("_queue", "_first"):
            queue: deque[Item] = getattr(self, name)
            if any(item[0].kid == row.kid for item in queue):
                self._taken.difference_update(item[0].id for item in queue if item[0].kid == row.kid)
                setattr(self, name, deque(item for item in queue if item[0].kid != row.kid))

    def release(self, kid: bytes) -> None:
        """Try this terminal again, from its oldest."""
        if kid in self._held:
            self._held.discard(kid)
            self.set_aside(kid)

    def forget(self, ids: list[int]) -> None:
        """These are marked in the journal; no later read will bring them."""
        self._taken.difference_update(ids)

    def missed(self, first_unrelayed: int | None) -> bool:
        """A row that is nobody's: it should have been taken. Reads again from there."""
        if first_unrelayed is None or first_unrelayed > self.cursor or first_unrelayed in self._taken:
            return False
        if self._aside or self._held:
            return False
        self.cursor = first_unrelayed - 1
        self._behind = True
        return True

    def reread(self, first_unrelayed: int | None) -> None:
        """There may be rows before the cursor that nobody offered. What was taken is not taken again."""
        if first_unrelayed is not None and first_unrelayed <= self.cursor:
            self.cursor = first_unrelayed - 1
        self._behind = True
        self._stirred = False

    def set_aside(self, kid: bytes) -> None:
        """Serve this terminal before the others. Rows of it that wait in the queue go first, and stay in
        order."""
        if kid in self._held:
            return
        if kid in self._aside:
            self._aside[kid].more = True
            return
        self._to_the_front(kid)
        self._aside[kid] = _Aside()

    def _push(self, row: Row, fields: dict[int, Any] | None) -> None:
        if row.kid in self._aside:
            self._aside[row.kid].more = True
        elif row.id not in self._taken and row.kid not in self._held:
            self._taken.add(row.id)
            if row.kind == KIND_PANIC:
                self._to_the_front(row.kid)
                self._first.append((row, fields))
            else:
                self._queue.append((row, fields))

    def _to_the_front(self, kid: bytes) -> None:
        """Its rows in the queue go before everybody else's, and stay in order."""
        mine = [item for item in self._queue if item[0].kid == kid]
        if mine:
            self._queue = deque(item for item in self._queue if item[0].kid != kid)
            self._first.extend(mine)
