"""What stands in the gateway's store, read with sqlite3 beside it, whether it runs or not; and what its log
has said.
"""

import json
import sqlite3
from contextlib import closing

_STAGES = ("stored", "accepted", "acknowledged", "shown", "cleared")


class Books:
    """`loop` is what the gateway runs on just now. `contexts` holds the keys of every link that was seen:
    {OSCORE id: (gateway's id, secret, salt)}."""

    def __init__(self, kernel, path):
        self.kernel = kernel
        self.path = path
        self.loop = None
        self.contexts = {}
        self._stored = {}  # kid -> names

    def heard(self, loop, line):
        """One line of its log."""
        if self.loop is loop:
            try:
                # Where the store lies differs from run to run.
                fields = json.loads(line.replace(f"{self.path.parent}/", ""))
            except ValueError as error:  # which to the gateway says that its log is closed
                raise RuntimeError(f"the gateway's log has a line that is no JSON: {line!r}") from error
            for name in ("time", "mono_ms"):
                fields.pop(name)
            self._tell(fields.pop("event"), fields)

    def _tell(self, event, details):
        self.kernel.emit("gateway", event, at_ms=self.kernel.now_us / 1000, details=details)
        if event == "frame.stored":
            kid = bytes.fromhex(details["kid"])
            self._stored.setdefault(kid, set()).add((kid, details["boot"], details["seq"]))
        elif event == "edhoc.established":
            self.learn()

    def named(self, kid):
        """Names of the frames that it has said to have stored for one terminal."""
        return self._stored.get(kid, set())

    def journal(self):
        """Every frame on its disk, in its order, as `gateway journal --json` shows them."""
        query = "SELECT kid, boot, seq, kind, stored_ms, relayed_ms, frame FROM frames ORDER BY id"
        names = ("kid", "boot", "seq", "kind", "stored_ms", "relayed", "frame")
        rows = [dict(zip(names, row, strict=True)) for row in self._query(query)]
        return [row | {"kid": row["kid"].hex(), "frame": row["frame"].hex()} for row in rows]

    def alarms(self, began_ms=0):
        """{(kid, alarm): {stage: milliseconds since `began_ms`}}, by its own clock."""
        found = {}
        query = "SELECT kid, panic, opened_ms, accepted_ms, acknowledged_ms, shown_ms, cleared_ms FROM panics"
        for kid, panic, *times in self._query(query):
            reached = [(stage, ms) for stage, ms in zip(_STAGES, times, strict=True) if ms is not None]
            found[kid.hex(), panic] = {stage: ms - began_ms for stage, ms in reached}
        return found

    def context_of(self, oscore_id):
        """(the gateway's id, secret, salt) of the link keys of that name, also if they are over; or None."""
        if oscore_id not in self.contexts:
            self.learn()
        return self.contexts.get(oscore_id)

    def learn(self):
        """Take note of the keys there are: those of a link that is over are deleted in time."""
        for row in self._query("SELECT oscore_id, gateway_id, secret, salt FROM contexts"):
            if row[2]:
                self.contexts[row[0]] = row[1:]

    def _query(self, sql):
        try:
            with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as store:
                return store.execute(sql).fetchall()
        except sqlite3.Error:
            return []  # there is no store, or not yet a whole one
