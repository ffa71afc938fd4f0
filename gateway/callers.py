"""Who speaks: from a request's outer message to the peer with its context, fetched from the journal where it
is not in memory. Whoever is not known or may not speak is refused here, before anything is decrypted."""

from collections.abc import Awaitable, Callable

from gateway.contexts import Contexts, Entry
from gateway.journal.base import ContextError, JournalError
from gateway.journal.records import REVOKED, Terminal
from gateway.log import Log
from gateway.peers import Peers
from gateway.registry import Registry
from gateway.security import Peer
from gateway.strangers import address
from gateway.under_way import UnderWay
from gateway.unprotected import Unprotected
from protocol import coap
from protocol.errors import Malformed, Unauthentic
from protocol.oscore import peek
from protocol.responder import Request


class Callers:
    """`found(peer, request, datagram, Partial IV)` goes on with whoever may speak, while fewer than `limit`
    requests are under way."""

    def __init__(
        self,
        registry: Registry,
        contexts: Contexts,
        peers: Peers,
        unprotected: Unprotected,
        log: Log,
        under_way: UnderWay,
        *,
        limit: int,
        found: Callable[[Peer, Request, bytes, bytes], None],
    ) -> None:
        self._registry = registry
        self._contexts = contexts
        self._peers = peers
        self._unprotected = unprotected
        self._log = log
        self._under_way = under_way
        self._limit = limit
        self._found = found

    def find(self, request: Request, data: bytes) -> None:
        """`data` is the datagram that `request` was read from."""
        refuse = self._unprotected.refuse
        try:
            kid, _, piv = peek(request.message)
            if kid is None or piv is None:
                raise Malformed("oscore request: without kid or Partial IV")
        except Unauthentic as error:
            refuse(request, coap.UNAUTHORIZED, address(request.source), "unprotected", str(error))
            return
        except Malformed as error:
            refuse(request, coap.BAD_OPTION, address(request.source), "oscore", str(error))
            return
        entry = self._contexts.get(kid)
        if entry is None and self._contexts.may_seek and self._under_way.count < self._limit:
            self._under_way.begin(self._sought(self._contexts.seek(kid), kid, request, data, piv))
        else:
            self._open(kid, entry, request, data, piv)

    async def _sought(
        self, seek: Awaitable[Entry | None], kid: bytes, request: Request, data: bytes, piv: bytes
    ) -> None:
        try:
            entry = await seek
        except JournalError as error:
            # Another node may know it: told that it is unknown, a terminal would begin a handshake.
            self._log.seldom("error", "context.unsought", context=kid, error=str(error))
            self._unprotected.come_again(request, address(request.source), "unavailable")
            return
        self._open(kid, entry, request, data, piv)

    def _open(self, kid: bytes, entry: Entry | None, request: Request, data: bytes, piv: bytes) -> None:
        terminal = None if entry is None else self._registry.by_kid(entry.kid)
        refuse = self._unprotected.refuse
        if entry is None or terminal is None:
            refuse(request, coap.UNAUTHORIZED, address(request.source), "unknown", f"kid {kid.hex()}")
        elif terminal.state == REVOKED:
            refuse(request, coap.FORBIDDEN, terminal.kid.hex(), REVOKED)
        elif self._under_way.count >= self._limit:
            self._unprotected.come_again(request, terminal.kid.hex(), "overloaded")
        else:
            peer = self._peers.get(entry, terminal)
            if peer is not None:
                self._found(peer, request, data, piv)
            else:
                self._under_way.begin(self._load(entry, terminal, request, data, piv))

    async def _load(
        self, entry: Entry, terminal: Terminal, request: Request, data: bytes, piv: bytes
    ) -> None:
        try:
            peer = await self._peers.load(entry, terminal)
        except ContextError as error:
            self._contexts.refused(entry)
            self._unprotected.refuse(request, coap.UNAUTHORIZED, terminal.kid.hex(), "unknown", str(error))
            return
        except (JournalError, ValueError) as error:
            self._log.seldom("error", "peer.unloadable", kid=terminal.kid, error=str(error))
            self._unprotected.come_again(request, terminal.kid.hex(), "unavailable")
            return
        self._found(peer, request, data, piv)
