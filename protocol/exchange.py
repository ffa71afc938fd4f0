"""The terminal's side of CoAP exchanges, sans-IO: RFC 7252 chapter 4, RFC 7641, and the two lanes.

A response does not end an exchange by itself. What arrives here is not authenticated yet: OSCORE lies
above. Whoever owns the client unprotects the response and then says `done` or `cancel`; until then the lane's
schedule goes on, so that a forged answer can't silence a panic.

Times are ticks that wrap. They are only ever compared as `diff(now, then) >= span`.
The gateway's side is `responder.py`; a terminal does not carry it.
"""

from protocol.coap import ACK, CON, EMPTY, OBSERVE, RST, Message, decode
from protocol.compat import Callable, const
from protocol.errors import Malformed, Misuse

URGENT = const(0)
BULK = const(1)

RESPONSE = const(1)
NOTIFICATION = const(2)
FAILED = const(3)
RESET = const(4)

URGENT_REPEAT_MS = const(500)
ACK_TIMEOUT_MS = const(2000)
MAX_RETRANSMIT = const(4)
EXCHANGE_LIFETIME_MS = const(247000)
# After an empty acknowledgement the separate response is due; RFC 7252 5.2.2 names no time for it.
SEPARATE_WAIT_MS = const(30000)

_SENDING = const(0)
_WAITING = const(1)
_LISTENING = const(2)

_SMALL_QUEUE = const(16)
_SEEN = const(16)


def plain_diff(a: int, b: int) -> int:
    """For clocks that do not wrap; `time.ticks_diff` on a terminal."""
    return a - b


def first_timeout_ms(random16: int) -> int:
    """ACK_TIMEOUT times a factor of 1 to 1.5 (ACK_RANDOM_FACTOR), RFC 7252 4.2."""
    span: int = ACK_TIMEOUT_MS + ((ACK_TIMEOUT_MS >> 1) * random16 >> 16)
    return span


def reset_for(data: bytes | bytearray | memoryview) -> bytes | None:
    """The Reset that answers a confirmable message which could not be read, RFC 7252 4.2; else None."""
    if len(data) < 4 or data[0] >> 4 != 4:
        return None
    return bytes((0x70, 0, data[2], data[3]))


def empty(type: int, message_id: int) -> bytes:
    """An empty acknowledgement or Reset."""
    return bytes((0x40 | type << 4, 0, message_id >> 8, message_id & 0xFF))


class Exchange:
    """The handle of one request. Read `lane`, `token`, `message_id`, `sent` (datagrams handed out so far)."""

    def __init__(self, lane: int, message: Message, first_ms: int):
        self.lane = lane
        self.token = message.token
        self.message_id = message.message_id
        self.datagram = message.encode()
        self.observe = message.option(OBSERVE) == b""
        self.answered = False
        self.sent = 0
        self.state = _SENDING
        self.at_ms = 0
        self.first_ms = first_ms
        self.at_once = True

    def span_ms(self) -> int:
        """Time from `at_ms` to this exchange's next step."""
        span: int = self.first_ms << self.sent - 1 if self.sent else 0
        if self.at_once:
            span = 0
        elif self.state == _WAITING:
            span = SEPARATE_WAIT_MS
        elif self.lane == URGENT:
            span = URGENT_REPEAT_MS
        return span


