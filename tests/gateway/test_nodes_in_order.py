"""Two nodes that share a journal: whatever happens to them, in whatever order, each frame comes to the
broker for the first time after the terminal's earlier ones, and none is missing.

The rules of the leases (`journal/nodes.py`), of what waits (`waiting.py`) and of which goes next
(`queues.py`) are the real ones, on a real SQLite database; who does what when is drawn. A read of the journal
may take as long as it likes: others act before its snapshot and after it. A node may stop for longer than its
lease and go on as if nothing had been, lose the broker, or die.
"""

import sqlite3
from collections import deque
from types import SimpleNamespace

from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.announcements import Announcements
from gateway.journal.nodes import LEASE_MS
from gateway.journal.records import NewFrame
from gateway.journal.schema import migrate
from gateway.journal.tables import SqliteTransaction
from gateway.queues import Backlog
from gateway.waiting import Waiting
from protocol import report

CARS = (b"car-0001", b"car-0002")
STORE, SETTLE, WORK, MARK, RENEW, LAPSE, KILL, AWAY = range(8)


class _Pause:
    def __await__(self):
        yield


class Shared:
    """The journal's file, its clock, the broker."""

    def __init__(self):
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        migrate(self.connection)
        self.now_ms = 1_000_000
        self.seq = dict.fromkeys(CARS, 0)
        self.stored = {kid: [] for kid in CARS}
        self.arrived = {kid: [] for kid in CARS}

    def transaction(self, node):
        tx = SqliteTransaction(self.connection, node)
        tx._now_ms = lambda: self.now_ms
        return tx

    def write(self, node, work):
        self.connection.execute("BEGIN IMMEDIATE")
        tx = self.transaction(node)
        out = work(tx)
        self.connection.execute("COMMIT")
        return out, tx


class Node:
    """What `App`, `Nodes` and `Relay` do with these, a step at a time."""

    def __init__(self, shared, name):
        self.shared, self.name, self.token = shared, name, 0
        self.start()

    def start(self):
        self.token += 1
        self.node, _ = self.shared.write(0, lambda tx: tx.join(self.name, self.token))
        self.up = True
        self.until_ms = 0
        self.handed = 0
        self.offers = deque()
        self.backlog = Backlog(3)
        self.announcements = Announcements(self, "p")
        replays = SimpleNamespace(wants_read=False, restart=lambda: None, read=_nothing)
        self.waiting = Waiting(self, self.backlog, self.announcements, replays)
        self.connect()

    def connect(self):
        self.reading = None
        self.sent = []
        first = self.shared.transaction(self.node).first_unrelayed()
        self.waiting.restart(first, [])

    async def read(self, work):
        await _Pause()
        found = work(self.shared.transaction(self.node))
        await _Pause()
        return found

    def called(self, handed):
        if handed > self.handed:
            self.handed = handed
            self.waiting.stir()

    def store(self, kid, panic):
        seq = self.shared.seq[kid]
        self.shared.seq[kid] += 1
        kind = report.KIND_PANIC if panic else report.KIND_POSITION
        new = NewFrame(1, seq, kind, (7, 1) if panic else None, b"f%d" % seq)
        ((number, _),), tx = self.shared.write(self.node, lambda tx: tx.insert_frames([(kid, new)], 1))
        self.shared.stored[kid].append(number)
        row = next(row for row in tx.frames(number - 1, 1))
        self.offers.append(([] if number in tx.handed else [(row, {})], tx.called))

    def settle(self):
        if self.offers:
            rows, called = self.offers.popleft()
            self.called(called)
            self.backlog.offer(rows)

    def work(self):
        if self.reading is not None:
            try:
                self.reading.send(None)
                return
            except StopIteration:
                self.reading = None
        if not self.up or self.shared.now_ms >= self.until_ms:
            return
        for _ in range(2):
            item = self.backlog.take()
            if item is not None:
                self.sent.append(item[0].id)
                self.shared.arrived[item[0].kid].append(item[0].id)
        if self.waiting.wants_read:
            self.reading = self.waiting.read()

    def mark(self):
        if self.reading is None and self.sent:
            ids, self.sent = self.sent, []
            self.shared.write(self.node, lambda tx: tx.mark_relayed(ids, 2))
            self.backlog.forget(ids)

    def renew(self):
        standing, _ = self.shared.write(self.node, lambda tx: tx.renew(self.token, self.up))
        if self.up:
            self.until_ms = self.shared.now_ms + LEASE_MS
        if standing.lapsed or standing.took:
            self.waiting.lapsed()
        self.called(standing.handed)

    def away(self):
        self.up = not self.up
        if self.up:
            self.connect()
        elif self.reading is not None:
            self.reading.close()
            self.reading = None

    def kill(self):
        if self.reading is not None:
            self.reading.close()
        self.start()


