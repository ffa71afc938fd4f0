"""An order in which the collector's stack is never full.

MicroPython's collector holds at most 64 things that it has still to look into. Where more come together it
only marks them, and goes through all that lives once more at its end. A module with three hundred functions
is enough for that, in every collection; and collections are half of what a terminal costs the computer.

The collector begins with the local names of what was started last (`dict_locals`, gc_collect_start in
py/gc.c): `names`. There lie the big modules' names, to be looked into at the very end, and above them all the
code that modules hold, a few pieces at a time. The rows are made before the program's heap is, and filled
when it has been loaded. Where they do not reach nothing is wrong, only slower.

What the program made has many members too, and each leads to the others: the largest of them lie beside the
modules' names, found by `settle` once the program runs.
"""

import gc
import struct
import sys

import _bench
import uctypes

_ROWS, _WIDTH = 48, 12  # lists of so many things, the first of them the next list
_PIECES, _PIECE = 24, 16  # so many words at a time of a module's table of constants
_BIG = 24  # names in a module
_BIG_ONES = 12
_THINGS = 9  # that the program made: more leave too little room for the rest
_MEMBERS = 10  # of a large one
_MOST = 300  # looked at
_STAY = ("firmware.hal",)
_HEAP = 1 << 19
_WORD = struct.calcsize("P")


def _chain():
    row = None
    for _ in range(_ROWS):
        row = [row] + [None] * (_WIDTH - 1)
    return row


_rows = _chain()
_pieces = None
for _ in range(_PIECES):
    _pieces = [_pieces, bytearray(_WORD * _PIECE)]
_first = [None] * (_BIG_ONES + _THINGS) + [_rows, _pieces]  # the last of them is looked into first
_program = None
names = {"first": _first}


def fill(program):
    """The program's module is loaded, or one that stays beside it."""
    global _program
    _program = program
    modules = [program]
    for name, module in sys.modules.items():
        # Of the program's other modules most are loaded for a while only, and must not be held here.
        if module is not program and (name[:9] not in ("firmware.", "protocol.") or name in _STAY):
            modules.append(module)
    modules = [module.__dict__ for module in modules if hasattr(module, "__file__")]  # not those in C
    big = [names for names in modules if len(names) > _BIG][:_BIG_ONES]
    _first[: len(big)] = big
    values = _values(modules)
    row = _rows
    while row is not None:
        for place in range(1, _WIDTH):
            row[place] = next(values, None)
        row = row[0]
    _constants(program)


def settle():
    """The program runs: all that it has made for good is there. What handles the interrupts of its pins leads
    to it."""
    found = [id(pin._handler) for pin in _bench.pins.values() if pin._handler]
    if _program is None or not found:
        return
    classes = [id(value) for value in _program.__dict__.values() if type(value) is type and _near(id(value))]
    bound = _words(found[0], 1)[0]
    large = []
    for at in found:  # it grows meanwhile
        kind = _words(at, 1)[0]
        held = _held(at, kind, bound)
        if kind in classes and len(held) > 2 * _MEMBERS:
            large.append((len(held), at))
        for value in held:
            if value & 7 == 0 and _near(value) and value not in found and len(found) < _MOST:
                kind = _words(value, 1)[0]
                if kind in classes or kind in (bound, id(list), id(tuple)):
                    found.append(value)
    large.sort(reverse=True)
    # A list's items are the objects' addresses.
    items = uctypes.bytearray_at(_words(id(_first), 4)[3], _WORD * (_BIG_ONES + _THINGS))
    for n, (_, at) in enumerate(large[:_THINGS]):
        struct.pack_into("P", items, _WORD * (_BIG_ONES + n), at)


def _held(at, kind, bound):
    """What the thing there holds, as words."""
    if kind == bound:
        return _words(at, 3)[2:]  # mp_obj_bound_meth_t in py/objboundmeth.c: type, function, self
    if kind == id(tuple):
        return _words(at + 2 * _WORD, _words(at, 2)[1])
    if kind == id(list):
        _, _, count, items = _words(at, 4)
        return _words(items, count)
    # mp_obj_instance_t in py/objtype.h, mp_map_t in py/obj.h: type, flags, places, table of names and values.
    _, _, places, table = _words(at, 4)
    return _words(table, 2 * places)


def _near(at):
    """It may lie on the heap; what does not is a thing of the program's image or of MicroPython."""
    return abs(at - id(_rows)) < _HEAP


def _words(at, count):
    return struct.unpack("%dP" % count, uctypes.bytes_at(at, count * _WORD))


def _values(modules):
    """Code, since all else leads to it; then what else the program's own module holds."""
    code = (type(fill), type(_values), type(object))
    size = gc.mem_alloc() + gc.mem_free()
    for number, held in enumerate(modules + modules[:1]):
        for value in held.values():
            kind = type(value)
            is_code = kind in code or "closure" in repr(kind)
            if is_code == (number < len(modules)) and kind is not type(sys):
                if abs(id(value) - id(_rows)) < size:  # it lies on the heap
                    yield value


def _constants(module):
    """Copies of the addresses in the module's table of constants: any word on the heap counts as one."""
    try:
        with open(module.__file__, "rb") as file:
            head = file.read(16)
    except OSError:
        return
    # py/persistentcode.h: four bytes, then how many names and how many constants, seven bits a byte.
    counts, value = [], 0
    for byte in head[4:]:
        value = value << 7 | byte & 127
        if not byte & 128:
            counts.append(value)
            value = 0
    # mp_module_context_t in py/obj.h: type, names of the module, table of names, table of constants.
    context = struct.unpack("4P", uctypes.bytes_at(id(module), 4 * _WORD))
    if head[:1] != b"M" or context[1] != id(module.__dict__):
        return
    left, table = counts[1] * _WORD, context[3]
    row = _pieces
    while row is not None:
        n = min(left, len(row[1]))
        row[1][:n] = uctypes.bytes_at(table, n)
        table += n
        left -= n
        row = row[0]
