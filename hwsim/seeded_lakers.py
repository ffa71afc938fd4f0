"""lakers asks the system for the randomness of its keys, and takes none from its caller. In virtual time all
that is left to chance comes from one seed; so its way to the system is turned here: `follow(rng)`.

Its shared object asks by `syscall(SYS_getrandom, ...)`, through its table of imported addresses, and this one
entry is replaced. Where that is not possible (another system than Linux, another format than ELF with 64
bits) `follow` says False and lakers goes on as ever: then the same seed gives the same story, but keys of its
own each time, and what hangs on their bytes (what a garbled byte becomes, some bytes of heap) may differ.
"""

import ctypes
import os
import platform
import struct
from pathlib import Path

import lakers.lakers

_SYS_GETRANDOM = {"x86_64": 318, "aarch64": 278}.get(platform.machine())
# ELF: a program header's kind, tags of the dynamic section, sizes of entries.
_DYNAMIC = 2
_PLT_SIZE, _STRINGS, _SYMBOLS, _RELA, _RELA_SIZE, _PLT = 2, 5, 6, 7, 8, 23
_RELOCATION, _SYMBOL = 24, 24
_READ_WRITE = 3
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


class _Way:
    """From lakers to the system, and where it leads instead."""

    def __init__(self):
        self.source = os.urandom
        self.turned = None
        self._entry = None  # what stands in the table: it has to live as long as the process

    def turn(self):
        """True when lakers asks here from now on."""
        if _SYS_GETRANDOM is None or platform.system() != "Linux":
            return False
        path = os.path.realpath(lakers.lakers.__file__)
        place = _place(_base(path), Path(path).read_bytes())
        if place is None:
            return False
        libc = ctypes.CDLL(None)
        libc.syscall.restype = ctypes.c_long
        libc.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)

        def syscall(number, *words):
            if number != _SYS_GETRANDOM:
                return libc.syscall(number, *(ctypes.c_void_p(word) for word in words))
            size = words[1] or 0
            if size:
                ctypes.memmove(words[0], self.source(size), size)
            return size

        self._entry = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_long, *[ctypes.c_void_p] * 6)(syscall)
        # The loader has made the table read-only.
        if libc.mprotect(place - place % _PAGE, _PAGE, _READ_WRITE):
            return False
        ctypes.c_void_p.from_address(place).value = ctypes.cast(self._entry, ctypes.c_void_p).value
        return True


_way = _Way()


def follow(rng):
    """From now on lakers' randomness is `rng`'s (its `randbytes`), or the system's for None. False: that
    cannot be."""
    _way.source = os.urandom if rng is None else rng.randbytes
    if _way.turned is None:
        try:
            _way.turned = _way.turn()
        except (OSError, ValueError, KeyError, struct.error):
            _way.turned = False
    return _way.turned


def _base(path):
    """Where the object lies in memory."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        for line in maps:
            parts = line.split()
            if len(parts) > 5 and parts[5] == path and int(parts[2], 16) == 0:
                return int(parts[0].split("-")[0], 16)
    raise ValueError("lakers is not in memory")


def _place(base, data):
    """The address of the table's entry for `syscall`, or None."""
    if data[:5] != b"\x7fELF\x02":
        return None
    tags = _tags(base, data)

    def at(tag):
        return tags[tag] if tags[tag] >= base else base + tags[tag]

    for table, size in ((_RELA, _RELA_SIZE), (_PLT, _PLT_SIZE)):
        if table not in tags:
            continue
        for row in range(at(table), at(table) + tags[size], _RELOCATION):
            offset, info = struct.unpack("<QQ", ctypes.string_at(row, 16))
            (name,) = struct.unpack("<I", ctypes.string_at(at(_SYMBOLS) + _SYMBOL * (info >> 32), 4))
            if info >> 32 and ctypes.string_at(at(_STRINGS) + name) == b"syscall":
                return base + offset
    return None


def _tags(base, data):
    (headers,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    for number in range(count):
        kind, _, _, address = struct.unpack_from("<IIQQ", data, headers + number * size)
        if kind == _DYNAMIC:
            break
    else:
        raise ValueError("no dynamic section")
    tags = {}
    row = base + address
    while True:
        tag, value = struct.unpack("<qQ", ctypes.string_at(row, 16))
        if tag == 0:
            return tags
        tags[tag] = value
        row += 16
