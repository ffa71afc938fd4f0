"""Which security contexts there are, and whose: an index in memory, in step with the journal.

A handshake makes a terminal's `next` context; its first authentic request makes it `current`, and the one
before goes on serving for GRACE_MS, since what the terminal sent under it may still be on its way. Then it is
deleted. Where several nodes share the journal, the index may lag behind: one that is not in it is looked for
in the journal, and one that the journal refuses is taken out.
"""

from collections.abc import Awaitable, Callable, Iterable

from gateway.clock import Clock
from gateway.journal.base import Journal
from gateway.journal.records import CURRENT, NEXT, RETIRING, StoredContext
from gateway.log import Log

GRACE_MS = 300_000
# Looks into the journal for contexts that nobody here knows, in a second: anybody can make them up.
SEEKS = 200
# How often an index that may lag is compared with the whole journal.
_COMPARE_MS = 600_000


class Entry:
    """One context. `state` follows the journal."""

    __slots__ = ("generation", "kid", "oscore_id", "state")

    def __init__(self, stored: StoredContext) -> None:
        self.oscore_id = stored.oscore_id
        self.kid = stored.kid
        self.generation = stored.generation
        self.state = stored.state


class Contexts:
    """`on_gone(entry)` is called with each one that may serve no longer."""

    def __init__(self, journal: Journal, log: Log, clock: Clock) -> None:
        self._journal = journal
        self._log = log
        self._clock = clock
        self._by_id: dict[bytes, Entry] = {}
        self._by_kid: dict[bytes, dict[str, Entry]] = {}
        self._changes = 0
        # A process that was killed may have left old pages where the storage keeps them.
        self._unclean = True
        self._seeks = 0
        self._seeks_since_ms = 0.0
        self._compared_ms = clock.mono_ms()
        self.on_gone: Callable[[Entry], None] = lambda entry: None

    def __len__(self) -> int:
        return len(self._by_id)

    def get(self, oscore_id: bytes) -> Entry | None:
        """What a request with this OSCORE kid is to be opened with."""
        return self._by_id.get(oscore_id)

    def of(self, kid: bytes) -> list[Entry]:
        """Those of one terminal."""
        return list(self._by_kid.get(kid, {}).values())

    @property
    def may_seek(self) -> bool:
        """Another node may have made the context that is not here, and there is time to look."""
        if not self._journal.node:
            return False
        now_ms = self._clock.mono_ms()
        if now_ms - self._seeks_since_ms >= 1000:
            self._seeks, self._seeks_since_ms = 0, now_ms
        return self._seeks < SEEKS

    def seek(self, oscore_id: bytes) -> Awaitable[Entry | None]:
        """What `get` would give, if the index were new. Counts at once. Raises JournalError."""
        self._seeks += 1
        return self._seek(oscore_id)

    async def _seek(self, oscore_id: bytes) -> Entry | None:
        stored = await self._journal.read(lambda tx: tx.context(oscore_id))
        if stored is not None:
            await self.reload(stored.kid)
        return self.get(oscore_id)

    def refused(self, entry: Entry) -> None:
        """The journal says that this one may serve no longer."""
        if self._by_id.get(entry.oscore_id) is entry:
            self._changes += 1
            self._drop([entry])

    async def _compare(self) -> None:
        self._compared_ms = self._clock.mono_ms()
        stored = {
            (one.oscore_id, one.generation) for one in await self._journal.read(lambda tx: tx.contexts())
        }
        self._drop([e for e in self._by_id.values() if (e.oscore_id, e.generation) not in stored])

    async def load(self) -> None:
        """Raises JournalError."""
        for stored in await self._journal.read(lambda tx: tx.contexts()):
            self._put(Entry(stored))

    async def reload(self, kid: bytes) -> None:
        """Another process changed this terminal. Raises JournalError."""
        changes = -1
        found: list[StoredContext] = []
        while changes != self._changes:
            changes = self._changes
            found = await self._journal.read(lambda tx: tx.contexts(kid))
        known = {entry.generation: entry for entry in self.of(kid)}
        self._drop(entry for entry in known.values() if entry.generation not in {s.generation for s in found})
        self._by_kid.pop(kid, None)
        for stored in found:
            entry = known.get(stored.generation) or Entry(stored)
            entry.state = stored.state
            self._put(entry)

    def added(self, stored: StoredContext) -> None:
        """This one became durable; an unused one before it is gone."""
        self._changes += 1
        replaced = self._by_kid.get(stored.kid, {}).get(NEXT)
        if replaced is not None:
            self._drop([replaced])
        self._put(Entry(stored))

    def used(self, entry: Entry) -> None:
        """Its first authentic request became durable, by `Transaction.use_context`."""
        states = self._by_kid.get(entry.kid, {})
        if states.get(NEXT) is not entry:
            return
        self._changes += 1
        if RETIRING in states:
            self._drop([states[RETIRING]])
        del states[NEXT]
        before = states.pop(CURRENT, None)
        for one, state in ((before, RETIRING), (entry, CURRENT)):
            if one is not None:
                one.state = state
                self._put(one)
        self._log.info("context.used", kid=entry.kid, context=entry.oscore_id, generation=entry.generation)

    async def sweep(self) -> None:
        """Delete what has served its time, also where the storage keeps old pages. Raises JournalError."""
        if self._journal.node and self._clock.mono_ms() - self._compared_ms >= _COMPARE_MS:
            await self._compare()
        if any(RETIRING in states for states in self._by_kid.values()):
            now_ms = self._clock.wall_ms()
            over = await self._journal.write(lambda tx: tx.retire_contexts(now_ms, now_ms + 2 * GRACE_MS))
            self._changes += bool(over)
            for stored in over:
                entry = self._by_id.get(stored.oscore_id)
                if entry is not None and entry.generation == stored.generation:
                    self._drop([entry])
                self._unclean = True
                self._log.info(
                    "context.retired",
                    kid=stored.kid,
                    context=stored.oscore_id,
                    generation=stored.generation,
                )
        if self._unclean:
            self._unclean = not await self._journal.scrub()

    def _put(self, entry: Entry) -> None:
        self._by_id[entry.oscore_id] = entry
        self._by_kid.setdefault(entry.kid, {})[entry.state] = entry

    def _drop(self, entries: Iterable[Entry]) -> None:
        for entry in list(entries):
            if self._by_id.get(entry.oscore_id) is entry:
                del self._by_id[entry.oscore_id]
            states = self._by_kid.get(entry.kid, {})
            if states.get(entry.state) is entry:
                del states[entry.state]
            if not states:
                self._by_kid.pop(entry.kid, None)
            self.on_gone(entry)