async def _nothing():
    pass


def quiet(shared, nodes):
    """Nobody dies any more; until all is at the broker."""
    for node in nodes:
        if not node.up:
            node.away()
    for turn in range(400):
        for node in nodes:
            if turn % 10 == 0:
                node.renew()
            node.settle()
            node.work()
            node.mark()
        left = shared.connection.execute("SELECT count(*) FROM frames WHERE relayed_ms IS NULL").fetchone()[0]
        if not left and turn > 20:
            return
        if turn % 100 == 99:
            shared.now_ms += 6000
    raise AssertionError("frames that nobody brings to the broker")


def play(steps):
    shared = Shared()
    nodes = [Node(shared, name) for name in "xy"]
    for node in nodes:
        node.renew()
    for what, who, which in steps:
        node = nodes[who]
        if what == STORE:
            node.store(CARS[which % 2], which > 5)
        elif what == LAPSE:
            shared.now_ms += 6000
        else:
            (node.settle, node.work, node.mark, node.renew, None, node.kill, node.away)[what - 1]()
    quiet(shared, nodes)
    for kid in CARS:
        first = list(dict.fromkeys(shared.arrived[kid]))
        assert first == shared.stored[kid], (first, shared.stored[kid])
    shared.connection.close()


STEP = st.tuples(
    st.sampled_from((STORE, STORE, STORE, SETTLE, SETTLE, WORK, WORK, WORK, MARK, RENEW, LAPSE, KILL, AWAY)),
    st.integers(0, 1),
    st.integers(0, 6),
)


# A node whose lease had run out, and whose rows another was to have, sent what it had stored last.
_OVERTAKEN = [(STORE, 1, 6), *[(WORK, 1, 0)] * 3, (LAPSE, 0, 0), *[(STORE, 1, 0)] * 3, *[(WORK, 1, 0)] * 2]

# The first sends what it stores at once, and waits for nothing.
_IN_STEP = [(STORE, 0, 0), (SETTLE, 0, 0), *[(WORK, 0, 0)] * 8]
# The second stores a row for it, and then it stores one itself.
_HANDED = [*_IN_STEP, (STORE, 1, 0), (STORE, 0, 0), (SETTLE, 0, 0)]
# While it looks for that row, it takes over an older one, and stores a newer one of the same car.
_TOOK_OVER = [(STORE, 1, 1), *_HANDED, *[(WORK, 0, 0)] * 3, (LAPSE, 0, 0), (RENEW, 0, 0), (WORK, 0, 0)]


@settings(max_examples=300, deadline=None)
@example([*_OVERTAKEN, (STORE, 1, 0)])
@example([*_HANDED, (WORK, 0, 0)])
@example([*_TOOK_OVER, (STORE, 0, 1), (SETTLE, 0, 0), (WORK, 0, 0)])
@given(st.lists(STEP, max_size=60))
def test_first_arrivals_are_in_order_whatever_happens(steps):
    play(steps)
