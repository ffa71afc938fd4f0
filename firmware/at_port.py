"""One modem's UART as a conversation: a command is written, its answer awaited, everything else told on.

Two coroutines share it and nobody else: `listen` reads, the driver's own writes. No wait polls: each ends by
a byte from the UART, by `wake`, or by its time.
"""

import asyncio

from protocol import at
from protocol.compat import const
from protocol.errors import Malformed

TIMEOUT = const(-1)  # besides the results of protocol.at: no end of the command in its time

_CHUNK = const(512)
_ROOM_MS = const(10)  # 115 of the 256 bytes that a UART takes at once, at 115,200 baud
# A block of raw data comes without pauses: after one, bytes were lost, and what comes is something new.
_RAW_PAUSE_MS = const(1000)
# SIMCom prints ERROR behind +IP ERROR; the next command waits for it, so that it does not end that one.
_SETTLE_MS = const(100)
# No wait is longer, so that the task can tell the supervisor that it lives.
_SLICE_MS = const(24000)
PROBE_MS = const(1000)


# Answers to settings and questions: 9 s at most in SIMCom's manuals, some ten ms in practice.
SET_MS = const(9000)
# A question that hangs holds up a panic, so it gets less.
QUESTION_MS = const(3000)


def meaning(parse, line):
    """What `parse` makes of the line; None when there is none or it is broken."""
    try:
        return parse(line) if line else None
    except Malformed:
        return None


def dotted(host):
    """Is it an IPv4 address in numbers?"""
    parts = host.split(b".")
    return len(parts) == 4 and all(part.isdigit() and int(part) < 256 for part in parts)


class Restarted(Exception):
    """The modem has started again by itself: nothing that was set holds any more."""


class Silent(Exception):
    """The modem answers neither a command nor AT."""


