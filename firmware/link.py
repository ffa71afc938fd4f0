"""Requests and their answers: joins the CoAP client, the OSCORE session and the bearer.

Whoever asks is an `owner` and hears, for each attempt of his: `answered(attempt, message)` an authentic
answer; `hinted(attempt)` a Reset or an answer that proves nothing; in the urgent lane `sent(attempt)` its
first datagram was handed to the bearer; in the bulk lane `failed(attempt)` it was given up; for an
observation `noted(attempt, message)` an authentic notification. What is asked `openly` is answered with
whatever comes; its owner judges it.
"""

from firmware.modem import FIRST
from protocol.coap import CON, UNAUTHORIZED, URI_PATH, Message
from protocol.compat import const
from protocol.errors import Misuse
from protocol.exchange import BULK, FAILED, NOTIFICATION, RESET, URGENT, Client

_EXCHANGES = const(24)


class Attempt:
    """One request. `binding` is None for one that is not protected; `subject` is its owner's own; `first_ms`
    is when the bearer took it, or None."""

    def __init__(self, owner, subject, handle, binding):
        self.owner = owner
        self.subject = subject
        self.handle = handle
        self.binding = binding
        self.first_ms = None


class Link:
    """`bearer` see modem.py; `uptime_ms()` never wraps; `random16()` gives 0..65535."""

    def __init__(self, session, bearer, uptime_ms, random16):
        self._session = session
        self._bearer = bearer
        self._uptime_ms = uptime_ms
        self._client = Client(random16, limit=_EXCHANGES)
        self._attempts = []
        self.answer_ms = None  # when something authentic came last
        self.on_heard = None  # () after something authentic came
        self.on_judged = None  # (authentic) what became of an answer to a request under the newest context

    def ask(self, owner, subject, code, path, payload, lane, options=(), first=False, again=False):
        """Start one attempt; None when it cannot be protected now. `again`: another one is under way for the
        same thing, and the last Partial IVs are left to what has none."""
        inner = Message(CON, code, options=[(URI_PATH, path)] + list(options), payload=payload)
        protected = self._session.protect(inner, lane == URGENT and not again)
        if protected is None:
            return None
        return self._begin(owner, subject, protected[0], lane, first, protected[1])

    def openly(self, owner, message, lane):
        """Start an attempt that is not protected; None when more is under way than fits."""
        return self._begin(owner, None, message, lane, False, None)

    def _begin(self, owner, subject, outer, lane, first, binding):
        try:
            handle = self._client.request(outer, lane, self._uptime_ms(), first)
        except Misuse:
            return None  # more under way than fits; whoever asks tries again
        attempt = Attempt(owner, subject, handle, binding)
        self._attempts.append(attempt)
        return attempt

    def quiet(self, attempt):
        """Repeat it no more, but take its answer if it still comes."""
        self._client.quiet(attempt.handle)

    def done(self, attempt):
        """Its answer was authentic: an observation goes on listening, anything else is forgotten."""
        self._client.done(attempt.handle)
        if not attempt.handle.observe:
            self._forget(attempt)

    def cancel(self, attempt):
        self._client.cancel(attempt.handle)
        self._forget(attempt)

    def _forget(self, attempt):
        if attempt in self._attempts:
            self._attempts.remove(attempt)

    def receive(self, datagram):
        """Take one datagram from the bearer."""
        self._tell(self._client.receive(datagram, self._uptime_ms()))

    def pump(self):
        """Hand what is due to the bearer. True when it did not take all: come again soon."""
        now = self._uptime_ms()
        due = self._client.due(now)
        refused = self._send(due, now) if due else False
        events = self._client.events()
        if events:
            self._tell(events)
        return refused

    # Aside, as all that is seldom: with its names `pump` would need heap each time it has nothing to do.
    def _send(self, due, now):
        refused = False
        for datagram, handle in due:
            urgent = handle is not None and handle.lane == URGENT
            attempt = self._of(handle)
            first = urgent and attempt is not None and getattr(attempt.subject, "panic", False)
            taken = self._bearer.send(datagram, FIRST if first else urgent)
            if handle is None:
                continue  # an acknowledgement that got lost is asked for again
            if not taken:
                self._client.unsent(handle)
                refused = True
                continue
            if attempt is not None and attempt.first_ms is None:
                attempt.first_ms = now
                if urgent:
                    attempt.owner.sent(attempt)
        return refused

    def wait_ms(self):
        """Time until `pump` has something to do, or None."""
        return self._client.wait_ms(self._uptime_ms())

    def _of(self, handle):
        for attempt in self._attempts:
            if attempt.handle is handle:
                return attempt
        return None

    def _tell(self, events):
        for kind, handle, outer in events:
            attempt = self._of(handle)
            if attempt is None:
                continue
            if kind == FAILED:
                self._forget(attempt)
                attempt.owner.failed(attempt)
            elif kind == RESET:
                if handle.lane == BULK and not handle.answered:
                    self.cancel(attempt)
                attempt.owner.hinted(attempt)
            else:
                self._opened(attempt, kind, outer)

    def _opened(self, attempt, kind, outer):
        binding = attempt.binding
        if binding is None:
            attempt.owner.answered(attempt, outer)
            return
        message = self._session.unprotect(outer, binding)
        if self.on_judged is not None and not self._session.former(binding):
            if message is not None or outer.code == UNAUTHORIZED:
                self.on_judged(message is not None)
        if message is None:
            # An old notification under a live observation says nothing about the observation.
            if kind != NOTIFICATION:
                attempt.owner.hinted(attempt)
            return
        self.answer_ms = self._uptime_ms()
        self._client.hurry(self.answer_ms)
        if self.on_heard is not None:
            self.on_heard()
        if kind == NOTIFICATION:
            attempt.owner.noted(attempt, message)
        else:
            self.done(attempt)
            attempt.owner.answered(attempt, message)
