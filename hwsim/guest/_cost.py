"""What the program's own operations cost the chip: each call of a named one keeps the processor busy.

Most of the program's modules are linked into one, some are loaded now and then. As soon as one of them is
imported, the operations named in the bench's table are wrapped in it. A name is `module:function` or
`module:Class.method` as in the sources; what the linker called it is found here. What a generator does
between two of its values is one operation. `import:module` is an import.
"""

import builtins
import gc
import sys

import _bench
import _memory
import _order

LINKED = "patrola"
HARDWARE = "firmware.hal"
TURN = "asyncio:turn"
IMPORT = "import:"
_ROOM = 128  # bytes that a wrapper takes, beside what holds them
_NEVER = 1 << 60

_table = {}  # name -> what `_wrap` gets
_wrap = None
_told_us = _NEVER
_spare = None
_plain_import = builtins.__import__


def arm(table, told_us=0):
    """Charge for the operations of `table`: lines of a name, microseconds, and how many arguments it has in
    every call; 0: now so, now so, but none by its name; -1: nobody knows. Those of `told_us` and more
    are told to the bench as they begin (0: none)."""
    global _told_us, _spare
    _told_us = told_us or _NEVER
    table = _Lines(table)
    watch(table, _charging, _import_charged)
    count = 0
    for name, (us, _) in table.items():
        count += 1
        if name == TURN:
            sys.modules["_asyncio"].turn_us = us
    # The wrappers are no part of the program: their room is kept for them, and given back then.
    _spare = [bytearray(_ROOM) for _ in range(count)]


class _Lines:
    """{name: (number, number)} as text that is no part of the heap."""

    def __init__(self, text):
        self._text = _memory.buffer(len(text))
        self._text[:] = text.encode()

    def items(self):
        text = self._text
        begin = 0
        for end in range(len(text)):
            if text[end] == 10:
                name, first, second = str(text[begin:end], "utf-8").split(" ")
                begin = end + 1
                yield name, (int(first), int(second))


def watch(table, wrap, imported):
    """`wrap(function, row, name, pieces)` for each operation of `table.items()` when it is loaded;
    `imported(name, call)` for each module that has some: `call()` imports it."""
    global _table, _wrap
    _table = table
    _wrap = wrap
    modules = [LINKED, HARDWARE]
    for name, _ in table.items():
        first, second = name.split(":")
        first = second if first == "import" else first
        if first not in modules:
            modules.append(first)

    def importing(name, *arguments):
        if name not in modules or name in sys.modules:
            return _plain_import(name, *arguments)
        module = imported(name, lambda: _plain_import(name, *arguments))
        if name in sys.modules:
            _wrap_all(sys.modules[name], name)
        return module

    builtins.__import__ = importing


def _import_charged(name, call):
    module = call()
    for operation, (us, _) in _table.items():
        if operation == IMPORT + name:
            _busy(us, operation)
    return module


def _wrap_all(module, called):
    global _spare
    if called == LINKED:
        _spare = None
        gc.collect()
    for name, row in _table.items():
        if called != LINKED and not name.startswith(called + ":"):
            continue
        owner, attribute = _find(module, name)
        if owner is not None:
            function = getattr(owner, attribute)
            setattr(owner, attribute, _wrap(function, row, name, isinstance(function, _Generator)))
    if called == LINKED or called == HARDWARE and LINKED in sys.modules:
        _order.fill(sys.modules[LINKED])


def _find(one, name):
    """(what holds it, its name there), or (None, None)."""
    module, path = name.split(":")
    if module == "gc":
        if hasattr(one, "gc"):
            one.gc = _Collector()
            return one.gc, path
        return None, None
    parts = path.split(".")
    # As flashing/link.py names what another module has too.
    for first in (module.split(".")[-1] + "_" + parts[0].lstrip("_"), parts[0]):
        if hasattr(one, first):
            owner = getattr(one, first)
            if len(parts) == 1:
                return one, first
            if hasattr(owner, parts[1]):
                return owner, parts[1]
    return None, None


class _Collector:
    """`gc` in the program's eyes, with functions that can be wrapped."""

    def __init__(self):
        for name in dir(gc):
            setattr(self, name, getattr(gc, name))


def _nothing():
    yield


_Generator = type(_nothing)


def _busy(us, name):
    if us >= _told_us:
        _bench.note("busy %d %s" % (us, name))
    _bench.charge(us)


def _charging(function, row, name, pieces):
    us, count = row
    if us >= _told_us:
        return _telling(function, us, name, pieces)
    if pieces:

        def charging(*arguments):
            for piece in function(*arguments):
                _bench.charge(us)
                yield piece

    # Where the number of arguments is known, nothing is allocated to hand them on; and little where all of
    # them are known by their place. Those with few are called most: `charge` begins in them, without a call.
    elif count == 1:

        def charging(self):
            until_us = _bench.now_us + us
            if until_us < _bench.free_us:
                _bench.now_us = until_us
            else:
                _bench.charge(us)
            return function(self)

    elif count == 2:

        def charging(self, data):
            until_us = _bench.now_us + us
            if until_us < _bench.free_us:
                _bench.now_us = until_us
            else:
                _bench.charge(us)
            return function(self, data)

    elif count == 3:

        def charging(self, data, index):
            _bench.charge(us)
            return function(self, data, index)

    elif count >= 0:

        def charging(*arguments):
            _bench.charge(us)
            return function(*arguments)

    else:

        def charging(*arguments, **named):
            _bench.charge(us)
            return function(*arguments, **named)

    return charging


def _telling(function, us, name, pieces):
    def telling(*arguments, **named):
        _busy(us, name)
        return function(*arguments, **named)

    def telling_pieces(*arguments):
        for piece in function(*arguments):
            _busy(us, name)
            yield piece

    return telling_pieces if pieces else telling
