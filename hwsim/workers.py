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


def as_done(jobs, function, rows, begin=None, arguments=()):
    """Yield `function(*row)` of each of `rows`, the first that is done first, from such a pool. What one
    raises is raised here, and what has not begun by then never does."""
    started = pool(jobs, begin, arguments)
    try:
        waiting = [started.submit(function, *row) for row in rows]
        for done in concurrent.futures.as_completed(waiting):
            yield done.result()
    finally:
        started.shutdown(cancel_futures=True)


def _begin(begin, arguments):
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    if begin is not None:
        begin(*arguments)


def _leave_with_parent():
    multiprocessing.parent_process().join()
    os._exit(1)
