"""Which of the computer's cores a bench runs on.

Bench and program take turns: on one core the one that waits costs nothing, and what both touch stays in that
core's cache. Runs side by side get a core each.
"""

import contextlib
import os


def share(context, jobs):
    """(initializer, initargs) for the workers of a pool: each keeps to a core of its own, as far as there are
    enough."""
    cores = context.Queue()
    found = sorted(_allowed())
    for number in range(jobs):
        cores.put(found[number % len(found)] if found else None)
    return _take, (cores,)


@contextlib.contextmanager
def one():
    """Everything that is started meanwhile keeps to the core that this process runs on."""
    before = _allowed()
    _keep(_here(before))
    try:
        yield
    finally:
        if before:
            os.sched_setaffinity(0, before)


def _allowed():
    # macOS knows no such thing.
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()


def _here(allowed):
    try:
        with open("/proc/self/stat", "rb") as file:
            core = int(file.read().rsplit(b")", 1)[1].split()[36])
    except OSError:
        return None
    return core if core in allowed else None


def _take(cores):
    _keep(cores.get())


def _keep(core):
    if core is not None:
        os.sched_setaffinity(0, {core})
