"""Where a cluster's nodes are, as one line of text says it."""

import ipaddress
import re

_NAMED = re.compile(r"(?:\[([^\[\]]+)\]|([^\s:\[\]/]+))(?::(\d{1,5}))?\Z")


def addresses(text: str, port: int) -> list[tuple[str, int]]:
    """`a, b:1884, [::1]:1884` as (host, port), `port` where none is named. Raises ValueError."""
    found = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        named = _NAMED.match(part)
        if named is None:
            found.append((_six(part), port))
            continue
        number = int(named[3] or port)
        if not 0 < number < 65536:
            raise ValueError(part)
        found.append((_six(named[1]) if named[1] else named[2], number))
    return found


def _six(text: str) -> str:
    ipaddress.IPv6Address(text)
    return text
