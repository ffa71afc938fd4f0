"""Processes that share a journal, in SQL; see `statements`.

A frame is relayed by the node that stored it; but while another living node has frames of that terminal to
relay, by that one, so that they go out in order. A node lives as long as it renews its lease, which it does
while it is connected to the broker. What a node that doesn't live has to relay, another takes over.
"""

from collections.abc import Iterable, Sequence

from gateway.journal.records import Standing
from gateway.journal.statements import Statements

LEASE_MS = 5000


class Nodes(Statements):
    """`node` is this one; 0 and None: nobody shares the work. `until_ms` of a node is 0 when it does not live
    and what it left was taken over."""

    _living: list[int] | None = None
    _others: Sequence[int] = ()

    def join(self, name: str, token: int) -> int:
        """The number of the node of this name; it is the same after each start. `token` tells this start from
        any other."""
        row = self._run(
            "INSERT INTO nodes (name, token, until_ms) VALUES (?, ?, 0) "
            "ON CONFLICT (name) DO UPDATE SET token = excluded.token RETURNING id",
            (name, token),
        ).fetchone()
        return int(row[0])

    def renew(self, token: int, relays: bool) -> Standing:
        """Say that this node lives, if it `relays`, and take over what the dead have left."""
        now_ms = self._now_ms()
        mine = "id = ? AND token = ?"
        row = self._run(f"SELECT until_ms FROM nodes WHERE {mine}", (self.node, token)).fetchone()  # noqa: S608
        took = lapsed = False
        if row is not None and relays:
            self._run("UPDATE nodes SET until_ms = ? WHERE id = ?", (now_ms + LEASE_MS, self.node))
            lapsed = row[0] <= now_ms
            others = self._run(
                "SELECT count(*) FROM nodes WHERE until_ms > 0 AND until_ms <= ?", (now_ms,)
            ).fetchone()[0]
            # Who was away himself does not know who else was.
            took = self._take("notices WHERE", now_ms)
            if others or lapsed:
                took = self._take("frames WHERE relayed_ms IS NULL AND", now_ms) or took
                self._run("UPDATE nodes SET until_ms = 0 WHERE until_ms <= ?", (now_ms,))
            if took:
                # As if the dead had handed them over: nothing that we store from now on goes before them.
                self._hand(self.node or 0)
                self._living = None
        return self.standing()._replace(took=took, known=row is not None, lapsed=lapsed)

    def _take(self, table: str, now_ms: int) -> bool:
        dead = "node <> ? AND node NOT IN (SELECT id FROM nodes WHERE until_ms > ?)"
        done = self._run(
            f"UPDATE {table.replace(' WHERE', ' SET node = ? WHERE')} {dead}",  # noqa: S608
            (self.node, self.node, now_ms),
        )
        return done.rowcount > 0

    def standing(self) -> Standing:
        """How this node stands; changes nothing."""
        row = self._run(
            "SELECT coalesce((SELECT handed FROM nodes WHERE id = ?), 0), "
            "coalesce((SELECT min(id) FROM nodes WHERE until_ms > ?), 0)",
            (self.node, self._now_ms()),
        ).fetchone()
        return Standing(row[1] == self.node, row[0])

    def leave(self) -> None:
        """This node ends in good order: others need not wait to take over."""
        self._run("UPDATE nodes SET until_ms = 1 WHERE id = ?", (self.node,))

    def shared_before(self) -> bool:
        return self._run("SELECT 1 FROM nodes LIMIT 1").fetchone() is not None

    def adopt(self) -> None:
        self._run("DELETE FROM nodes")
        for table in ("frames WHERE relayed_ms IS NULL AND", "notices WHERE"):
            self._run(f"UPDATE {table.replace(' WHERE', ' SET node = 0 WHERE')} node <> 0")  # noqa: S608

    def know(self, nodes: list[tuple[int, int, bool]]) -> None:
        """Each node, how many frames were stored for it, and whether it lives."""
        self._others = [node for node, _, _ in nodes if node != self.node]
        self._living = [node for node, _, lives in nodes if lives]
        self.called = next((handed for node, handed, _ in nodes if node == self.node), 0)

    def _relays(self, kids: Iterable[bytes]) -> dict[bytes, int]:
        """The terminals whose next frames another node is to relay, and which."""
        if not self.node:
            return {}
        if self._living is None:
            query = "SELECT id, handed, until_ms > ? FROM nodes ORDER BY id"
            self.know(self._run(query, (self._now_ms(),)).fetchall())
        living = self._living or []
        if self.node in living and not self._others:
            return {}
        wanted = list(kids)
        waiting: dict[bytes, int] = {}
        for start in range(0, len(wanted), 64):
            page = wanted[start : start + 64]
            places = ", ".join("?" * len(page))
            rows = self._run(
                f"SELECT kid, node FROM frames WHERE relayed_ms IS NULL AND kid IN ({places}) "  # noqa: S608
                "GROUP BY kid, node",
                page,
            )
            for kid, node in rows:
                # Dead or alive: what waits there goes before, whoever will take it over.
                if node != self.node or kid not in waiting:
                    waiting[kid] = node
        # We have lost the broker and others have not.
        free = self.node if self.node in living or not living else living[0]
        relays = {kid: waiting.get(kid, free) for kid in wanted}
        return {kid: node for kid, node in relays.items() if node != self.node}

    def _hand(self, node: int) -> None:
        self._run("UPDATE nodes SET handed = handed + 1 WHERE id = ?", (node,))
