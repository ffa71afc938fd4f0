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

LINKED = "patrola"
TURN = "asyncio:turn"
IMPORT = "import:"
_ROOM = 200  # bytes that a wrapper takes
_NEVER = 1 << 60

_table = {}  # name -> microseconds, and how many arguments it always has (0: now so, now so)
_wrap = None
_told_us = _NEVER
_spare = None
_plain_import = builtins.__import__


def arm(table, told_us=0):
    """Charge for the operations of `table`, {name: (microseconds, arguments)}. Those of `told_us` and more
    are told to the bench as they begin (0: none)."""
    global _told_us, _spare
    if not table:
        return
    _told_us = told_us or _NEVER
    # The wrappers are no part of the program: their room is kept for them, and given back then.
    _spare = [bytearray(_ROOM) for _ in range(len(table))]
    sys.modules["_asyncio"].turn_us = table.get(TURN, (0,))[0]
    watch(table, _charging, _import_charged)


def watch(table, wrap, imported):
    """`wrap(function, table[name], name, pieces)` for each operation when it is loaded; `imported(name,
    call)` for each module that has some: `call()` imports it."""
    global _table, _wrap
    _table = table
    _wrap = wrap
    modules = {LINKED}
    for name in table:
        first, second = name.split(":")
        modules.add(second if first == "import" else first)

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
    _busy(_table.get(IMPORT + name, (0,))[0], IMPORT + name)
    return module


def _wrap_all(module, called):
    global _spare
    if called == LINKED:
        _spare = None
        gc.collect()
    for name in _table:
        if called != LINKED and not name.startswith(called + ":"):
            continue
        owner, attribute = _find(module, name)
        if owner is not None:
            function = getattr(owner, attribute)
            setattr(owner, attribute, _wrap(function, _table[name], name, isinstance(function, _Generator)))


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


def _charging(function, us, name, pieces):
    us, count = us
    if pieces:

        def charging(*arguments):
            for piece in function(*arguments):
                _busy(us, name)
                yield piece

    # Where the number of arguments is known, nothing is allocated to hand them on.
    elif count == 1 and us < _told_us:

        def charging(self):
            _bench.charge(us)
            return function(self)

    elif count == 2 and us < _told_us:

        def charging(self, data):
            _bench.charge(us)
            return function(self, data)

    elif count == 3 and us < _told_us:

        def charging(self, data, index):
            _bench.charge(us)
            return function(self, data, index)

    else:

        def charging(*arguments, **named):
            _busy(us, name)
            return function(*arguments, **named)

    return charging
