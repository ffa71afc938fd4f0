"""What a process has open towards the world, as the kernel tells it (Linux)."""

import os
import socket
import struct
from pathlib import Path

_LISTEN, _ESTABLISHED = "0A", "01"
_INET = ("tcp", "tcp6", "udp", "udp6", "udplite", "udplite6", "raw", "raw6")


def family(pid):
    """A process and all that it started."""
    found = [pid]
    for each in found:
        for task in Path(f"/proc/{each}/task").iterdir():
            found.extend(int(child) for child in (task / "children").read_text().split())
    return found


def inodes(pid):
    found = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(entry)
        except FileNotFoundError:
            continue
        if target.startswith("socket:["):
            found.add(target[8:-1])
    return found


def opened(pid):
    """(doors, ways): what anybody could send to, as (protocol, host, port) or ("unix", path), and where it
    is connected to. Fails for a socket of a kind that this does not know."""
    doors, ways = set(), set()
    for each in family(pid):
        left = inodes(each)
        for protocol in _INET:
            for row in _rows(each, protocol):
                if row[9] in left:
                    left.discard(row[9])
                    _sort(protocol, row, doors, ways)
        for row in _rows(each, "unix"):
            if row[6] in left:
                left.discard(row[6])
                # A pair of nameless ends is a pipe of the process to itself.
                if len(row) > 7:
                    doors.add(("unix", row[7]))
        netlink = {row[9] for row in _rows(each, "netlink")}
        assert left <= netlink, f"sockets of an unknown kind: {left - netlink}"
    return doors, ways


def _sort(protocol, row, doors, ways):
    local, remote, state = row[1], row[2], row[3]
    if protocol.startswith("tcp") and state not in (_LISTEN, _ESTABLISHED):
        return  # closing; nothing is taken there any more
    if protocol.startswith("tcp") and state == _ESTABLISHED:
        ways.add((protocol, *_place(local), *_place(remote)))
    elif protocol.startswith("udp") and state == _ESTABLISHED:
        ways.add((protocol, *_place(local), *_place(remote)))
    else:
        doors.add((protocol, *_place(local)))


def _rows(pid, table):
    try:
        lines = Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
    except FileNotFoundError:
        return []
    return [line.split() for line in lines]


def _place(text):
    address, port = text.split(":")
    raw = bytes.fromhex(address)
    words = struct.unpack(f">{len(raw) // 4}I", raw)
    packed = struct.pack(f"={len(words)}I", *words)
    kind = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
    return socket.inet_ntop(kind, packed), int(port, 16)
