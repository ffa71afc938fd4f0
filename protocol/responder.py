"""The gateway's side of CoAP exchanges, sans-IO: repeats, separate responses, confirmable notifications.

`receive` keeps nothing about a request: a stranger must not be able to fill a table. Once the owner has
authenticated it, `begin` (an answer will take a while) or `respond` puts it into a bounded cache.
"""

from protocol.coap import ACK, CON, EMPTY, NON, RST, Message, code_text, decode
from protocol.compat import Any, Callable, const
from protocol.errors import Malformed
from protocol.exchange import (
    EXCHANGE_LIFETIME_MS,
    MAX_RETRANSMIT,
    empty,
    first_timeout_ms,
    plain_diff,
    reset_for,
)

ACKED = const(1)
RESET = const(2)
FAILED = const(3)


class Request:
    """A request that was not seen before, or not remembered."""

    def __init__(self, message: Message, source: Any, digest: int, at_ms: int):
        self.message = message
        self.source = source
        self.digest = digest
        self.at_ms = at_ms
        self.separate = False


class Reply:
    """What can be answered without asking anybody. `datagram` may be None; `reason` is None for a repeat."""

    def __init__(self, datagram: bytes | None, reason: str | None = None):
        self.datagram = datagram
        self.reason = reason


class _Entry:
    def __init__(self, digest: int, at_ms: int, answer: bytes | None):
        self.digest = digest
        self.at_ms = at_ms
        self.answer = answer


class _Sending:
    """A confirmable message of ours until it is acknowledged. `newer` waits to take its place."""

    def __init__(self, source: Any, message: Message, first_ms: int, now_ms: int):
        self.source = source
        self.token = message.token
        self.message_id = message.message_id
        self.datagram = message.encode()
        self.newer: Message | None = None
        self.first_ms = first_ms
        self.at_ms = now_ms
        self.sent = 0


