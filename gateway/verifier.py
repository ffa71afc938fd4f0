"""Signatures, checked in batches by two kinds of hands: the loop itself, and threads beside it.

A check of 65 us lets the interpreter go, so a thread can check while the loop does other things. But a thread
has to get the interpreter back after each one, and a loop that is busy gives it up only for moments; so
threads alone fall behind just when there is most to do (docs/adr/0018 has figures). The loop checks too:
few at once by itself, since a hop to a thread takes longer; and when there are many, what the threads leave.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from gateway.security import verify

# What one hop to a thread takes, some milliseconds, for which an alarm waits at most; and what is worth one.
_BATCH = 32
_WORTH = 8
# On the loop: about a millisecond, then it looks for datagrams.
_TURN = 16

# (key, what was signed, signature)
Claim = tuple[EllipticCurvePublicKey, bytes, bytes]
Outcome = list[list[bool]]
Done = Callable[[Outcome | Exception], None]


class Verifier:
    """Ask `share` how many the next free hand takes, and give it these with `check`."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, "verify") if threads else None
        self._loop = asyncio.get_running_loop()
        self._threads = threads  # those that have nothing to do
        self._idle = True  # the loop

    def share(self, waiting: int, hurry: bool) -> int:
        """0 when no hand is free. `hurry`: there is something urgent among them, for which the loop is the
        quicker."""
        if self._there_is(waiting, hurry):
            return min(_BATCH, waiting)
        return min(_TURN, waiting) if self._idle else 0

    def check(self, batch: list[list[Claim]], hurry: bool, done: Done) -> None:
        """One truth for each claim, in order, or what went wrong. `done` is called later, never from here."""
        if self._there_is(len(batch), hurry):
            self._threads -= 1
            future = self._loop.run_in_executor(self._pool, _check, batch)
            future.add_done_callback(partial(self._there, done))
        else:
            self._idle = False
            self._loop.call_soon(self._here, batch, done)

    def _there_is(self, count: int, hurry: bool) -> bool:
        """A thread is to take them."""
        return self._threads > 0 and count >= _WORTH and not (hurry and self._idle)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _here(self, batch: list[list[Claim]], done: Done) -> None:
        self._idle = True
        try:
            outcome = _check(batch)
        except Exception as error:
            done(error)
        else:
            done(outcome)

    def _there(self, done: Done, future: "asyncio.Future[Outcome]") -> None:
        self._threads += 1
        if not future.cancelled():
            error = future.exception()
            if error is None:
                done(future.result())
            elif isinstance(error, Exception):
                done(error)


def _check(batch: list[list[Claim]]) -> Outcome:
    return [[verify(key, signed, signature) for key, signed, signature in claims] for claims in batch]
