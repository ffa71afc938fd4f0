"""The planted bugs: what is changed, in one place of one file, and which checks are to find it.

A check is `story:NAME` (tests/mutants/stories.py), `case:ID` (a conformance case) or `soak:PROFILE/SEED`. The
first that finds the bug is enough; all that are named here are asked, so that the table says who sees what.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    name: str
    file: str
    old: str
    new: str
    says: str  # what is wrong now
    checks: tuple
    quick: bool = False  # part of the short run in CI
    more: tuple = ()  # further (file, old, new) that belong to it

    @property
    def edits(self):
        return ((self.file, self.old, self.new), *self.more)

    @property
    def room(self):
        return self.file.split("/", maxsplit=1)[0]


FIRMWARE = (
    Mutant(
        "boot-not-kept",
        "firmware/bootcount.py",
        'statefile.write(path, boot.to_bytes(4, "big"))',
        'boot.to_bytes(4, "big")',
        "the boot counter is not written: after a start all names come again",
        ("story:starts", "story:shift"),
    ),
    Mutant(
        "seq-reused",
        "firmware/report_builder.py",
        "        self.seq = seq + 1\n",
        "        self.seq = seq + (kind != report.KIND_STATUS)\n",
        "the frame after a status takes its number",
        ("story:shift",),
    ),
    Mutant(
        "frame-not-kept",
        "firmware/report_builder.py",
        "self._journal.append(row[0], row[1], self.boot, row[2], row[3])",
        "row[0] or self._journal.append(row[0], row[1], self.boot, row[2], row[3])",
        "an urgent frame counts as stored and is in memory only",
        ("story:silence",),
    ),
    Mutant(
        "journal-head-not-written",
        "firmware/journal.py",
        "            data = segment.head(lane, part // MOST, part // MOST) + data\n",
        "            data = bytes(len(segment.head(lane, part // MOST, part // MOST))) + data\n",
        "a block of the journal has no head: a start does not find what is in it",
        ("story:silence",),
    ),
    Mutant(
        "dropped-when-sent",
        "firmware/outbox.py",
        "        self._told.frame_sent(*job.subject.name)\n",
        "        self._told.frame_sent(*job.subject.name)\n"
        "        remember(self._settled, job.subject.name)\n"
        "        self.more = True\n",
        "a frame leaves the journal when it has left the terminal",
        ("story:silence", "story:killed"),
    ),
    Mutant(
        "dropped-when-full",
        "firmware/journal.py",
        "            kept = max(0, _PANIC_SEGMENTS - len(panics))\n",
        "            kept = self._most - self._urgent_most\n",
        "an urgent frame finds no room while positions have theirs",
        ("story:crowd",),
    ),
    Mutant(
        "piv-block-reused",
        "firmware/session.py",
        "sequence=limit, limit=limit",
        "sequence=max(0, limit - RESERVE), limit=limit",
        "a start goes on where the reservation began, not where it ended",
        ("story:shift", "story:starts"),
        quick=True,
    ),
    Mutant(
        "piv-not-reserved",
        "firmware/session.py",
        "        self.failing = not self._write(self._slot, limit, self._rest)\n",
        "        self.failing = False\n",
        "the reservation is taken for made, and is not on flash",
        ("story:replays",),
    ),
    Mutant(
        "nonce-point-twice",
        "firmware/signer.py",
        '        self._wipe(self.ready)\n        return r.to_bytes(32, "big"), k_inv, rest\n',
        '        self.ready += 1\n        return r.to_bytes(32, "big"), k_inv, rest\n',
        "a nonce point is handed out again",
        ("story:shift",),
    ),
    Mutant(
        "received-when-sent",
        "firmware/app.py",
        "uplink.on_stored = self.desk.stored",
        "uplink.on_stored = uplink.on_sent = self.desk.stored",
        "the lamp shows received when the datagram has left",
        ("story:silence", "story:shift"),
    ),
    Mutant(
        "any-datagram-received",
        "firmware/session.py",
        '            self._say(2, "not authentic: %s" % error)\n            return None\n',
        '            self._say(2, "not authentic: %s" % error)\n            return outer\n',
        "whatever answers counts as the gateway's answer",
        ("story:forger",),
    ),
    Mutant(
        "accepted-shown-as-acknowledged",
        "firmware/desk.py",
        "        if stage != _STAGE_ACKNOWLEDGED:\n",
        "        if stage < 4:\n",
        "the lamp is steady when the broker has the alarm, and nobody has seen it",
        ("story:shift",),
    ),
    Mutant(
        "panic-forgotten",
        "firmware/app.py",
        "        self.panics.load(self._kept(_PANIC_FILE))\n",
        "",
        "an open alarm is forgotten at a start",
        ("story:shift",),
    ),
    Mutant(
        "hold-too-short",
        "firmware/keys.py",
        "debouncer.held_ms(at_ms) >= self._hold_ms",
        "debouncer.held_ms(at_ms) >= self._hold_ms >> 2",
        "a tap on PANIC raises an alarm",
        ("story:shift",),
    ),
    Mutant(
        "hold-repeats",
        "firmware/keys.py",
        '            self._raised = True\n            self._emit("panic", 0)\n',
        '            self._raised = debouncer.held_ms(at_ms) > 1000\n            self._emit("panic", 0)\n',
        "a PANIC key that is held on raises one alarm after the other",
        ("story:shift",),
    ),
    Mutant(
        "event-counted-once",
        "firmware/desk.py",
        "report.EVENT_COUNT: number}",
        "report.EVENT_COUNT: 1}",
        "nine persons are reported as one",
        ("story:shift",),
    ),
    Mutant(
        "watchdog-always-fed",
        "firmware/supervisor.py",
        "                return False\n        self.overdue = None\n",
        "                break\n        self.overdue = None\n",
        "the watchdog is fed by the clock, whatever hangs",
        ("story:hang",),
    ),
    Mutant(
        "dropped-on-refusal",
        "firmware/urgent.py",
        "        if message.code == coap.CHANGED:\n            self.suspended = False\n",
        "        if message.code != coap.CONTENT:\n            self.suspended = False\n",
        "a frame leaves the journal on 4.03 and 5.03 too",
        ("story:suspended", "story:disk"),
    ),
    Mutant(
        "key-share-reused",
        "firmware/handshake.py",
        'drbg = HmacDrbg(app.hal.entropy(48), b"patrola edhoc 1" + private + moment + app.hal.uid)',
        'drbg = HmacDrbg(bytes(48), b"patrola edhoc 1" + private + app.hal.uid)',
        "every handshake takes the same ephemeral key",
        ("story:renewed",),
    ),
    Mutant(
        "covert-lit",
        "firmware/indicator.py",
        "if self._stage is not None and not self._covert:",
        "if self._stage is not None:",
        "the red lamp is lit in a covert alarm",
        ("story:covert",),
    ),
)

PROTOCOL = (
    Mutant(
        "replay-window-off-by-one",
        "protocol/replay.py",
        "bool(self._bitmap >> age & 1)",
        "bool(self._bitmap >> age + 1 & 1)",
        "the oldest request of the window is taken once more",
        ("story:replays",),
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

MUTANTS = FIRMWARE + PROTOCOL + GATEWAY
