"""Just enough HTTP for a scraper and a health check: GET and HEAD of a few pages, one request a connection.

It runs on the service's own loop, so an answer proves that the loop turns.
"""

import asyncio
import contextlib
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


_REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


class HttpServer:
    """`pages` maps a path to what makes its page."""

    def __init__(self, pages: dict[str, Callable[[], Awaitable[Page]]]) -> None:
        self._pages = pages
        self._server: asyncio.Server | None = None
        self._open = 0

    async def listen(self, host: str, port: int) -> None:
        """Raises OSError."""
        self._server = await asyncio.start_server(self._serve, host, port, limit=MAX_REQUEST)

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
        elif parts[0] not in (b"GET", b"HEAD"):
            page = Page(405, b"GET only\n")
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
            lines.append("Allow: GET, HEAD")
        writer.write("\r\n".join([*lines, "", ""]).encode())
        if parts[0] != b"HEAD":
            writer.write(page.body)
        await writer.drain()

    async def _page(self, path: str) -> Page:
        make = self._pages.get(path)
        if make is None:
            return Page(404, ("\n".join(["here are:", *self._pages]) + "\n").encode())
        try:
            return await make()
        except Exception as error:
            return Page(500, f"{type(error).__name__}: {error}\n".encode())
