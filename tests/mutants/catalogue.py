"""The planted bugs: what is changed, in one place of one file, and which checks are to find it.

A check is `story:NAME` (tests/mutants/stories.py), `case:ID` (a conformance case), `test:FILE` (of tests/,
for MicroPython: for what lies below anything that a story sees) or `soak:PROFILE/SEED`. The first that finds
the bug is enough; all that are named here are asked, so that the table says who sees what.
"""

from tests.mutants.mutant import Mutant
from tests.mutants.of_firmware import FIRMWARE
from tests.mutants.of_update import UPDATES

PROTOCOL = (
    Mutant(
        "keys-for-ever",
        "protocol/renewal.py",
        "now_ms - age_ms + day_ms",
        "now_ms + day_ms",
        "the day of the link's keys begins anew at every start",
        ("case:KEYS-13", "case:KEYS-15"),
    ),
    Mutant(
        "replay-window-off-by-one",
        "protocol/replay.py",
        "bool(self._bitmap >> age & 1)",
        "bool(self._bitmap >> age + 1 & 1)",
        "a request is taken once more, by both windows: in memory, and in the store",
        ("story:replays",),
        more=(
            (
                "gateway/journal/contexts.py",
                "or self.bitmap >> age & 1:",
                "or self.bitmap >> age + 1 & 1:",
            ),
        ),
    ),
    Mutant(
        "urgent-gives-up",
        "protocol/exchange.py",
        "or (lane == BULK and handle.sent > MAX_RETRANSMIT)",
        "or handle.sent > MAX_RETRANSMIT",
        "an urgent datagram is repeated four times and no more",
        ("case:STATUS-05", "case:PANIC-08"),
    ),
    Mutant(
        "observation-nonce-of-the-request",
        "protocol/oscore.py",
        "        if fresh:\n            piv = self._next_piv()\n",
        "        if fresh and binding.answered is None:\n            piv = self._next_piv()\n",
        "a notification takes the nonce of its request",
        ("story:shift",),
        more=(
            (
                "protocol/oscore.py",
                "            if binding.answered:\n                raise Misuse",
                "            if binding is None:\n                raise Misuse",
            ),
        ),
    ),
)

GATEWAY = (
    Mutant(
        "answered-before-commit",
        "gateway/intake.py",
        "        self._look()\n        self._store()\n",
        "        for posted in (*self._first, *self._good):\n"
        "            done, posted.done = posted.done, lambda posted, error: None\n"
        "            done(posted, None)\n"
        "        self._look()\n        self._store()\n",
        "2.04 leaves before the frames are committed",
        ("story:shift", "story:killed"),
        quick=True,
    ),
    Mutant(
        "relayed-before-commit",
        "gateway/intake.py",
        "        return claimed, Stored(rows, facts",
        "        self.early(Stored(rows, [], [], 0))\n        return claimed, Stored(rows, facts",
        "frames go to the broker while their transaction is open",
        ("story:disk",),
        more=(
            (
                "gateway/app.py",
                "        self.resources.on_stored = self._stored\n",
                "        self.resources.on_stored = self.intake.early = self._stored\n",
            ),
        ),
    ),
    Mutant(
        "window-not-kept",
        "gateway/journal/contexts.py",
        "        self.changed = True\n        return True\n",
        "        return True\n",
        "the replay window is not in the commit: a restart takes old requests again",
        ("story:replays",),
    ),
    Mutant(
        "own-piv-not-reserved",
        "gateway/journal/contexts.py",
        "        self.sequence += count\n",
        "",
        "the gateway's own Partial IVs begin anew after a restart",
        ("story:killed",),
    ),
    Mutant(
        "commits-not-synced",
        "gateway/journal/sqlite.py",
        'connection.execute("PRAGMA synchronous = FULL")',
        'connection.execute("PRAGMA synchronous = OFF")',
        "a commit is not synced: a power failure takes confirmed frames",
        ("story:killed",),
    ),
    Mutant(
        "confirmed-when-disk-fails",
        "gateway/exchange.py",
        '                response = Response(coap.SERVICE_UNAVAILABLE, b"", '
        "[(coap.MAX_AGE, self._retry_after)])\n",
        "                response = Response(coap.CHANGED)\n",
        "2.04 although the disk took nothing",
        ("story:disk",),
    ),
    Mutant(
        "relayed-when-sent",
        "gateway/relay.py",
        '            outgoing.send("frame", row, messages)\n',
        '            outgoing.send("frame", row, messages)\n            self._confirmed.add_row(row)\n',
        "a frame counts as relayed when it was handed to the socket",
        ("story:broker",),
    ),
    Mutant(
        "newest-first",
        "gateway/queues.py",
        "        return self._queue.popleft() if self._queue else None\n",
        "        return self._queue.pop() if self._queue else None\n",
        "what waits for the broker goes out newest first",
        ("story:broker",),
    ),
    Mutant(
        "acknowledged-by-nobody",
        "gateway/panics.py",
        "        queue_receipt(tx, kid, number, ACCEPTED, now_ms)\n",
        "        queue_receipt(tx, kid, number, ACKNOWLEDGED, now_ms)\n",
        "the terminal is told of an acknowledgement when the broker has the alarm",
        ("story:shift",),
    ),
)

MUTANTS = FIRMWARE + UPDATES + PROTOCOL + GATEWAY

__all__ = ["MUTANTS", "Mutant"]