class Port:
    """`on_line(line)` hears every line, answers included; `on_data(bytes)` every counted block."""

    def __init__(self, uart, uptime_ms, wake, on_line, on_data):
        self._uart = uart
        self._stream = asyncio.StreamReader(uart)
        self._uptime_ms = uptime_ms
        self._wake = wake
        self._on_line = on_line
        self._on_data = on_data
        self._reader = at.Reader()
        self._buffer = bytearray(_CHUNK)
        self._busy = False
        self._final = None
        self._prompted = False
        self._prefix = b""
        self._after = b""
        self._read_at = 0
        self._owed = 0  # raw bytes to write once the modem has prompted
        self._stuck = 0  # raw bytes the modem may be waiting for although it never prompted
        self._error = None
        self.hurry = None  # says whether something waits that is more urgent than to look after the modem
        self.alive = None  # called at least every _SLICE_MS while the conversation waits
        self.restarted = False
        self._echoes = None  # echoes counted when they had ended; another one means a restart
        self._deadline = 0
        self.result = at.OK
        self.detail = b""
        self.answer = b""  # the last line with the wanted beginning
        self.told = b""  # the line that came beside the result, see `command`
        self.heard_at = None  # when the last whole line or block came
        self.timeouts = 0  # commands in a row that were not answered

    # --- hearing

    async def listen(self):
        """Read for ever; to be run as a task of its own."""
        reader = self._reader
        buffer = self._buffer
        try:
            while True:
                n = await self._stream.readinto(buffer)
                now = self._uptime_ms()
                if reader.raw_pending and now - self._read_at > _RAW_PAUSE_MS:
                    reader.abandon()
                self._read_at = now
                if n:
                    reader.feed(buffer, 0, n)
                    while True:
                        kind = reader.next_event()
                        if not kind:
                            break
                        self._heard(kind)
        except Exception as error:
            self._error = error
            self._wake.set()

    def _heard(self, kind):
        reader = self._reader
        self.heard_at = self._uptime_ms()
        if kind == at.LINE:
            line = reader.line
            if self._busy and self._prefix and line.startswith(self._prefix):
                self.answer = line
            if self._busy and self._after and line.startswith(self._after):
                self.told = line
                self._wake.set()
            self._on_line(line)
        elif kind == at.DATA:
            self._on_data(reader.data)
        elif kind == at.PROMPT:
            self._prompted = True
            self._wake.set()
        elif self._busy:
            self._ended(reader.result, reader.detail)

    def _ended(self, result, detail):
        if result == at.OK and ((self._prefix and not self.answer) or self._owed):
            # A question's OK follows its answer, a datagram's OK its bytes: this one ends an older command.
            return
        self._final = result
        self.detail = detail
        self._wake.set()

    # --- speaking

    async def command(self, text, timeout_ms, answer=b"", after=b"", after_ms=0):
        """Write `text` and its CR; the result, or TIMEOUT.

        `answer`: beginning of the line that OK has to follow, kept in `.answer`. `after`: beginning of the
        URC that tells the real outcome, before the result or up to `after_ms` behind OK; kept in `.told`.
        """
        self._begin(text, answer, after)
        try:
            await self._write(text + b"\r")
            return await self._end(timeout_ms, after_ms)
        finally:
            self._busy = False

    async def ask(self, text, timeout_ms=QUESTION_MS, answer=b"", after=b"", after_ms=0):
        """`command`, but raises Silent when the modem answers neither this nor AT."""
        result = await self.command(text, timeout_ms, answer, after, after_ms)
        if result == TIMEOUT:
            # A waiting panic datagram is a probe as good as AT: it goes first, once.
            if self.timeouts < 2 and self.hurry is not None and self.hurry():
                return result
            await self.reach()
        return result

    async def reach(self):
        """Returns when the modem answers AT; raises Silent."""
        if not await self.probe(3):
            raise Silent

    async def send_raw(self, text, payload, prompt_ms, timeout_ms, after, after_ms):
        """A command that prompts for raw bytes; else as `command`."""
        self._begin(text, b"", after)
        self._reader.begin(text, True)
        self._owed = len(payload)
        try:
            await self._write(text + b"\r")
            end = self._uptime_ms() + prompt_ms
            while not self._prompted and self._final is None and await self.idle(end):
                continue
            self._owed = 0
            if self._final is None or self._prompted:
                # Without a prompt too: noise may have hidden it. Then the modem waits for exactly these bytes
                # and would take the next command for them; if it does not, they are an unknown command.
                self._stuck = 0 if self._prompted else len(payload)
                self._final = None
                await self._write(payload)
            result = await self._end(timeout_ms, after_ms)
            if result != TIMEOUT:
                self._stuck = 0
            return result
        finally:
            self._busy = False

    def _begin(self, text, answer, after):
        self._reader.begin(text)
        self._busy = True
        self._final = None
        self._prompted = False
        self._prefix = answer
        self._after = after
        self._owed = 0
        self.answer = b""
        self.told = b""
        self.detail = b""

    async def _end(self, timeout_ms, after_ms):
        self._deadline = self._uptime_ms() + timeout_ms
        while self._final is None:
            if not await self.idle(self._deadline):
                return self._give_up()
        if self._final == at.OK and after_ms:
            self._deadline = self._uptime_ms() + after_ms
            while not self.told and await self.idle(self._deadline):
                continue
        if self._echoes is not None and self._reader.echoes != self._echoes:
            self._echoes = None
            raise Restarted
        result = self._close()
        if result == at.IP_ERROR:
            self._busy = False
            await self.pause(_SETTLE_MS)
        return result

    def _close(self):
        self.timeouts = 0
        self.result = self._final
        return self.result

    def _give_up(self):
        self.timeouts += 1
        self.result = TIMEOUT
        return TIMEOUT

    async def _write(self, data):
        n = self._uart.write(data) or 0
        while n < len(data):
            # To be woken for each byte of room would cost more than the line: what the UART has taken lasts
            # longer than this at any usual rate.
            await asyncio.sleep_ms(_ROOM_MS)
            n += self._uart.write(memoryview(data)[n:]) or 0

    # --- signs of a restart

    async def echo_off(self):
        """Switch the echo off. When it really ends, its coming back is a sign of a restart."""
        self._echoes = None
        await self.ask(b"ATE0", SET_MS)
        before = self._reader.echoes
        await self.ask(b"AT", SET_MS)
        if self._reader.echoes == before:
            self._echoes = before

    def expect_restart(self):
        """The modem is, or may be, starting anew: its echo and its URCs tell nothing for now."""
        self._echoes = None
        self.restarted = False

    def hasten(self, ms):
        """The modem may have forgotten the command in progress: wait so long for its end and no longer."""
        self._deadline = min(self._deadline, self._uptime_ms() + ms)

    # --- waiting

    async def idle(self, end):
        """Wait for `wake` or the time `end`; False when that time has come. Raises Restarted."""
        if self._error is not None:
            raise self._error
        if self.restarted:
            raise Restarted
        left = end - self._uptime_ms()
        if left <= 0:
            return False
        await self._wake.wait_ms(min(left, _SLICE_MS))
        if self.alive is not None:
            self.alive()
        return True

    async def pause(self, ms):
        """Wait the whole time, whatever comes."""
        end = self._uptime_ms() + ms
        while await self.idle(end):
            continue

    async def probe(self, times):
        """True when the modem answers AT."""
        for _ in range(times):
            if await self.command(b"AT", PROBE_MS) != TIMEOUT:
                return True
            if self._stuck:
                # AT went into a datagram that the modem is still collecting, some of its bytes being lost.
                # Carriage returns end it; in command mode they say nothing.
                await self._write(b"\r" * self._stuck)
                self._stuck = 0
        return False
