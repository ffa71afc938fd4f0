"""Telling systemd how we are: ready, reloading, stopping, alive (sd_notify(3)). Nothing happens where no
supervisor asked for it."""

import contextlib
import os
import socket
import time


class Notifier:
    """Sends datagrams to the socket that the environment names. `watchdog_s`: how long the supervisor is
    patient; 0: it does not watch."""

    def __init__(self, environment: dict[str, str] | None = None) -> None:
        environment = dict(os.environ) if environment is None else environment
        path = environment.get("NOTIFY_SOCKET", "")
        # A leading @ means Linux' abstract namespace, which begins with a zero byte.
        self._address = "\0" + path[1:] if path.startswith("@") else path
        # WATCHDOG_PID says for whom it is meant: a child must not answer for its parent.
        meant = environment.get("WATCHDOG_PID") in (None, str(os.getpid()))
        usec = environment.get("WATCHDOG_USEC", "")
        self.watchdog_s = int(usec) / 1e6 if meant and usec.isdecimal() else 0.0

    @property
    def every_s(self) -> float:
        """How often `alive` is to be called, 0 for never: half of what the supervisor allows."""
        return self.watchdog_s / 2 if self._address else 0.0

    def ready(self) -> None:
        self._send("READY=1")

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        self._send(f"STATUS={text}")

    def reloading(self) -> None:
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def alive(self) -> None:
        self._send("WATCHDOG=1")

    def _send(self, text: str) -> None:
        if not self._address:
            return
        # A supervisor that does not listen is no reason to serve worse.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.setblocking(False)
            out.sendto(text.encode(), self._address)


class Pulse:
    """The supervisor's side for one process: a socket in Linux' abstract namespace that is named by the
    kernel."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind("")
        name: bytes = self._socket.getsockname()
        self._name = "@" + name[1:].decode()

    def environment(self, patience_s: float) -> dict[str, str]:
        """For the process, in place of what its parent was given."""
        return {"NOTIFY_SOCKET": self._name, "WATCHDOG_USEC": str(int(patience_s * 1e6))}

    def felt(self) -> bool:
        """It was said to be alive since this was asked last."""
        found = False
        with contextlib.suppress(OSError):
            while True:
                found = self._socket.recv(256) == b"WATCHDOG=1" or found
        return found

    def close(self) -> None:
        self._socket.close()
