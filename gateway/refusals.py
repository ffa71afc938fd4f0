"""The security log: every refusal is counted by its reason, and told once for each peer and reason in a
while, the moment it happens; those that follow are summed up."""

from gateway.clock import Clock
from gateway.log import Log

# More peers than this in one while share one line for each reason: a flood of made-up addresses fills neither
# memory nor log.
MAX_PEERS = 1024
# `detail` may quote what a stranger sent.
MAX_DETAIL = 160
_OTHERS = "others"


class _Peer:
    """`told`: reasons that had a line of their own in this while; `silent`: what came again, how often."""

    __slots__ = ("silent", "since_ms", "told")

    def __init__(self, since_ms: float) -> None:
        self.since_ms = since_ms
        self.told: set[str] = set()
        self.silent: dict[str, int] = {}


class Refusals:
    """`counts` is for metrics: reason -> number since the start. `window_s` may be set anew at any time."""

    def __init__(self, log: Log, clock: Clock, window_s: int, event: str = "refused") -> None:
        self._log = log
        self._event = event
        self._clock = clock
        self.window_s = window_s
        self._peers: dict[str, _Peer] = {}
        self.counts: dict[str, int] = {}

    def note(self, peer: str, reason: str, code: str, detail: str = "") -> None:
        """`peer` is a terminal's id, or the address of somebody unknown; `code` is what was answered."""
        self.counts[reason] = self.counts.get(reason, 0) + 1
        now = self._clock.mono_ms()
        known = self._peers.get(peer)
        if known is None:
            if len(self._peers) >= MAX_PEERS:
                peer = _OTHERS
                known = self._peers.get(peer)
            if known is None:
                known = self._peers[peer] = _Peer(now)
        elif now - known.since_ms >= self.window_s * 1000:
            self._sum_up(peer, known, now)
        if reason in known.told:
            known.silent[reason] = known.silent.get(reason, 0) + 1
            return
        known.told.add(reason)
        self._log.warning(
            self._event, peer=peer, reason=reason, code=code, detail=detail[:MAX_DETAIL], count=1
        )

    def sweep(self, ending: bool = False) -> None:
        """Call now and then: tells what was counted in silence, and forgets who has been quiet."""
        now = self._clock.mono_ms()
        for peer, known in list(self._peers.items()):
            if not ending and now - known.since_ms < self.window_s * 1000:
                continue
            if known.silent:
                self._sum_up(peer, known, now)
            else:
                del self._peers[peer]

    def _sum_up(self, peer: str, known: _Peer, now: float) -> None:
        """A new while begins; what goes on in it is told as a sum once more, what is new has its own line."""
        if known.silent:
            self._log.warning(self._event, peer=peer, reasons=known.silent, count=sum(known.silent.values()))
            known.told = set(known.silent)
        else:
            known.told = set()
        known.silent = {}
        known.since_ms = now