class Client:
    """`random16()` gives 0..65535; `diff(a, b)` is the clock's signed difference.

    Events are tuples (kind, handle, message); `message` is None for FAILED and RESET."""

    def __init__(
        self, random16: Callable[[], int], diff: Callable[[int, int], int] = plain_diff, limit: int = 16
    ):
        self._random16 = random16
        self._diff = diff
        self._limit = limit
        self._exchanges: list[Exchange] = []
        self._small: list[bytes] = []
        self._events: list[tuple[int, Exchange, Message | None]] = []
        self._seen: list[tuple[tuple[int, int], int]] = []
        self._message_id = random16()
        self._token = random16()
        self.malformed = 0
        self.unexpected = 0

    def request(self, message: Message, lane: int, now_ms: int, first: bool = False) -> Exchange:
        """Starts a confirmable exchange; `message` gets its type, message id and token here.

        URGENT repeats the same bytes every 500 ms until `done`, `quiet` or `cancel`. BULK backs off as RFC
        7252 4.2 says and ends with FAILED. With an Observe option of 0 the token stays known after `done`.
        `first` puts it before all others of its lane."""
        if len(self._exchanges) >= self._limit:
            raise Misuse("client: more than %d exchanges" % self._limit)
        message.type = CON
        message.message_id = self._next_message_id()
        high = self._random16()
        self._token = self._token + 1 & 0xFFFF
        message.token = bytes((high >> 8, high & 0xFF, self._token >> 8, self._token & 0xFF))
        handle = Exchange(lane, message, first_timeout_ms(self._random16()))
        handle.at_ms = now_ms
        self._exchanges.insert(0 if first else len(self._exchanges), handle)
        return handle

    def done(self, handle: Exchange) -> None:
        """The answer is authentic. An observation goes on listening; anything else is forgotten."""
        handle.answered = True
        if handle.observe:
            self.quiet(handle)
        else:
            self.cancel(handle)

    def quiet(self, handle: Exchange) -> None:
        """Send no more, but go on taking an answer: it may still be on its way."""
        handle.state = _LISTENING
        handle.datagram = b""

    def cancel(self, handle: Exchange) -> None:
        """Forget it; a confirmable message with its token is answered with a Reset from now on."""
        if handle in self._exchanges:
            self._exchanges.remove(handle)

    def unsent(self, handle: Exchange) -> None:
        """The bearer did not take the datagram that `due` just gave: it does not count, and is due again."""
        if handle.sent:
            handle.sent -= 1
        handle.at_once = True

    def hurry(self, now_ms: int) -> None:
        """The path works again: what waits for its next repetition need not wait on, and its pauses begin
        anew. First sendings and exchanges that were heard of less than ACK_TIMEOUT ago are left alone."""
        for handle in self._exchanges:
            if handle.state == _SENDING and handle.lane == BULK and handle.sent > 1:
                if self._diff(now_ms, handle.at_ms) >= ACK_TIMEOUT_MS:
                    handle.at_once = True
                    handle.sent = 1

    def receive(
        self, data: bytes | bytearray | memoryview, now_ms: int
    ) -> list[tuple[int, Exchange, Message | None]]:
        """Takes one datagram; returns the events it caused. Acknowledgements to send come out of `due`."""
        try:
            message = decode(data)
        except Malformed:
            self.malformed += 1
            self._say(reset_for(data))
            return self.events()
        if message.type == RST:
            self._reset(message.message_id)
        elif message.type == ACK:
            self._acknowledged(message, now_ms)
        elif message.is_response():
            self._separate(message, data, now_ms)
        else:
            # A ping (RFC 7252 4.3), or a request to somebody who serves nothing.
            self._refuse(message)
        return self.events()

    def events(self) -> list[tuple[int, Exchange, Message | None]]:
        """What happened since the last call: `receive` returns it too; FAILED comes up in `due`."""
        events = self._events
        if events:
            self._events = []
        return events

    def due(self, now_ms: int) -> list[tuple[bytes, Exchange | None]]:
        """Datagrams to send now, as (bytes, handle); acknowledgements come first, with handle None."""
        out: list[tuple[bytes, Exchange | None]] = []
        while self._small:
            out.append((self._small.pop(0), None))
        if self._exchanges:
            self._add_due(URGENT, now_ms, out)
            self._add_due(BULK, now_ms, out)
        return out

    # A terminal asks for this and for `wait_ms` many times a minute, mostly for nothing. Counted through,
    # since MicroPython would take heap for a `for` in each call.
    def _add_due(self, lane: int, now_ms: int, out: list[tuple[bytes, Exchange | None]]) -> None:
        at = 0
        while at < len(self._exchanges):
            handle = self._exchanges[at]
            at += 1
            if handle.lane != lane or handle.state == _LISTENING or self._left_ms(handle, now_ms) > 0:
                continue
            if handle.state == _WAITING or (lane == BULK and handle.sent > MAX_RETRANSMIT):
                self._end(FAILED, handle)
                at -= 1
                continue
            handle.sent += 1
            handle.at_ms = now_ms
            handle.at_once = False
            out.append((handle.datagram, handle))

    def wait_ms(self, now_ms: int) -> int | None:
        """Time until `due` has something; 0 when it has now, None when nothing is under way."""
        if self._small or self._events:
            return 0
        least = None
        at = len(self._exchanges)
        while at:
            at -= 1
            if self._exchanges[at].state != _LISTENING:
                left = self._left_ms(self._exchanges[at], now_ms)
                if least is None or left < least:
                    least = left
        return None if least is None else max(0, least)

    def _left_ms(self, handle: Exchange, now_ms: int) -> int:
        return 0 if handle.at_once else handle.span_ms() - self._diff(now_ms, handle.at_ms)

    def _next_message_id(self) -> int:
        while True:
            self._message_id = self._message_id + 1 & 0xFFFF
            if self._by_message_id(self._message_id) is None:
                return self._message_id

    def _by_message_id(self, message_id: int) -> Exchange | None:
        for handle in self._exchanges:
            if handle.message_id == message_id:
                return handle
        return None

    def _end(self, kind: int, handle: Exchange) -> None:
        self.cancel(handle)
        self._events.append((kind, handle, None))

    def _reset(self, message_id: int) -> None:
        handle = self._by_message_id(message_id)
        if handle is None or handle.answered or not handle.sent:
            self.unexpected += 1
        elif handle.lane == URGENT or handle.state == _LISTENING:
            # Nobody proved that this Reset is the gateway's. It is told, but does not stop the urgent lane.
            self._events.append((RESET, handle, None))
        else:
            self._end(RESET, handle)

    def _acknowledged(self, message: Message, now_ms: int) -> None:
        handle = self._by_message_id(message.message_id)
        if handle is None or handle.answered or not handle.sent:
            self.unexpected += 1
        elif message.code == EMPTY:
            # As above: an empty acknowledgement proves nothing, so the urgent lane ignores it.
            if handle.lane == BULK and handle.state == _SENDING:
                handle.state = _WAITING
                handle.at_ms = now_ms
                handle.at_once = False
        elif message.token == handle.token:
            self._events.append((RESPONSE, handle, message))
        else:
            self.unexpected += 1

    def _separate(self, message: Message, data: bytes | bytearray | memoryview, now_ms: int) -> None:
        """A response or notification in a message of its own."""
        for handle in self._exchanges:
            if handle.token == message.token and handle.sent:
                break
        else:
            self._refuse(message)
            return
        if message.type == CON:
            self._say(empty(ACK, message.message_id))
        # The bytes count as well as the number: a gateway that started again may use the number anew.
        name = (message.message_id, hash(bytes(data)))
        for seen, at_ms in self._seen:
            if seen == name and 0 <= self._diff(now_ms, at_ms) < EXCHANGE_LIFETIME_MS:
                return
        if len(self._seen) == _SEEN:
            self._seen.pop(0)
        self._seen.append((name, now_ms))
        notification = handle.answered and message.option(OBSERVE) is not None
        self._events.append((NOTIFICATION if notification else RESPONSE, handle, message))

    def _refuse(self, message: Message) -> None:
        self.unexpected += 1
        if message.type == CON:
            self._say(empty(RST, message.message_id))

    def _say(self, data: bytes | None) -> None:
        if data is not None and len(self._small) < _SMALL_QUEUE:
            self._small.append(data)
