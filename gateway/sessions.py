"""Handshakes under way: a bounded table, and nothing else that a stranger can fill."""

from collections import OrderedDict
from typing import Any

from gateway.handshake import Responder
from gateway.journal.records import NewContext

LIFE_MS = 30_000


class Session:
    """From message_1 on. `responder` is None once message_3 has proved the terminal; `new` is then on its way
    to the journal, and when it is there `done` is true and message_4 may be told."""

    def __init__(
        self, source: Any, first: bytes, c_i: bytes, c_r: bytes, responder: Responder, message_2: bytes
    ) -> None:
        self.source = source
        self.first = first
        self.c_i = c_i
        self.c_r = c_r
        self.responder: Responder | None = responder
        self.message_2 = message_2
        self.message_3: bytes | None = None
        self.message_4 = b""
        self.new: NewContext | None = None
        self.busy = False
        self.done = False
        self.since_ms = 0.0

    @property
    def host(self) -> Any:
        return self.source[0] if isinstance(self.source, tuple) else self.source


class Sessions:
    """By C_R, and by who sent which message_1. When it is full, the oldest of the same host gives way, else
    the oldest of all: with a bounded number of new ones in a second each has some seconds for certain."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._by_c_r: OrderedDict[bytes, Session] = OrderedDict()
        self._by_first: dict[tuple[Any, bytes], Session] = {}
        self._by_host: dict[Any, OrderedDict[bytes, Session]] = {}

    def __len__(self) -> int:
        return len(self._by_c_r)

    @property
    def crowded(self) -> bool:
        return 2 * len(self._by_c_r) >= self._limit

    def get(self, c_r: bytes) -> Session | None:
        return self._by_c_r.get(c_r)

    def repeated(self, source: Any, first: bytes) -> Session | None:
        """The session that this message_1 (its digest) from there began."""
        return self._by_first.get((source, first))

    def put(self, session: Session, now_ms: float) -> None:
        """Begin; or, for one that is there, begin its time anew."""
        self.remove(session)
        if len(self._by_c_r) >= self._limit:
            mine = self._by_host.get(session.host)
            self.remove(next(iter((mine or self._by_c_r).values())))
        session.since_ms = now_ms
        self._by_c_r[session.c_r] = session
        self._by_first[(session.source, session.first)] = session
        self._by_host.setdefault(session.host, OrderedDict())[session.c_r] = session

    def remove(self, session: Session) -> None:
        if self._by_c_r.get(session.c_r) is not session:
            return
        del self._by_c_r[session.c_r]
        self._by_first.pop((session.source, session.first), None)
        mine = self._by_host[session.host]
        del mine[session.c_r]
        if not mine:
            del self._by_host[session.host]

    def sweep(self, now_ms: float) -> None:
        """Forget those whose time is over."""
        while self._by_c_r:
            oldest = next(iter(self._by_c_r.values()))
            if now_ms - oldest.since_ms < LIFE_MS:
                return
            self.remove(oldest)
