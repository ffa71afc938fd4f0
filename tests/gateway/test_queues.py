"""Which frame goes next: held against a model with every order of commits, reads, alarms and refusals."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway.journal.records import Row
from gateway.queues import Backlog
from protocol.report import KIND_PANIC, KIND_POSITION

LIMIT = 6
KIDS = [b"a", b"b", b"c"]


class Relaying(RuleBasedStateMachine):
    """The journal is a list; a read is a snapshot that may come back after more was committed and offered.
    Another node stores rows for this one: it learns of them before what it stored itself later is offered."""

    def __init__(self):
        super().__init__()
        self.rows = []
        self.unoffered = []
        self.marked = set()
        self.acked = []
        self.flying = []
        self.published = []
        self.backlog = Backlog(LIMIT)
        self.held = set()
        self.handed = []
        self.stirred = False

    @initialize()
    def connect(self):
        self.backlog.restart(self.first(), [])

    def unrelayed(self, kid=None, after=0):
        return [
            r for r in self.rows if r.id not in self.marked and r.id > after and (kid is None or r.kid == kid)
        ]

    def first(self):
        return min((r.id for r in self.unrelayed()), default=None)

    @rule(kid=st.sampled_from(KIDS), panic=st.booleans(), number=st.integers(1, 4))
    def commit(self, kid, panic, number):
        for n in range(number):
            kind = KIND_PANIC if panic and n == number - 1 else KIND_POSITION
            row = Row(len(self.rows) + 1, kid, 1, len(self.rows), kind, None, 0, None, b"")
            self.rows.append(row)
            self.unoffered.append(row)

    @rule()
    def offer(self):
        for early in (True, False):
            rows = [row for row in self.unoffered if early == (row.id < min(self.handed, default=1 << 60))]
            if not early and rows:
                self.hear()
            self.backlog.offer([(row, {}) for row in rows])
        self.unoffered = []

    @rule(kid=st.sampled_from(KIDS), panic=st.booleans())
    def hand(self, kid, panic):
        """Another node stores a row for this one to relay."""
        kind = KIND_PANIC if panic else KIND_POSITION
        self.rows.append(Row(len(self.rows) + 1, kid, 1, len(self.rows), kind, None, 0, None, b""))
        self.handed.append(self.rows[-1].id)

    @rule()
    def hear(self):
        if self.handed:
            self.handed = []
            self.stirred = True
            self.backlog.stir()

    @rule(during=st.sampled_from(["nothing", "offer", "commit", "both"]), kid=st.sampled_from(KIDS))
    def reread(self, during, kid):
        if self.stirred:
            self.stirred = False
            first = self.first()
            if during != "nothing":
                self.hand(kid, False)
            self.meanwhile(during, kid, False)
            self.backlog.reread(first)
            if self.stirred:
                self.backlog.stir()

    @rule(
        during=st.sampled_from(["nothing", "offer", "commit", "both"]),
        kid=st.sampled_from(KIDS),
        alarm=st.booleans(),
    )
    def read(self, during, kid, alarm):
        """As Relay does it: express first, then a page; something may happen while the read is under way."""
        express = self.backlog.express
        if express is not None:
            mine, after = express
            self.backlog.reading(mine)
            rows = self.unrelayed(mine, after)[:LIMIT]
            self.meanwhile(during, kid, alarm)
            self.backlog.express_page(mine, [(r, None) for r in rows], len(rows) < LIMIT)
        elif self.backlog.wants_read and not self.backlog.ready:
            committed = self.backlog.committed
            rows = self.unrelayed(None, self.backlog.cursor)[:LIMIT]
            self.meanwhile(during, kid, alarm)
            self.backlog.page([(r, None) for r in rows], len(rows) < LIMIT, committed)

    def meanwhile(self, during, kid, alarm):
        if during in ("commit", "both"):
            self.commit(kid, alarm, 2)
        if during in ("offer", "both"):
            self.offer()

    @rule()
    def send(self):
        item = self.backlog.take()
        if item is not None:
            self.flying.append(item[0])
            self.published.append(item[0])

    @rule()
    def confirm(self):
        if self.flying:
            self.acked.append(self.flying.pop(0))

    @rule()
    def refuse(self):
        if self.flying:
            row = self.flying.pop(0)
            # What flies behind it to the same topic is refused as well.
            for other in [r for r in self.flying if r.kid == row.kid]:
                self.flying.remove(other)
                self.backlog.hold(other)
            self.backlog.hold(row)
            self.held.add(row.kid)
            self.published = [r for r in self.published if r.kid != row.kid or r.id < row.id]

    @rule(kid=st.sampled_from(KIDS))
    def release(self, kid):
        if kid in self.held:
            self.backlog.release(kid)
            self.held.discard(kid)

    @rule()
    def mark(self):
        self.marked |= {row.id for row in self.acked}
        self.backlog.forget([row.id for row in self.acked])
        self.acked = []

    @rule()
    def reconnect(self):
        for row in self.flying:
            self.published.remove(row)
        self.flying = []
        self.held = set()
        self.backlog.restart(self.first(), [row.id for row in self.acked])

    @invariant()
    def in_order_and_once_on_each_connection(self):
        for kid in KIDS:
            mine = [row.id for row in self.published if row.kid == kid]
            assert mine == sorted(set(mine))

    def teardown(self):
        """Left alone, everything is published; nothing is missed."""
        self.offer()
        self.hear()
        self.reread("nothing", b"a")
        for kid in KIDS:
            self.release(kid)
        for _ in range(10 * len(self.rows) + 20):
            self.read("nothing", b"a", False)
            self.send()
            self.confirm()
            self.mark()
        assert self.marked == {row.id for row in self.rows}, "a row was never published"
        assert not self.backlog.wants_read
        self.in_order_and_once_on_each_connection()


TestRelaying = Relaying.TestCase
TestRelaying.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


def row(number, kid=b"a", kind=KIND_POSITION):
    return Row(number, kid, 1, number, kind, None, 0, None, b"")


def test_an_alarm_while_behind_goes_before_the_other_terminals():
    backlog = Backlog(LIMIT)
    backlog.restart(1, [])
    backlog.page([(row(n, b"b" if n % 2 else b"a"), None) for n in range(1, 7)], False, 0)
    backlog.offer([(row(100, b"a", KIND_PANIC), {})])
    assert backlog.express == (b"a", 0)
    backlog.reading(b"a")
    backlog.express_page(b"a", [(row(n, b"a"), None) for n in (2, 4, 6, 8, 100)], True)
    assert [backlog.take()[0].id for _ in range(5)] == [2, 4, 6, 8, 100]
    assert backlog.take()[0].id == 1


def test_an_alarm_in_step_goes_to_the_front_behind_its_own_terminals_rows():
    backlog = Backlog(20)
    backlog.restart(None, [])
    backlog.page([], True, 0)
    backlog.offer([(row(n, b"b" if n % 2 else b"a"), {}) for n in range(1, 9)])
    backlog.offer([(row(9, b"a", KIND_PANIC), {}), (row(10, b"a"), {}), (row(11, b"c", KIND_PANIC), {})])
    taken = [backlog.take()[0].id for _ in range(11)]
    assert taken == [2, 4, 6, 8, 9, 11, 1, 3, 5, 7, 10]
    assert backlog.take() is None


def test_a_missed_row_is_found():
    backlog = Backlog(LIMIT)
    backlog.restart(None, [])
    backlog.page([], True, 0)
    backlog.offer([(row(5), {})])
    assert not backlog.missed(5)
    assert not backlog.missed(None)
    assert backlog.missed(3)
    assert backlog.wants_read


def test_after_a_commit_that_failed_nothing_overtakes_what_was_kept_all_the_same():
    backlog = Backlog(LIMIT)
    backlog.restart(None, [])
    backlog.page([], True, 0)
    backlog.offer([(row(1), {})])
    assert backlog.take()[0].id == 1
    backlog.doubt()
    backlog.offer([(row(3), {})])
    assert backlog.take() is None and backlog.wants_read
    backlog.page([(row(2), None), (row(3), None)], True, backlog.committed)
    assert [backlog.take()[0].id, backlog.take()[0].id] == [2, 3]
    assert not backlog.wants_read


def test_what_another_node_stored_is_not_overtaken():
    """Told of it while a page is being read, which ends before the row was stored."""
    backlog = Backlog(LIMIT)
    backlog.restart(None, [])
    backlog.page([], True, 0)
    backlog.offer([(row(1), {})])
    assert backlog.take()[0].id == 1
    backlog.doubt()
    committed = backlog.committed  # a read begins
    backlog.stir()  # 2 was stored for us; then we stored 3 ourselves
    backlog.page([], True, committed)  # it saw neither
    backlog.offer([(row(3), {})])
    assert backlog.take() is None
    backlog.reread(2)
    backlog.page([(row(2), None), (row(3), None)], True, backlog.committed)
    assert [backlog.take()[0].id for _ in range(2)] == [2, 3]
    backlog.offer([(row(4), {})])
    assert backlog.take()[0].id == 4
