"""Refusals: counted by reason, and told in the log once for each peer in a while."""

from gateway.clock import Clock
from gateway.log import Log

# More peers than this in one while share one line: a flood of made-up addresses fills neither memory nor log.
MAX_PEERS = 1024
# `detail` may quote what a stranger sent.
MAX_DETAIL = 160
_OTHERS = "others"


class _Peer:
    def __init__(self, since_ms: float) -> None:
        self.since_ms = since_ms
        self.reasons: dict[str, int] = {}


class Refusals:
    """`counts` is for metrics: reason -> number since the start."""

    def __init__(self, log: Log, clock: Clock, window_s: int, event: str = "refused") -> None:
        self._log = log
        self._event = event
        self._clock = clock
        self._window_ms = window_s * 1000.0
        self._peers: dict[str, _Peer] = {}
        self.counts: dict[str, int] = {}

    def note(self, peer: str, reason: str, code: str, detail: str = "") -> None:
        """`peer` is a terminal's id, or the address of somebody unknown; `code` is what was answered."""
        detail = detail[:MAX_DETAIL]
        self.counts[reason] = self.counts.get(reason, 0) + 1
        now = self._clock.mono_ms()
        known = self._peers.get(peer)
        if known is None:
            if len(self._peers) >= MAX_PEERS:
                peer = _OTHERS
                known = self._peers.get(peer)
            if known is None:
                self._peers[peer] = _Peer(now)
                self._log.warning(self._event, peer=peer, reason=reason, code=code, detail=detail, count=1)
                return
        if now - known.since_ms >= self._window_ms:
            self._tell(peer, known, now)
        known.reasons[reason] = known.reasons.get(reason, 0) + 1

    def sweep(self) -> None:
        """Call now and then: tells what was counted in silence, and forgets who has been quiet."""
        now = self._clock.mono_ms()
        for peer, known in list(self._peers.items()):
            if now - known.since_ms < self._window_ms:
                continue
            if known.reasons:
                self._tell(peer, known, now)
            else:
                del self._peers[peer]

    def _tell(self, peer: str, known: _Peer, now: float) -> None:
        if known.reasons:
            self._log.warning(
                self._event, peer=peer, reasons=known.reasons, count=sum(known.reasons.values())
            )
        known.reasons = {}
        known.since_ms = now
