"""Signatures, checked in batches: on the loop itself, or on threads.

A check of 65 us releases the interpreter, so threads can check beside the loop. But a thread that has checked
one must get the interpreter back before the next, and a loop that is busy gives it up only when told to, or
while it waits: with one thread for each core the loop's own work and the hand-overs cost more than the check.
docs/adr/0016 has the figures. Threads are for a gateway with a lighter load than its cores could carry, whose
answers are to be a little quicker.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from gateway.security import verify

# What one hop to a thread takes at most: some milliseconds, for which an alarm waits.
_BATCH = 32
# On the loop: about a millisecond, then it looks for datagrams.
_TURN = 16

# (key, what was signed, signature)
Claim = tuple[EllipticCurvePublicKey, bytes, bytes]
Outcome = list[list[bool]]


class Verifier:
    """`free` of its hands have nothing to do; with no threads there is one, the loop."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, "verify") if threads else None
        self._loop = asyncio.get_running_loop()
        self.free = threads or 1

    def share(self, waiting: int) -> int:
        """How many of those that wait are one hand's part, so that none idles while another has a long
        list."""
        return min(_TURN if self._pool is None else _BATCH, -(-waiting // self.free))

    def check(self, batch: list[list[Claim]], done: Callable[[Outcome | Exception], None]) -> None:
        """By a hand that is free: one truth for each claim, in order, or what went wrong. `done` is called
        later, never from here."""
        self.free -= 1
        if self._pool is None:
            self._loop.call_soon(self._here, batch, done)
        else:
            future = self._loop.run_in_executor(self._pool, _check, batch)
            future.add_done_callback(partial(self._done, done))

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _here(self, batch: list[list[Claim]], done: Callable[[Outcome | Exception], None]) -> None:
        self.free += 1
        try:
            outcome = _check(batch)
        except Exception as error:
            done(error)
        else:
            done(outcome)

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
