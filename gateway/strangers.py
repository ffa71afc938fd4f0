"""What is known of whoever sent a datagram, and what he gets when it is too large to be read."""

from collections.abc import Callable
from typing import Any

from protocol import coap
from protocol.coap import Message
from protocol.exchange import reset_for


def address(source: Any) -> str:
    """A name for the log. Without the port: one machine is one peer, however many sockets it opens."""
    return str(source[0]) if isinstance(source, tuple) and source else str(source)


def too_large(data: bytes, random16: Callable[[], int]) -> tuple[bytes | None, str]:
    """(answer, its code for the log) to a datagram that stays unread."""
    size = data[0] & 0x0F
    head = data[0] >> 4
    # Version 1, CON or NON, a request with a token of proper length: it can be told.
    if head in (4, 5) and 0 < data[1] < 0x20 and size <= 8:
        kind = coap.ACK if head == 4 else coap.NON
        message_id = data[2] << 8 | data[3] if head == 4 else random16()
        answer = Message(kind, coap.TOO_LARGE, message_id, bytes(data[4 : 4 + size]))
        return answer.encode(), "4.13"
    return reset_for(data), ""
