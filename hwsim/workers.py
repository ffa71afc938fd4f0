"""Work side by side, in processes that end with the one that started them."""

import concurrent.futures
import multiprocessing
import os
import threading

CONTEXT = multiprocessing.get_context("spawn")


def pool(jobs, begin=None, arguments=()):
    """A ProcessPoolExecutor of `jobs` processes; each calls `begin(*arguments)` first.

    When this process dies, however it does, its workers leave at once: they would play on for minutes what
    nobody hears of any more, and then wait for more of it for ever.
    """
    return concurrent.futures.ProcessPoolExecutor(jobs, CONTEXT, _begin, (begin, arguments))


def _begin(begin, arguments):
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    if begin is not None:
        begin(*arguments)


def _leave_with_parent():
    multiprocessing.parent_process().join()
    os._exit(1)
