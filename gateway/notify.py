"""Telling systemd how we are: ready, reloading, stopping, alive (sd_notify(3)). Nothing happens where no
supervisor asked for it."""

import contextlib
import os
import socket
import time


class Notifier:
    """Sends datagrams to the socket that the environment names. `watchdog_s`: how long the supervisor is
    patient; 0: it does not watch. `pulse`: the end of a `Pulse`, where the supervisor is our parent."""

    def __init__(self, environment: dict[str, str] | None = None, pulse: int | None = None) -> None:
        environment = dict(os.environ) if environment is None else environment
        path = environment.get("NOTIFY_SOCKET", "")
        # A leading @ means Linux' abstract namespace, which begins with a zero byte.
        self._address = "\0" + path[1:] if path.startswith("@") else path
        self._pulse = pulse
        # WATCHDOG_PID says for whom it is meant: a child must not answer for its parent.
        meant = environment.get("WATCHDOG_PID") in (None, str(os.getpid()))
        usec = environment.get("WATCHDOG_USEC", "")
        self.watchdog_s = int(usec) / 1e6 if meant and usec.isdecimal() else 0.0

    @property
    def every_s(self) -> float:
        """How often `alive` is to be called, 0 for never: half of what the supervisor allows."""
        return self.watchdog_s / 2 if self._address or self._pulse is not None else 0.0

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
        if self._pulse is not None:
            with contextlib.suppress(OSError):
                os.write(self._pulse, b".")

    def _send(self, text: str) -> None:
        if not self._address:
            return
        # A supervisor that does not listen is no reason to serve worse.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.setblocking(False)
            out.sendto(text.encode(), self._address)


class Pulse:
    """The supervisor's side for one process: a pipe. `end` is what that process writes to."""

    def __init__(self) -> None:
        self._read, self.end = os.pipe()
        for descriptor in (self._read, self.end):
            os.set_blocking(descriptor, False)

    def felt(self) -> bool:
        """It was said to be alive since this was asked last."""
        try:
            return bool(os.read(self._read, 4096))
        except BlockingIOError:
            return False

    def close(self) -> None:
        os.close(self._read)
        os.close(self.end)
