"""Signatures checked on threads: the check releases the interpreter, and many share one hop to a thread."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from gateway.security import verify

# What one hop takes at most: some milliseconds, for which an alarm waits.
_BATCH = 32

# (key, what was signed, signature)
Claim = tuple[EllipticCurvePublicKey, bytes, bytes]
Outcome = list[list[bool]]


class Verifier:
    """`free` threads wait for something to do."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, "verify")
        self._loop = asyncio.get_running_loop()
        self.free = threads

    def share(self, waiting: int) -> int:
        """How many of those that wait are one thread's part, so that none idles while another has a long
        list."""
        return min(_BATCH, -(-waiting // self.free))

    def check(self, batch: list[list[Claim]], done: Callable[[Outcome | Exception], None]) -> None:
        """On a thread that is free: one truth for each claim, in order, or what went wrong."""
        self.free -= 1
        self._loop.run_in_executor(self._pool, _check, batch).add_done_callback(partial(self._done, done))

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _done(self, done: Callable[[Outcome | Exception], None], future: "asyncio.Future[Outcome]") -> None:
        self.free += 1
        if not future.cancelled():
            error = future.exception()
            if error is None:
                done(future.result())
            elif isinstance(error, Exception):
                done(error)


def _check(batch: list[list[Claim]]) -> Outcome:
    return [[verify(key, signed, signature) for key, signed, signature in claims] for claims in batch]
