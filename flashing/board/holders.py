"""Why a port cannot be had: who holds it, who may open it, whether it is there at all."""

import errno
import os
import shlex
from pathlib import Path

from flashing.errors import FlashError

_PROC = Path("/proc")


def holders(port: str, proc: Path = _PROC) -> list[tuple[int, str]]:
    """(process, its program's name) of every other process that has `port` open, as far as we may look."""
    try:
        device = os.stat(port).st_rdev
    except OSError:
        return []
    found = []
    for process in proc.glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        opened = _devices(process / "fd")
        # Who made a pseudo-terminal keeps both ends open: that is the board, not somebody else.
        if device in opened and _MASTER not in opened:
            found.append((int(process.name), _name(process)))
    return sorted(found)


_MASTER = os.makedev(5, 2)  # /dev/ptmx


def _devices(folder: Path) -> set[int]:
    devices = set()
    try:
        for link in folder.iterdir():
            try:
                devices.add(os.stat(link).st_rdev)
            except OSError:
                continue
    except OSError:
        return set()  # ended meanwhile, or somebody else's
    return devices - {0}


def _name(process: Path) -> str:
    try:
        words = (process / "cmdline").read_bytes().split(b"\0")
        return Path(words[0].decode(errors="replace")).name or (process / "comm").read_text().strip()
    except OSError:
        return "a program"


def refuse(port: str) -> None:
    """Raises FlashError when somebody else reads from `port`: two readers would each get half."""
    found = holders(port)
    if found:
        raise _busy(port, found)


def _busy(port: str, found: list[tuple[int, str]]) -> FlashError:
    if not found:
        return FlashError(
            "another program holds the port",
            port,
            "close it; this shows which one it is",
            f"sudo fuser -v {shlex.quote(port)}",
            "busy",
        )
    names = ", ".join(f"{name} (process {number})" for number, name in found)
    if any(name == "ModemManager" for _, name in found):
        command = "sudo systemctl stop ModemManager"
    else:
        command = "kill " + " ".join(str(number) for number, _ in found)
    return FlashError(f"{names} holds the port", port, "close that program, or end it", command, "busy")


def explain(port: str, error: Exception) -> FlashError:
    """The technician's error for what opening `port` raised."""
    number = getattr(error, "errno", None)
    text = str(error)
    if number in (errno.EACCES, errno.EPERM) and os.path.exists(port):
        return _forbidden(port)
    if number in (errno.EBUSY, errno.EAGAIN) or "lock" in text:
        return _busy(port, holders(port))
    if number == errno.ENOENT or not os.path.exists(port):
        return FlashError(
            "there is no such port",
            port,
            "plug the board in with a cable that carries data; this lists what is there",
            "./flash.py ports",
            "no-port",
        )
    return FlashError(f"this is no serial port: {text}", port, "", "./flash.py ports", "no-port")


def _forbidden(port: str) -> FlashError:
    what = "this user may not open the port"
    group = _group(port)
    if group:
        do = f"join the group {group}, then log out and in again"
        return FlashError(what, port, do, f'sudo usermod -a -G {group} "$USER"', "permission")
    do = "it is root's alone: this makes it yours until the board is unplugged"
    return FlashError(what, port, do, f'sudo chown "$USER" {shlex.quote(port)}', "permission")


def _group(port: str) -> str:
    """Whose members may open it; empty where there is none, or root's, which is nobody's to join."""
    try:
        import grp

        port_is = os.stat(port)
        if not port_is.st_gid or port_is.st_mode & 0o060 != 0o060:
            return ""
        return grp.getgrgid(port_is.st_gid).gr_name
    except (ImportError, KeyError, OSError):
        return "dialout"
