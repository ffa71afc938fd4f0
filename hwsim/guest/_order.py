"""An order in which the collector's stack is never full.

MicroPython's collector holds at most 64 things that it has still to look into. Where more come together it
only marks them, and goes through all that lives once more at its end. A module with three hundred functions
is enough for that, in every collection; and collections are half of what a terminal costs the computer.

The collector begins with the local names of what was started last (`dict_locals`, gc_collect_start in
py/gc.c): `names`. There lie the big modules' names, to be looked into at the very end, and above them all the
code that modules hold, a few pieces at a time. The rows are made before the program's heap is, and filled
when it has been loaded. Where they do not reach nothing is wrong, only slower.
"""

import gc
import struct
import sys

import uctypes

_ROWS, _WIDTH = 48, 12  # lists of so many things, the first of them the next list
_PIECES, _PIECE = 12, 32  # so many words at a time of a module's table of constants
_BIG = 24  # names in a module
_BIG_ONES = 12
_STAY = ("firmware.hal",)
_WORD = struct.calcsize("P")


def _chain():
    row = None
    for _ in range(_ROWS):
        row = [row] + [None] * (_WIDTH - 1)
    return row


_rows = _chain()
_pieces = [bytearray(_WORD * _PIECE) for _ in range(_PIECES)]
_first = [None] * _BIG_ONES + [_rows, _pieces]  # the last of them is looked into first
names = {"first": _first}


def fill(program):
    """The program's module is loaded, or one that stays beside it."""
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
    for piece in _pieces:
        n = min(left, len(piece))
        piece[:n] = uctypes.bytes_at(table, n)
        table += n
        left -= n
