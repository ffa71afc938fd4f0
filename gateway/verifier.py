"""Signatures checked on threads: the check releases the interpreter, and many share one hop to a thread."""

import asyncio
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from gateway.security import verify

_BATCH = 32

# (key, what was signed, signature)
Claim = tuple[EllipticCurvePublicKey, bytes, bytes]


class Verifier:
    """`check` answers for a list of claims at once."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, "verify")
        self._free = threads
        self._waiting: deque[tuple[list[Claim], asyncio.Future[list[bool]]]] = deque()

    async def check(self, claims: list[Claim]) -> list[bool]:
        """One truth for each claim, in order."""
        future: asyncio.Future[list[bool]] = asyncio.get_running_loop().create_future()
        self._waiting.append((claims, future))
        self._pump()
        return await future

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _pump(self) -> None:
        loop = asyncio.get_running_loop()
        while self._free and self._waiting:
            # A fair share for each free thread, so that none idles while another has a long list.
            share = min(_BATCH, -(-len(self._waiting) // self._free))
            batch = [self._waiting.popleft() for _ in range(share)]
            self._free -= 1
            done = loop.run_in_executor(self._pool, _check, [claims for claims, _ in batch])
            done.add_done_callback(partial(self._done, [future for _, future in batch]))

    def _done(
        self, futures: "list[asyncio.Future[list[bool]]]", outcome: "asyncio.Future[list[list[bool]]]"
    ) -> None:
        self._free += 1
        error = None if outcome.cancelled() else outcome.exception()
        for index, future in enumerate(futures):
            if future.done():
                continue
            if outcome.cancelled():
                future.cancel()
            elif error is not None:
                future.set_exception(error)
            else:
                future.set_result(outcome.result()[index])
        if self._waiting:
            self._pump()


def _check(batch: list[list[Claim]]) -> list[list[bool]]:
    return [[verify(key, signed, signature) for key, signed, signature in claims] for claims in batch]
