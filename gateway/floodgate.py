"""How many handshakes may begin, and whose: a stranger may cost us little, and keep nobody out.

One bucket of tokens for all. While it is more than half full, anybody may take one. Below that, or with the
table of sessions half full, an address has to prove first that it receives what is sent to it, with the Echo
option (RFC 9175): the cookie is an HMAC over address and time, nothing is kept. Who only invents addresses
takes no more than the upper half. Who has true ones is measured by each: beyond a host's own share he gets
only what the others leave, for the lower half is for hosts within theirs.
"""

import hashlib
import hmac
from collections import OrderedDict
from typing import Any

GO, PROVE, WAIT = range(3)

# For so long everybody has to prove his address, once that was needed: an invented flood gets half a bucket
# in this time, not in each second.
HOLD_MS = 10_000
COOKIE_S = 60
MAX_HOSTS = 1024


class Bucket:
    """Tokens, `rate` more in a second, never more than `most`."""

    __slots__ = ("_at_ms", "_most", "_rate", "level")

    def __init__(self, rate: float, most: float, now_ms: float) -> None:
        self._rate = rate
        self._most = most
        self._at_ms = now_ms
        self.level = most

    def fill(self, now_ms: float) -> float:
        """The level as of now."""
        self.level = min(self._most, self.level + max(0.0, now_ms - self._at_ms) * self._rate / 1000)
        self._at_ms = now_ms
        return self.level

    def take(self, now_ms: float) -> bool:
        """False when there is none."""
        if self.fill(now_ms) < 1:
            return False
        self.level -= 1
        return True


class Floodgate:
    """`key` is 32 random bytes; cookies made with another are not taken."""

    def __init__(self, rate: int, key: bytes, now_ms: float) -> None:
        self._key = key
        self._half = rate / 2
        self._share = max(1.0, rate / 10)
        self._all = Bucket(rate, rate, now_ms)
        self._hosts: OrderedDict[Any, Bucket] = OrderedDict()
        self._until_ms = now_ms
        self.begun = 0  # times that it closed

    @property
    def hosts(self) -> int:
        """Those with a share of their own; all of them have proved that they are there."""
        return len(self._hosts)

    def admit(self, source: Any, echo: bytes | None, now_ms: float, crowded: bool) -> int:
        """GO: one token was taken. PROVE: answer with `cookie`. WAIT: come again later."""
        level = self._all.fill(now_ms)
        if level < self._half or crowded:
            self.begun += now_ms >= self._until_ms
            self._until_ms = now_ms + HOLD_MS
        if now_ms >= self._until_ms:
            self._all.take(now_ms)
            return GO
        if echo is None or not self._proves(echo, source, now_ms):
            return PROVE
        within = self._host(source, now_ms).take(now_ms)
        if not within and level < self._half:
            return WAIT
        return GO if self._all.take(now_ms) else WAIT

    def cookie(self, source: Any, now_ms: float) -> bytes:
        """12 bytes: the time, and our word for it."""
        second = int(now_ms // 1000).to_bytes(8, "big")[-4:]
        return second + self._mac(second, source)

    def _proves(self, echo: bytes, source: Any, now_ms: float) -> bool:
        second = echo[:4]
        age = int(now_ms // 1000) - int.from_bytes(second, "big") & 0xFFFFFFFF
        return age <= COOKIE_S and hmac.compare_digest(echo[4:], self._mac(second, source))

    def _mac(self, second: bytes, source: Any) -> bytes:
        # Host and port: behind one address translation there are many, and each has to answer for itself.
        return hmac.digest(self._key, second + repr(source).encode(), hashlib.sha256)[:8]

    def _host(self, source: Any, now_ms: float) -> Bucket:
        host = source[0] if isinstance(source, tuple) else source
        bucket = self._hosts.pop(host, None)
        if bucket is None:
            bucket = Bucket(self._share, 2 * self._share, now_ms)
            if len(self._hosts) >= MAX_HOSTS:
                self._hosts.popitem(last=False)
        self._hosts[host] = bucket
        return bucket
