"""What goes wrong inside the program when the bench says so: a task dies or hangs, everything hangs, the heap
runs out. The program's own code has no part in it; the tasks are met where the loop takes them."""

import gc

import _bench
import _tasks

DEATH, HANG, FREEZE, BALLAST = 1, 2, 3, 4  # hwsim/faults/chip.py says the same
INTERRUPT = 5  # hwsim/prompt.py: Ctrl-C at the console
CRUMBS = 6  # tests/mutants/starved.py
_ERRORS = (MemoryError, OSError, ValueError, RuntimeError)
_PIECE = 2048
_LEAST = 32
_CRUMBS = 16384

_wanted = 0  # number of the task that is to die or hang, in the order in which tasks were made
_kind = 0
_error = None
_hung = []  # they stay what they are: nobody's
_ballast = []


def take(kind, data):
    """An order of the bench: DEATH (task, error), HANG (task), FREEZE, BALLAST (free bytes to leave; all
    ones: give everything back), CRUMBS (in pieces of how many bytes a little of the heap is left)."""
    global _wanted, _kind, _error
    if kind == INTERRUPT:
        raise KeyboardInterrupt
    if kind == BALLAST:
        _fill(int.from_bytes(data, "little"))
        return
    if kind == CRUMBS:
        _crumble(int.from_bytes(data, "little"))
        return
    _kind = kind
    if kind != FREEZE:
        _wanted = data[0]
        _error = _ERRORS[data[1] % len(_ERRORS)] if kind == DEATH else None
    _tasks.doom = _meet


def _nothing():
    return
    yield


def _meet(task):
    """The loop is about to run `task`: the task to run in its place."""
    if _kind == FREEZE:
        _bench.note("fault: the program stands still")
        while True:
            _bench.wait(_bench.FOREVER)
    if task.number != _wanted or task.data is not None:
        return task
    _tasks.doom = None
    if _kind == DEATH:
        _bench.note("fault: task %d dies of %s" % (_wanted, _error.__name__))
        task.data = _error("fault")
        return task
    _bench.note("fault: task %d hangs" % _wanted)
    _hung.append(task)
    return _tasks.Task(_nothing())


def _fill(left):
    global _ballast
    _ballast = []
    gc.collect()
    if left == 0xFFFFFFFF:
        return
    size = _PIECE
    while size >= _LEAST and gc.mem_free() > left:
        try:
            while gc.mem_free() - size > left:
                _ballast.append(bytearray(size))
        except MemoryError:
            pass
        size >>= 1
    _bench.note("fault: %d bytes of heap left" % gc.mem_free())


def _crumble(size):
    """Of a full heap a few KB come free again, in pieces of `size` bytes that do not touch."""
    global _ballast
    _ballast = room = crumbs = None
    gc.collect()
    piece = _CRUMBS
    while room is None and piece:
        try:
            room = bytearray(piece)
        except MemoryError:
            piece >>= 1
    kept = None  # a chain: a list would ask for ever larger pieces itself
    while piece:
        try:
            while True:
                kept = (kept, bytearray(piece))
        except MemoryError:
            piece >>= 1
    room = None
    gc.collect()
    try:
        while True:
            crumbs = (crumbs, bytearray(size))
            kept = (kept, bytearray(1))
    except MemoryError:
        pass
    _ballast = kept
    crumbs = None
    gc.collect()
    _bench.note("fault: %d bytes of heap left, in pieces of %d" % (gc.mem_free(), size))
