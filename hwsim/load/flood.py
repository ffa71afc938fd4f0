"""Datagrams of nobody: what a gateway has to throw away while it serves the true ones."""

import random

from protocol import coap

_BURST = 32
_KINDS = 6
_VARIETIES = 683 * _KINDS


class Flood:
    """`rate` a second, in equal parts: noise, plain CoAP, OSCORE of an unknown context, a true context with a
    false seal, an honest datagram sent by somebody else a second time, the first message of a handshake."""

    def __init__(self, rate, stock, socks, seed=1):
        self.rate = rate
        self.socks = socks
        self.sent = 0
        self.sent_bytes = 0
        self.answers = 0
        self.answered_bytes = 0
        self.blocked = 0
        self._stock = stock
        rng = random.Random(f"flood {seed}")
        self._data = [_one(rng, stock.data, number % _KINDS) for number in range(_VARIETIES)]

    def send(self, now_s, flown):
        """What is due; True when more is than was sent. `flown`: so many honest datagrams could be copied."""
        due = int(now_s * self.rate)
        until = min(due, self.sent + _BURST)
        socks, data, honest = self.socks, self._data, self._stock.data
        for number in range(self.sent, until):
            datagram = data[number % _VARIETIES]
            if datagram is None:
                if not flown:
                    continue
                datagram = honest[number * 7919 % flown]
            try:
                self.sent_bytes += socks[number % len(socks)].send(datagram)
            except (BlockingIOError, ConnectionRefusedError):
                self.blocked += 1
        self.sent = max(self.sent, until)
        return due > until

    def receive(self, sock, began_s):
        try:
            data = sock.recv(2048)
        except (BlockingIOError, ConnectionRefusedError):
            return
        self.answers += 1
        self.answered_bytes += len(data)


def _one(rng, honest, kind):
    """None: a copy of what a car has sent by then."""
    mid, token = rng.randrange(65536), rng.randbytes(4)
    if kind == 4:
        return None
    if kind == 0:
        return rng.randbytes(rng.randrange(1, 400))
    if kind == 1:
        options = [(coap.URI_PATH, rng.choice((b"f", b"c", b".well-known", b"u")))]
        return coap.Message(coap.CON, coap.POST, mid, token, options, rng.randbytes(100)).encode()
    message = coap.decode(rng.choice(honest))
    if kind == 2:
        option = b"\x0a" + rng.randbytes(2) + rng.randbytes(3)
        message.options = [(coap.OSCORE, option)]
    elif kind == 3:
        value = message.option(coap.OSCORE)
        size = value[0] & 7
        piv = rng.randrange(1 << 20, 1 << 24).to_bytes(3, "big")
        message.options = [(coap.OSCORE, bytes((value[0] & 0xF8 | 3,)) + piv + value[1 + size :])]
    else:
        options = [(coap.URI_PATH, b".well-known"), (coap.URI_PATH, b"edhoc"), (coap.CONTENT_FORMAT, b"\x41")]
        first = b"\xf5\x03\x02\x58\x20" + rng.randbytes(32) + b"\x01"
        return coap.Message(coap.CON, coap.POST, mid, token, options, first).encode()
    message.message_id, message.token = mid, token
    return message.encode()
