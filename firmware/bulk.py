"""Bulk frames to the gateway, in batches, one batch at a time. A frame leaves the journal on an authentic
2.04 and on nothing else; what the gateway refuses is found by halving and set aside, so that nothing blocks.
"""

from firmware.outbox import PATH, remember
from firmware.urgent import max_age_ms
from protocol import coap
from protocol.backoff import Backoff
from protocol.compat import const
from protocol.exchange import BULK
from protocol.limits import MAX_BATCH, MAX_FRAMES

_FIRST_PAUSE_MS = const(2000)
_LONGEST_PAUSE_MS = const(300000)
_SUSPENDED_MS = const(60000)


class BulkFrames:
    """One batch under way at most. `told.gateway_said(attempt, message)` hears of each 2.04."""

    def __init__(self, journal, link, told, uptime_ms, random16, log):
        self._journal = journal
        self._link = link
        self._told = told
        self._uptime_ms = uptime_ms
        self._random16 = random16
        self._log = log
        self._attempt = None
        self._keys = []
        self._most = MAX_FRAMES
        self._pauses = Backoff(_FIRST_PAUSE_MS, _LONGEST_PAUSE_MS)
        self._pause_ms = None  # uptime before which nothing is sent
        self._ordered = False  # that pause was the gateway's wish
        self._aside = []  # keys
        self.more = True
        self.refused = 0

    def link_new(self):
        """The way is new: what stopped us may be over. Up to half a second later, as all cars have the same
        way back."""
        if self._attempt is not None:
            self._link.cancel(self._attempt)
            self._attempt = None
        self._pauses.reset()
        self._pause(self._random16() >> 7)

    def heard(self):
        """Something authentic came: a pause that silence made is over."""
        if self._pause_ms is not None and not self._ordered:
            self._pause_ms = None

    def step(self):
        """Send the next batch when there is one; the time until that may be, or None."""
        if self._attempt is not None:
            return None
        if self._pause_ms is not None:
            left = self._pause_ms - self._uptime_ms()
            if left > 0:
                return left
            self._pause_ms = None
        return self._send() if self.more else None

    def _send(self):
        try:
            keys, payload = self._batch()
        except OSError as error:
            self._say("journal: not read: %r" % error)
            return self._pause(self._pauses.next(self._random16()))
        if not keys:
            self.more = False
            return None
        self._attempt = self._link.ask(self, None, coap.POST, PATH, payload, BULK)
        if self._attempt is None:
            return self._pause(self._pauses.next(self._random16()))
        self._keys = keys
        return None

    def _batch(self):
        keys = []
        frames = []
        size = 0
        after = None
        while len(keys) < self._most:
            try:
                rows = self._journal.peek(False, self._most, after)
            except OSError:
                if not keys:
                    raise
                break  # what was read goes out
            if not rows:
                break
            for key, frame in rows:
                after = key
                if key in self._aside:
                    continue
                if len(keys) >= self._most or size + len(frame) > MAX_BATCH:
                    return keys, b"".join(frames)
                keys.append(key)
                frames.append(frame)
                size += len(frame)
        return keys, b"".join(frames)

    def _pause(self, pause_ms, ordered=False):
        self._pause_ms = self._uptime_ms() + pause_ms
        self._ordered = ordered
        return pause_ms

    # --- what the link tells

    def answered(self, attempt, message):
        self._attempt = None
        if message.code == coap.CHANGED:
            self._pauses.reset()
            self._most = min(MAX_FRAMES, self._most * 2)
            self._done()
            self._told.gateway_said(attempt, message)
        elif message.code == coap.TOO_LARGE or message.code == coap.BAD_REQUEST:
            self._split(message)
        elif message.code == coap.FORBIDDEN:
            self._told.suspended_by_gateway(True)
            self._pause(max(_SUSPENDED_MS, self._pauses.next(self._random16())), True)
        elif message.code == coap.SERVICE_UNAVAILABLE:
            self._pause(max_age_ms(message), True)
        else:
            self._pause(self._pauses.next(self._random16()), True)

    def _done(self):
        try:
            self._journal.done(self._keys)
        except OSError as error:
            self._say("journal: not dropped: %r" % error)
            for key in self._keys:
                remember(self._aside, key)

    def _split(self, message):
        """One frame of a batch is refused: halve until it is found, then set it aside."""
        if len(self._keys) > 1:
            self._most = len(self._keys) // 2
            return
        self.refused += 1
        self._say("a frame set aside: %s %r" % (coap.code_text(message.code), message.payload))
        remember(self._aside, self._keys[0])
        self._pause(self._pauses.next(self._random16()), True)

    def hinted(self, attempt):
        """Whoever it was: protected anew after a pause, it does no harm."""
        if attempt is self._attempt:
            self._link.cancel(attempt)
            self.failed(attempt)

    def failed(self, attempt):
        if attempt is self._attempt:
            self._attempt = None
            self._pause(self._pauses.next(self._random16()))

    def _say(self, text):
        if self._log is not None:
            self._log(1, "uplink: " + text)
