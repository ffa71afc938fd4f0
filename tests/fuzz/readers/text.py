"""UTF-8: against the Python that runs it (CPython's is right; MicroPython's is not asked)."""

import sys

from protocol.utf8 import is_utf8

TOKENS = (
    b"\xc0\x80",
    b"\xe0\x80\x80",
    b"\xed\xa0\x80",
    b"\xf0\x80\x80\x80",
    b"\xf4\x90\x80\x80",
    b"\xef\xbf\xbf",
    b"\xc3\xa9",
    b"\xf5",
)


def utf8(data):
    """`is_utf8` says what CPython's decoder does."""
    right = is_utf8(data)
    if sys.implementation.name == "cpython":
        try:
            data.decode()
            assert right
        except UnicodeDecodeError:
            assert not right
    return b"yes" if right else None
