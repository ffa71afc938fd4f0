"""Contexts of the terminals that speak now, in memory; their state is the journal's."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from gateway.contexts import Contexts, Entry
from gateway.journal.base import ContextError, Journal
from gateway.journal.records import StoredContext, Terminal
from gateway.security import AesCcm, Peer, load_public_key
from gateway.vault import Vault
from protocol.oscore import Context, ReplayWindow

# A context used within this time is never dropped from memory, whatever the limit says.
KEEP_S = 60.0
# Contexts that one read of the journal brings.
_PAGE = 64


class Peers:
    """Contexts of the terminals that speak now; the least recently used gives way."""

    def __init__(self, journal: Journal, contexts: Contexts, limit: int, vault: Vault | None = None) -> None:
        self._journal = journal
        self._contexts = contexts
        self._vault = vault or Vault()
        self.on_heard: Callable[[bytes], None] = lambda kid: None
        self._limit = limit
        self._loop = asyncio.get_running_loop()
        self._peers: OrderedDict[Entry, Peer] = OrderedDict()
        self._loading: dict[Entry, asyncio.Future[Peer]] = {}
        self._wanted: list[tuple[Entry, Terminal]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._peers)

    def get(self, entry: Entry, terminal: Terminal) -> Peer | None:
        """The peer, if its context is in memory."""
        peer = self._peers.get(entry)
        if peer is not None:
            self._peers.move_to_end(entry)
            peer.terminal = terminal
            peer.used_s = self._loop.time()
        return peer

    async def load(self, entry: Entry, terminal: Terminal) -> Peer:
        """The peer, with its state from the journal. Two callers get the same object.

        Raises JournalError, or ContextError when this context may serve no longer."""
        peer = self.get(entry, terminal)
        if peer is not None:
            return peer
        future = self._loading.get(entry)
        if future is None:
            future = self._loading[entry] = self._loop.create_future()
            self._wanted.append((entry, terminal))
            if len(self._wanted) == 1:
                # Those who come in the same turn share a read: after a restart that is everybody.
                self._loop.call_soon(self._fetch)
        return await asyncio.shield(future)

    def drop(self, entry: Entry) -> None:
        """This context may serve no longer."""
        self._peers.pop(entry, None)

    def _fetch(self) -> None:
        wanted, self._wanted = self._wanted, []
        for start in range(0, len(wanted), _PAGE):
            task = self._loop.create_task(self._load(wanted[start : start + _PAGE]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _load(self, wanted: list[tuple[Entry, Terminal]]) -> None:
        found: list[StoredContext | None] = []
        failure: Exception | None = None
        try:
            found = await self._journal.read(lambda tx: [tx.context(entry.oscore_id) for entry, _ in wanted])
        except Exception as error:
            failure = error
        for place, (entry, terminal) in enumerate(wanted):
            future = self._loading.pop(entry)
            try:
                if failure is not None:
                    raise failure
                future.set_result(self._made(entry, terminal, found[place]))
            except Exception as error:
                future.set_exception(error)
                future.exception()  # who asked may be gone

    def _made(self, entry: Entry, terminal: Terminal, stored: StoredContext | None) -> Peer:
        gone = stored is None or stored.generation != entry.generation or not stored.secret
        if stored is None or gone or self._contexts.get(entry.oscore_id) is not entry:
            raise ContextError(f"context {entry.oscore_id.hex()}: not there any more")
        stored = self._vault.open(stored)
        context = Context(
            stored.secret,
            stored.salt,
            stored.gateway_id,
            stored.oscore_id,
            AesCcm(),
            sequence=stored.sequence,
            limit=stored.sequence,
            window=ReplayWindow(stored.highest, stored.bitmap),
        )
        peer = Peer(terminal, entry, context, load_public_key(terminal.public_key), self._contexts.used)
        peer.heard = self.on_heard
        peer.used_s = self._loop.time()
        self._peers[entry] = peer
        self._evict()
        return peer

    def _evict(self) -> None:
        # One in use must stay: its window may be ahead of the journal's, and a second object would not know.
        quiet = self._loop.time() - KEEP_S
        while len(self._peers) > self._limit:
            entry, oldest = next(iter(self._peers.items()))
            if oldest.busy or oldest.used_s > quiet:
                break
            del self._peers[entry]
