"""The UDP endpoint. Datagrams are received whole, whatever their size, so that the large ones can be
refused."""

import asyncio
import contextlib
import socket
from collections import deque
from collections.abc import Callable
from typing import Any

from gateway import many
from gateway.log import Log

_WHOLE = 65536
# So many are taken from the kernel in one turn of the loop, some milliseconds, before what was taken goes on.
# In an overload most are told to wait, at little cost, and an alarm must not stand behind them in the kernel.
_TURN = 512
# Answers that wait because the network takes nothing. More of them help nobody: the terminal asks again.
_MOST = 1024


class ListenError(Exception):
    """The address cannot be taken. `keys` of the configuration say which it is; `do` is for people."""

    def __init__(
        self,
        reason: str,
        keys: str = "listen.host, listen.port",
        do: str = "stop whoever uses it (ss -ulpn shows), or choose another",
    ) -> None:
        super().__init__(reason)
        self.keys = keys
        self.do = do


class Endpoint(asyncio.DatagramProtocol):
    """`receive(data, source)` gets each datagram; `send` drops silently when the network does.

    It reads its socket by itself until that is empty: a turn of the loop, a read and a transport for each
    datagram would cost more than all else that is done with it."""

    def __init__(self, receive: Callable[[bytes, Any], None], log: Log) -> None:
        self._receive = receive
        self._log = log
        self._transport: Any = None
        self._socket: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: deque[tuple[bytes, Any]] = deque()
        self._many: many.Many | None = None
        self._sender: many.Sender | None = None
        self._answers: list[tuple[bytes, Any]] = []
        self.unsent = 0

    @classmethod
    async def open(
        cls,
        host: str,
        port: int,
        receive_buffer: int,
        receive: Callable[[bytes, Any], None],
        log: Log,
        reuse_port: bool = False,
    ) -> "Endpoint":
        """Raises ListenError. With `reuse_port` several processes share the port."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE)
            sock = _bind(found, receive_buffer, reuse_port)
        except OSError as error:
            raise ListenError(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
        endpoint = cls(receive, log)
        endpoint._socket, endpoint._loop = sock, loop
        if many.supported():
            endpoint._many = many.Many(sock)
            endpoint._sender = many.Sender(sock)
        loop.add_reader(sock.fileno(), endpoint._readable)
        return endpoint

    @property
    def address(self) -> tuple[str, int]:
        """Host and port as bound."""
        name = (
            self._socket.getsockname()
            if self._socket is not None
            else self._transport.get_extra_info("sockname")
        )
        return name[0], name[1]

    def send(self, datagram: bytes, source: Any) -> None:
        if self._socket is None:
            if self._transport is not None and not self._transport.is_closing():
                self._transport.sendto(datagram, source)
        elif self._waiting:
            self._wait(datagram, source)
        elif self._sender is not None and self._sender.fits(datagram):
            self._answers.append((datagram, source))
            if len(self._answers) == 1 and self._loop is not None:
                # Those of one commit go together. One by one each of them let the interpreter go: 3 % of all
                # that the gateway does for a frame.
                self._loop.call_soon(self._flush)
            elif len(self._answers) == many.MOST:
                self._flush()
        else:
            try:
                self._socket.sendto(datagram, source)
            except (BlockingIOError, InterruptedError):
                self._wait(datagram, source)
            except OSError as error:
                self.error_received(error)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
        if self._socket is not None and self._loop is not None:
            self._flush()
            self._loop.remove_reader(self._socket.fileno())
            self._loop.remove_writer(self._socket.fileno())
            self._waiting.clear()
            self._socket.close()
            self._socket = None

    # A transport of somebody else's, such as the bench's, tells by these.

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

    def _readable(self) -> None:
        try:
            for _ in range(_TURN // many.MOST):
                came = self._take()
                for data, source in came:
                    self.datagram_received(data, source)
                if self._socket is None or len(came) < many.MOST:
                    return
        except OSError as error:
            self.error_received(error)

    def _take(self) -> list[tuple[bytes, Any]]:
        """What is there, `many.MOST` of it. Raises OSError."""
        if self._many is not None:
            return self._many.receive()
        came: list[tuple[bytes, Any]] = []
        with contextlib.suppress(BlockingIOError, InterruptedError):
            while self._socket is not None and len(came) < many.MOST:
                came.append(self._socket.recvfrom(_WHOLE))
        return came

    def _flush(self) -> None:
        answers, self._answers = self._answers, []
        sender, done = self._sender, 0
        while done < len(answers) and sender is not None and self._socket is not None:
            count, wrong = sender.send(answers[done:] if done else answers)
            done += count
            if isinstance(wrong, BlockingIOError):
                for datagram, source in answers[done:]:
                    self._wait(datagram, source)
                return
            if wrong is not None:
                self.error_received(wrong)
                done += 1

    def _wait(self, datagram: bytes, source: Any) -> None:
        if len(self._waiting) >= _MOST:
            self.unsent += 1
            return
        self._waiting.append((datagram, source))
        if len(self._waiting) == 1 and self._loop is not None and self._socket is not None:
            self._loop.add_writer(self._socket.fileno(), self._writable)

    def _writable(self) -> None:
        while self._waiting and self._socket is not None:
            try:
                self._socket.sendto(*self._waiting[0])
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                self.error_received(error)
            self._waiting.popleft()
        if self._socket is not None and self._loop is not None:
            self._loop.remove_writer(self._socket.fileno())


def _bind(found: list[Any], receive_buffer: int, reuse_port: bool) -> socket.socket:
    """The first of the addresses that can be taken. Raises OSError."""
    trouble: OSError | None = None
    for family, kind, protocol, _, address in found:
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            if reuse_port:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.bind(address)
        except OSError as error:
            sock.close()
            trouble = error
        else:
            return sock
    raise trouble or OSError("no such address")
