"""Bytes as MicroPython source, for the way through raw paste: a twentieth longer than they are."""

# Ctrl-C and Ctrl-D end a paste; a carriage return would be read as a newline, and a string ends at either.
# A null comes out of the reader as 1. All others, those from 128 up among them, it takes as they are.
_ESCAPED = {0: b"\\x00", 3: b"\\x03", 4: b"\\x04", 10: b"\\n", 13: b"\\r", 0x5C: b"\\\\"}
_BYTES = [bytes((code,)) for code in range(256)]


def literal(data: bytes) -> bytes:
    """`b'...'`; only for raw paste, not for the plain raw REPL."""
    quote = b"'" if data.count(b"'") <= data.count(b'"') else b'"'
    table = _BYTES.copy()
    for code, text in _ESCAPED.items():
        table[code] = text
    table[quote[0]] = b"\\" + quote
    return b"b" + quote + b"".join([table[code] for code in data]) + quote
