"""Answers without OSCORE: to strangers, and where no work is begun. Each is counted. They prove nothing to
whoever gets them."""

import contextlib
from collections.abc import Callable
from typing import Any

from gateway.refusals import Refusals
from gateway.strangers import address, too_large
from protocol import coap
from protocol.coap import Message, code_text
from protocol.errors import Misuse
from protocol.responder import Request, Server


class Unprotected:
    """`retry_after` is the value of Max-Age; `send(datagram, source)` puts a datagram on the air."""

    def __init__(
        self,
        server: Server,
        refusals: Refusals,
        *,
        retry_after: bytes,
        send: Callable[[bytes, Any], None],
        random16: Callable[[], int],
    ) -> None:
        self._server = server
        self._refusals = refusals
        self._retry_after = retry_after
        self._send = send
        self._random16 = random16

    def refuse(self, request: Request, code: int, peer: str, reason: str, detail: str = "") -> None:
        """`peer` is a terminal's id, or the address of somebody unknown."""
        self._refusals.note(peer, reason, code_text(code), detail)
        self._answer(request, Message(coap.ACK, code))

    def come_again(self, request: Request, peer: str, reason: str) -> None:
        """Nothing was done: the same bytes may come again, later. `peer` as in `refuse`."""
        self._refusals.note(peer, reason, code_text(coap.SERVICE_UNAVAILABLE))
        options = [(coap.MAX_AGE, self._retry_after)]
        self._answer(request, Message(coap.ACK, coap.SERVICE_UNAVAILABLE, options=options))

    def too_large(self, data: bytes, source: Any) -> None:
        """`data` was not read, but for its head."""
        answer, code = too_large(data, self._random16)
        self._refusals.note(address(source), "too_large", code, f"{len(data)} bytes")
        if answer is not None:
            self._send(answer, source)

    def _answer(self, request: Request, message: Message) -> None:
        with contextlib.suppress(Misuse):
            self._send(self._server.respond(request, message, remember=False), request.source)
