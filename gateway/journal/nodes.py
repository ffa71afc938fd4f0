"""Processes that share a journal, in SQL; see `statements`.

A frame is relayed by the node that stored it; but while another living node has frames of that terminal to
relay, by that one, so that they go out in order. A node lives as long as it renews its lease, which it does
while it is connected to the broker. What a node that doesn't live has to relay, another takes over.
"""

from collections.abc import Iterable

from gateway.journal.records import Standing
from gateway.journal.statements import Statements

LEASE_MS = 5000
_FORGET_MS = 86_400_000


class Nodes(Statements):
    """`node` is this one; 0 and None: nobody shares the work."""

    _living: list[int] | None = None

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
        known = self._run(
            "UPDATE nodes SET until_ms = CASE WHEN ? > 0 THEN ? ELSE until_ms END WHERE id = ? AND token = ?",
            (int(relays), now_ms + LEASE_MS, self.node, token),
        ).rowcount
        took = 0
        if known and relays:
            dead = "node <> ? AND node NOT IN (SELECT id FROM nodes WHERE until_ms > ?)"
            for table in ("frames WHERE relayed_ms IS NULL AND", "notices WHERE"):
                if self._run(f"SELECT 1 FROM {table} {dead} LIMIT 1", (self.node, now_ms)).fetchone():  # noqa: S608
                    took += self._run(
                        f"UPDATE {table.replace(' WHERE', ' SET node = ? WHERE')} {dead}",  # noqa: S608
                        (self.node, self.node, now_ms),
                    ).rowcount
            self._run("DELETE FROM nodes WHERE until_ms < ? AND until_ms > 0", (now_ms - _FORGET_MS,))
        return self.standing()._replace(took=took > 0, known=known > 0)

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
        self._run("UPDATE nodes SET until_ms = 0 WHERE id = ?", (self.node,))

    def shared_before(self) -> bool:
        return self._run("SELECT 1 FROM nodes LIMIT 1").fetchone() is not None

    def adopt(self) -> None:
        self._run("DELETE FROM nodes")
        for table in ("frames WHERE relayed_ms IS NULL AND", "notices WHERE"):
            self._run(f"UPDATE {table.replace(' WHERE', ' SET node = 0 WHERE')} node <> 0")  # noqa: S608

    def know(self, nodes: list[tuple[int, int, bool]]) -> None:
        """Each node, how many frames were stored for it, and whether it lives."""
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
        others = [node for node in living if node != self.node]
        if not others:
            return {}
        wanted = list(kids)
        # We have lost the broker and others have not.
        out = {} if self.node in living else dict.fromkeys(wanted, others[0])
        for start in range(0, len(wanted), 64):
            page = wanted[start : start + 64]
            places = ", ".join("?" * len(page))
            for kid, node in self._run(
                f"SELECT kid, node FROM frames WHERE relayed_ms IS NULL AND kid IN ({places}) "  # noqa: S608
                "GROUP BY kid, node",
                page,
            ):
                if node in others:
                    out[kid] = node
                elif node == self.node and self.node in living:
                    out.pop(kid, None)
        return out

    def _hand(self, node: int) -> None:
        self._run("UPDATE nodes SET handed = handed + 1 WHERE id = ?", (node,))