class Server:
    """`source` is any hashable name of the peer's address. Times are ms of one clock, see `exchange`."""

    def __init__(
        self,
        random16: Callable[[], int],
        diff: Callable[[int, int], int] = plain_diff,
        lifetime_ms: int = EXCHANGE_LIFETIME_MS,
        limit: int = 4096,
    ):
        self._random16 = random16
        self._diff = diff
        self._lifetime_ms = lifetime_ms
        self._limit = limit
        self._cache: dict[tuple[Any, int], _Entry] = {}
        # The order of the cache, as a ring: the oldest gives way. (A dictionary has no order in MicroPython.)
        self._ring: list[Any] = [None] * limit
        self._at = 0
        self._sendings: dict[tuple[Any, int], _Sending] = {}
        self._tokens: dict[tuple[Any, bytes], _Sending] = {}
        self._outcomes: list[tuple[int, Any, bytes]] = []
        self._looked_ms = 0
        self._quiet_ms: int | None = 0
        self._message_id = random16()

    def receive(
        self, data: bytes | bytearray | memoryview, source: Any, now_ms: int
    ) -> Request | Reply | None:
        """Request: handle it. Reply: send its datagram, log its reason. None: nothing to do."""
        try:
            message = decode(data)
        except Malformed as error:
            return Reply(reset_for(data), str(error))
        if message.type == ACK or message.type == RST:
            self._ended(source, message, now_ms)
            return None
        if message.code == EMPTY:
            return Reply(empty(RST, message.message_id), None)  # a ping, RFC 7252 4.3
        if not message.is_request():
            reset = empty(RST, message.message_id) if message.type == CON else None
            return Reply(reset, "coap code: response %s to nothing" % code_text(message.code))
        digest = hash(bytes(data))
        entry = self._cache.get((source, message.message_id))
        # Other bytes under a remembered number are a terminal that started again, not a repeat.
        if entry is not None and entry.digest == digest and self._fresh(entry, now_ms):
            return None if entry.answer is None or message.type == NON else Reply(entry.answer)
        return Request(message, source, digest, now_ms)

    def begin(self, request: Request) -> None:
        """Authentic and being worked on: repeats are dropped until `respond`."""
        self._remember(request, None)

    def ack(self, request: Request) -> bytes:
        """Empty acknowledgement: the response will come in a message of its own (RFC 7252 5.2.2)."""
        request.separate = True
        datagram = empty(ACK, request.message.message_id)
        self._remember(request, datagram)
        return datagram

    def respond(
        self, request: Request, message: Message, remember: bool = True, now_ms: int | None = None
    ) -> bytes:
        """The response as a datagram to send now; `message` gets type, message id and token here.

        Piggybacked, or after `ack` confirmable and repeated by `due` until acknowledged (then pass `now_ms`).
        `remember=False` for whoever has not proved himself: no state is kept for him."""
        message.token = request.message.token
        if request.message.type == CON and not request.separate:
            message.type = ACK
            message.message_id = request.message.message_id
        else:
            message.type = CON if request.separate else NON
            message.message_id = self._next_message_id(request.source)
        if request.separate:
            if len(self._sendings) < self._limit:
                self._start(request.source, message, request.at_ms if now_ms is None else now_ms).sent = 1
            return message.encode()
        datagram = message.encode()
        if remember:
            self._remember(request, datagram)
        return datagram

    def notify(self, source: Any, token: bytes, message: Message, now_ms: int) -> None:
        """Confirmable notification; `due` hands it out and repeats it. While an older one to the same token
        is not acknowledged the newer waits, and takes its place at its next repetition (RFC 7641 4.5.2)."""
        message.type = CON
        message.token = token
        older = self._tokens.get((source, token))
        if older is not None:
            older.newer = message
            return
        if len(self._sendings) >= self._limit:
            self._outcomes.append((FAILED, source, token))
            return
        message.message_id = self._next_message_id(source)
        self._start(source, message, now_ms)

    def forget(self, source: Any, token: bytes) -> None:
        """Stop notifying: the observation is over."""
        sending = self._tokens.get((source, token))
        if sending is not None:
            self._stop(sending)

    def outcomes(self) -> list[tuple[int, Any, bytes]]:
        """What became of confirmable messages since the last call: (ACKED, RESET or FAILED, source, token).

        After RESET and FAILED the observer is to be removed (RFC 7641 4.5)."""
        outcomes = self._outcomes
        if outcomes:
            self._outcomes = []
        return outcomes

    def due(self, now_ms: int) -> list[tuple[bytes, Any]]:
        """Datagrams to send now, as (bytes, source)."""
        if self.wait_ms(now_ms) != 0:
            return []
        out: list[tuple[bytes, Any]] = []
        for sending in list(self._sendings.values()):
            if self._left_ms(sending, now_ms) > 0:
                continue
            if sending.sent > MAX_RETRANSMIT:
                self._stop(sending)
                self._outcomes.append((FAILED, sending.source, sending.token))
                continue
            if sending.newer is not None:
                self._replace(sending)
            sending.sent += 1
            sending.at_ms = now_ms
            out.append((sending.datagram, sending.source))
        self._look(now_ms)
        return out

    def wait_ms(self, now_ms: int) -> int | None:
        """Time until `due` has something; 0 when it has now, None when nothing is under way."""
        # A table of thousands is looked through only when something in it is due.
        if self._quiet_ms is None:
            return None
        return max(0, self._quiet_ms - self._diff(now_ms, self._looked_ms))

    def _fresh(self, entry: _Entry, now_ms: int) -> bool:
        return self._diff(now_ms, entry.at_ms) < self._lifetime_ms

    def _left_ms(self, sending: _Sending, now_ms: int) -> int:
        span = sending.first_ms << sending.sent - 1 if sending.sent else 0
        return span - self._diff(now_ms, sending.at_ms)

    def _look(self, now_ms: int) -> None:
        least = None
        for sending in self._sendings.values():
            left = self._left_ms(sending, now_ms)
            if least is None or left < least:
                least = left
        self._looked_ms = now_ms
        self._quiet_ms = least

    def _remember(self, request: Request, answer: bytes | None) -> None:
        key = (request.source, request.message.message_id)
        entry = self._cache.get(key)
        if entry is not None:
            entry.digest, entry.at_ms, entry.answer = request.digest, request.at_ms, answer
            return
        oldest = self._ring[self._at]
        if oldest is not None:
            del self._cache[oldest]
        self._ring[self._at] = key
        self._at = (self._at + 1) % self._limit
        self._cache[key] = _Entry(request.digest, request.at_ms, answer)

    def _next_message_id(self, source: Any) -> int:
        while True:
            self._message_id = self._message_id + 1 & 0xFFFF
            if (source, self._message_id) not in self._sendings:
                return self._message_id

    def _start(self, source: Any, message: Message, now_ms: int) -> _Sending:
        sending = _Sending(source, message, first_timeout_ms(self._random16()), now_ms)
        self._sendings[(source, sending.message_id)] = sending
        self._tokens[(source, sending.token)] = sending
        self._looked_ms = now_ms
        self._quiet_ms = 0
        return sending

    def _stop(self, sending: _Sending) -> None:
        self._sendings.pop((sending.source, sending.message_id), None)
        if self._tokens.get((sending.source, sending.token)) is sending:
            del self._tokens[(sending.source, sending.token)]

    def _replace(self, sending: _Sending) -> None:
        message = sending.newer
        if message is not None:
            del self._sendings[(sending.source, sending.message_id)]
            message.message_id = self._next_message_id(sending.source)
            sending.message_id = message.message_id
            sending.datagram = message.encode()
            sending.newer = None
            self._sendings[(sending.source, sending.message_id)] = sending

    def _ended(self, source: Any, message: Message, now_ms: int) -> None:
        sending = self._sendings.get((source, message.message_id))
        if sending is None or not sending.sent:
            return
        self._stop(sending)
        if message.type == RST:
            self._outcomes.append((RESET, source, sending.token))
            return
        self._outcomes.append((ACKED, source, sending.token))
        if sending.newer is not None:
            self.notify(source, sending.token, sending.newer, now_ms)
