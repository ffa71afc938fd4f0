"""Diagnostic notation (RFC 8949 8) of a value of our subset: what a file says of its bytes."""

from protocol.cbor import Tag


def diagnostic(value):
    if isinstance(value, Tag):
        return "%d(%s)" % (value.number, diagnostic(value.value))
    if isinstance(value, bytes):
        return "h'" + "".join(["%02x" % byte for byte in value]) + "'"
    if isinstance(value, str):
        return '"' + value + '"'
    if isinstance(value, list):
        return "[" + ", ".join([diagnostic(item) for item in value]) + "]"
    if isinstance(value, dict):
        # MicroPython's dictionaries have no order.
        keys = sorted(value, key=_as_text)
        return "{" + ", ".join([diagnostic(key) + ": " + diagnostic(value[key]) for key in keys]) + "}"
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    return str(value)


def _as_text(key):
    return diagnostic(key)
