"""The UDP endpoint. Datagrams are received whole, whatever their size, so that the large ones can be
refused."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from gateway.log import Log


class ListenError(Exception):
    """The address cannot be taken."""


class Endpoint(asyncio.DatagramProtocol):
    """`receive(data, source)` gets each datagram; `send` drops silently when the network does."""

    def __init__(self, receive: Callable[[bytes, Any], None], log: Log) -> None:
        self._receive = receive
        self._log = log
        self._transport: Any = None
        self.unsent = 0

    @classmethod
    async def open(
        cls, host: str, port: int, receive_buffer: int, receive: Callable[[bytes, Any], None], log: Log
    ) -> "Endpoint":
        """Raises ListenError."""
        loop = asyncio.get_running_loop()
        try:
            transport, endpoint = await loop.create_datagram_endpoint(
                lambda: cls(receive, log), local_addr=(host, port)
            )
        except OSError as error:
            raise ListenError(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        return endpoint

    @property
    def address(self) -> tuple[str, int]:
        """Host and port as bound."""
        name = self._transport.get_extra_info("sockname")
        return name[0], name[1]

    def send(self, datagram: bytes, source: Any) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > 1 << 20:
            self.unsent += 1  # the terminal asks again; a queue of old answers helps nobody
            return
        self._transport.sendto(datagram, source)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        try:
            self._receive(data, addr)
        except Exception as error:
            # The last line of defence: one datagram must never end the service.
            self._log.error("datagram.failed", error=f"{type(error).__name__}: {error}", bytes=len(data))

    def error_received(self, exc: Exception) -> None:
        self._log.debug("datagram.error", error=str(exc))
