"""This process among those that share its journal: it proves that it lives, takes over from those that don't,
and learns what others stored for it to relay."""

from collections.abc import Callable

from gateway.clock import Clock
from gateway.journal.base import Journal, JournalError
from gateway.journal.nodes import LEASE_MS
from gateway.log import Log

ROUND_S = 0.25
# A quarter of the lease: three may fail.
_RENEW_MS = 1250
# By our own clock it ends a little earlier than by the journal's.
_SHORT_MS = 250


class Nodes:
    """`round` is called each ROUND_S. `relaying()`: the broker is there; `stir()`: there may be rows to relay
    that nobody offered; `lapsed()`: what was ours may be another's by now, or older rows of another's are
    ours."""

    def __init__(
        self,
        journal: Journal,
        log: Log,
        clock: Clock,
        relaying: Callable[[], bool],
        stir: Callable[[], None],
        lapsed: Callable[[], None],
    ) -> None:
        self._journal = journal
        self._log = log
        self._clock = clock
        self._relaying = relaying
        self._stir = stir
        self._lapsed = lapsed
        self._until_ms = float("-inf")
        self._renewed_ms = float("-inf")
        self._was_relaying = False
        self._handed = 0
        journal.leading = journal.node == 0

    def holds(self) -> bool:
        """Our lease is good. Without it nothing may be sent: another may have taken what waits here, and what
        was stored after it would arrive before it."""
        return self._clock.mono_ms() < self._until_ms

    async def round(self) -> None:
        """After a failure the next round tries again, and the lease may run out meanwhile: then another node
        relays what is ours, and some messages come twice."""
        now_ms = self._clock.mono_ms()
        relaying, held = self._relaying(), self.holds()
        try:
            if now_ms - self._renewed_ms >= _RENEW_MS or relaying != self._was_relaying:
                token = self._journal.token
                standing = await self._journal.write(lambda tx: tx.renew(token, relaying))
                self._renewed_ms, self._was_relaying = now_ms, relaying
                if relaying and standing.known:
                    self._until_ms = now_ms + LEASE_MS - _SHORT_MS
            else:
                standing = await self._journal.read(lambda tx: tx.standing())
        except JournalError as error:
            self._journal.leading = False
            self._log.seldom("error", "node.unproved", error=str(error))
            return
        if not standing.known:
            self._log.error("node.twice", error="another gateway has this gateway.id: give each its own")
        if standing.leads != self._journal.leading:
            self._journal.leading = standing.leads
            self._log.info("node.leads" if standing.leads else "node.follows", node=self._journal.node)
        if standing.took:
            self._log.warning("node.took", node=self._journal.node)
        if standing.lapsed or standing.took:
            self._lapsed()
        elif not held:
            self._stir()
        self.called(standing.handed)

    def called(self, handed: int) -> None:
        """So many frames were stored for us to relay since the beginning. What is offered after those that we
        do not know of has to wait for them, as they may be of the same terminal."""
        if handed > self._handed:
            self._handed = handed
            self._stir()
