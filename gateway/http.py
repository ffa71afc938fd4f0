"""Just enough HTTP for a scraper, a health check and a document: GET and HEAD of a few pages, POST of a few
bytes, one request a connection.

It runs on the service's own loop, so an answer proves that the loop turns.
"""

import asyncio
import contextlib
import re
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

MAX_REQUEST = 8192
TIMEOUT_S = 5.0
MAX_CONNECTIONS = 32

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Page:
    """What is answered."""

    status: int
    body: bytes
    content_type: str = TEXT


_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]+)[ \t]*(?=\r\n)", re.IGNORECASE)
_REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    401: "Unauthorized",
    403: "Forbidden",
    405: "Method Not Allowed",
    409: "Conflict",
    411: "Length Required",
    413: "Content Too Large",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


class HttpServer:
    """`pages` maps a path to what makes its page, `posts` one to what is given the body, at most `limit`
    bytes, and the caller's address."""

    def __init__(
        self,
        pages: dict[str, Callable[[], Awaitable[Page]]],
        posts: dict[str, Callable[[bytes, str], Awaitable[Page]]] | None = None,
        limit: int = 0,
    ) -> None:
        self._pages = pages
        self._posts = posts or {}
        self._limit = limit
        self._allow = "GET, HEAD" if pages else "POST"
        self._server: asyncio.Server | None = None
        self._open = 0

    async def listen(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        """Raises OSError."""
        hurry = {} if tls is None else {"ssl_handshake_timeout": TIMEOUT_S, "ssl_shutdown_timeout": 1.0}
        self._server = await asyncio.start_server(
            self._serve, host, port, limit=MAX_REQUEST, ssl=tls, **hurry
        )

    @property
    def address(self) -> tuple[str, int]:
        assert self._server is not None
        name = self._server.sockets[0].getsockname()
        return name[0], name[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open <= MAX_CONNECTIONS:
                async with asyncio.timeout(TIMEOUT_S):
                    await self._answer(reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever asked went away, dawdled, or speaks something else
        finally:
            self._open -= 1
            with contextlib.suppress(OSError):
                writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        parts = head.split(b"\r\n", 1)[0].split(b" ")
        if len(parts) != 3 or not parts[2].startswith(b"HTTP/1."):
            page = Page(400, b"not HTTP/1\n")
        elif parts[0] == b"POST" and self._posts:
            page = await self._posted(head, parts[1].decode("latin-1"), reader, writer)
        elif parts[0] not in (b"GET", b"HEAD") or not self._pages:
            page = Page(405, f"{self._allow} only\n".encode())
        else:
            page = await self._page(parts[1].split(b"?", 1)[0].decode("latin-1"))
        lines = [
            f"HTTP/1.1 {page.status} {_REASONS[page.status]}",
            f"Content-Type: {page.content_type}",
            f"Content-Length: {len(page.body)}",
            "Cache-Control: no-store",
            "Connection: close",
        ]
        if page.status == 405:
            lines.append(f"Allow: {self._allow}")
        writer.write("\r\n".join([*lines, "", ""]).encode())
        if parts[0] != b"HEAD":
            writer.write(page.body)
        await writer.drain()

    async def _posted(
        self, head: bytes, path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Page:
        take = self._posts.get(path)
        if take is None:
            return Page(404, ("\n".join(["here are:", *self._posts]) + "\n").encode())
        lengths = _LENGTH.findall(head)
        if len(lengths) != 1 or b"\r\ntransfer-encoding:" in head.lower():
            return Page(411, b"one Content-Length, please\n")
        length = int(lengths[0][:9])
        if length > self._limit:
            return Page(413, f"at most {self._limit} bytes\n".encode())
        body = await reader.readexactly(length)
        try:
            return await take(body, writer.get_extra_info("peername")[0])
        except Exception as error:
            return Page(500, f"{type(error).__name__}\n".encode())

    async def _page(self, path: str) -> Page:
        make = self._pages.get(path)
        if make is None:
            return Page(404, ("\n".join(["here are:", *self._pages]) + "\n").encode())
        try:
            return await make()
        except Exception as error:
            return Page(500, f"{type(error).__name__}: {error}\n".encode())
