"""Messages between the bench and the MicroPython process of a terminal; the other side is guest/_bench.py.

Terminal to bench: a head (length of the records, kind, readers, microseconds that it has run on since the
wake-up, wake-up time) and records. Bench to terminal: a head (time, horizon, how far it may compute
besides, length of the records) and records. Little-endian. A record is type, index, length and
microseconds, then its bytes: outwards the microseconds since the last wake-up, inwards those before this
one. Each wait of the program that does not end before the horizon, or follows on something that was
answered, is one message and one answer.
"""

import select
import socket
import struct

QUESTION, PIN, UART, PIN_SETUP, UART_SETUP, WATCHDOG, PWM, CLOCK, NOTE, ADC = range(10)
FAULT, MEMORY, AHEAD, FORGET, CONSOLE = range(10, 15)
BOOT, WAIT, MORE, PROGRAM, ERASE, BUS, RESET, STREAM = range(8)
FOREVER_US = (1 << 62) - 1
RECORD_SIZE = 8
ROOM = 8192  # bytes of records that the terminal takes in one message

_RECORD = struct.Struct("<BBHI")
record_head = _RECORD.pack  # type, index, length, microseconds
_HEAD = struct.Struct("<IBBIQ")
_WAKE = struct.Struct("<QQQI")
assert _RECORD.size == RECORD_SIZE


class Gone(Exception):
    """The process at the other end has ended."""


class Silent(Exception):
    """The process computes for longer than the bench is ready to wait."""


class Message:
    __slots__ = ("kind", "readers", "busy_us", "until_us", "records")

    def __init__(self, kind, readers, busy_us, until_us, records):
        self.kind = kind
        self.readers = readers
        self.busy_us = busy_us
        self.until_us = until_us
        self.records = records  # (type, index, microseconds since the wake-up, bytes)

    @property
    def question(self):
        """The bytes of a request."""
        return next(data for what, _, _, data in self.records if what == QUESTION)


def record(what, index, data, ago_us=0):
    return _RECORD.pack(what, index, len(data), min(ago_us, 0xFFFFFFFF)) + data


def parse(body, at=0, end=None):
    """The records between two places of `body`, as (type, index, microseconds, bytes)."""
    found = []
    end = len(body) if end is None else end
    while at < end:
        what, index, length, late_us = _RECORD.unpack_from(body, at)
        at += RECORD_SIZE
        found.append((what, index, late_us, body[at : at + length]))
        at += length
    return found


class Wire:
    """The bench's end. `log_fd` is the process's output; `on_log` reads it, and says when it has ended."""

    def __init__(self, end, log_fd=None, on_log=None):
        self.messages = 0
        self._end = end
        self._number = end.fileno()
        self._in = b""
        self._log_fd = log_fd
        self._on_log = on_log
        self._poll = select.poll()
        self._poll.register(end, select.POLLIN)
        if log_fd is not None:
            self._poll.register(log_fd, select.POLLIN)

    def fileno(self):
        return self._number

    def wake(self, now_us, body=b"", horizon_us=0, still_us=0):
        if len(body) > ROOM:
            raise ValueError(f"{len(body)} bytes of records in one message, {ROOM} fit")
        try:
            self._end.sendall(_WAKE.pack(now_us, horizon_us, still_us, len(body)) + body)
        except OSError as error:
            raise Gone(str(error)) from error

    def _parsed(self):
        data = self._in
        if len(data) < _HEAD.size:
            return None
        length, kind, readers, busy_us, until_us = _HEAD.unpack_from(data)
        end = _HEAD.size + length
        if len(data) < end:
            return None
        records = parse(data, _HEAD.size, end) if length else ()
        self._in = data[end:]
        self.messages += 1
        return Message(kind, readers, busy_us, until_us, records)

    def _drain(self):
        if self._log_fd is not None and self._on_log():
            self._poll.unregister(self._log_fd)
            self._log_fd = None

    def _read(self):
        try:
            data = self._end.recv(65536, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError as error:
            raise Gone(str(error)) from error
        if not data:
            self._drain()
            raise Gone("its wire is closed")
        self._in = self._in + data if self._in else data
        return True

    def poll(self):
        """The next message, or None when it is not whole yet; never waits."""
        message = self._parsed()
        if message is None and self._read():
            message = self._parsed()
        if message is not None:
            self._drain()  # what was printed before the message is in the pipe by now
        return message

    def receive(self, limit_s):
        """The next message; raises Silent when none came in `limit_s` (whole) seconds of the wall."""
        message = self._parsed()
        if message is not None:
            self._drain()
            return message
        left_s = limit_s
        while left_s:
            # The wire was registered first, so it is looked at first: if a message is there, what was printed
            # before it is seen too. And a program that prints a lot does not stop at a full pipe.
            ready = self._poll.poll(1000)
            if not ready:
                # Second by second: where all of the bench is stopped for minutes (Ctrl-Z), only one is lost.
                left_s -= 1
                continue
            if ready[-1][0] == self._log_fd:
                self._drain()
            if ready[0][0] == self._number and self._read():
                message = self._parsed()
                if message is not None:
                    return message
        raise Silent(f"no message in {limit_s} s")

    def close(self):
        self._end.close()
