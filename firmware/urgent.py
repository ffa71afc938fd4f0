"""The urgent lane: each job is one small request, sent at once and repeated every 500 ms until answered.

After 20 s without an answer the same content is protected anew with a fresh Partial IV; so it is after a hint
that the gateway cannot read the old one, though such a hint proves nothing: the old bytes go on being
believed in. What was sent before stays answerable, so that a path slower than 20 s still brings an answer.
"""

from protocol import coap
from protocol.backoff import Backoff
from protocol.compat import const
from protocol.exchange import URGENT

RENEW_MS = const(20000)
_HINT_MS = const(1000)
_HINT_CAP_MS = const(20000)
# Older attempts of one job that are still listened to; with the newest they cover 40 s. With four jobs each
# more costs 3 KB of heap.
_OLDER = const(1)
_AGAIN_MS = const(1000)
_AGAIN_CAP_MS = const(60000)
_PANIC_CAP_MS = const(5000)
_SUSPENDED_MS = const(30000)
_SUSPENDED_PANIC_MS = const(10000)
_MOST_MAX_AGE_S = const(3600)


def max_age_ms(message):
    """Max-Age of a 5.03, in ms; 60 s where it is missing (RFC 7252 5.10.5), an hour at most."""
    value = message.option(coap.MAX_AGE)
    if value is None or len(value) > 4:
        return 60000
    return min(int.from_bytes(value, "big"), _MOST_MAX_AGE_S) * 1000


class Job:
    """One POST. `owner` hears `job_sent(job)`, then `job_done(job, attempt, message)` or
    `job_refused(job, message)`."""

    def __init__(self, owner, path, payload, panic=False, subject=None):
        self.owner = owner
        self.path = path
        self.payload = payload
        self.panic = panic
        self.subject = subject
        self.told_sent = False
        self.attempts = []  # the last one is repeated, the older ones are listened to; empty while pausing
        self.since_ms = 0
        self.pause_ms = 0
        self.hinted = False  # the next attempt is due `pause_ms` after `since_ms`, though one is under way
        self.hints = None  # pauses after hints, and after refusals: made when there are some
        self.again = None


class UrgentLane:
    """`step` while the bearer is up. The owners of jobs decide how many there are at a time."""

    def __init__(self, link, uptime_ms, random16):
        self._link = link
        self._uptime_ms = uptime_ms
        self._random16 = random16
        self.jobs = []
        self.suspended = False  # the gateway said 4.03, authentically, and has not taken anything since
        self.unprotected = 0  # times no Partial IV could be reserved

    def add(self, job):
        """A panic goes before all others."""
        job.since_ms = self._uptime_ms()
        self.jobs.insert(0 if job.panic else len(self.jobs), job)

    def drop(self, job):
        """Forget it without an answer."""
        self._silence(job)
        if job in self.jobs:
            self.jobs.remove(job)

    def anew(self):
        """There is another context: protect all under it, now."""
        now = self._uptime_ms()
        for job in self.jobs:
            self._after(job, now, 0)

    def step(self):
        """Start and renew what is due; the time until the next such moment, or None."""
        return self._turn(self._uptime_ms()) if self.jobs else None

    def _turn(self, now):
        least = None
        for job in list(self.jobs):
            left = self._left_ms(job, now)
            if left <= 0:
                self._start(job, now)
                left = self._left_ms(job, now)
            if least is None or left < least:
                least = left
        return least

    def _left_ms(self, job, now):
        if job.hinted or not job.attempts:
            return job.since_ms + job.pause_ms - now
        first_ms = job.attempts[-1].first_ms
        return RENEW_MS if first_ms is None else first_ms + RENEW_MS - now

    def _start(self, job, now):
        again = bool(job.attempts)
        attempt = self._link.ask(self, job, coap.POST, job.path, job.payload, URGENT, (), job.panic, again)
        if attempt is None:
            # No number to protect it with. What is under way goes on as it is.
            self.unprotected += 1
            self._after(job, now, RENEW_MS if again else _AGAIN_MS)
            return
        if job.attempts:
            self._link.quiet(job.attempts[-1])
        if len(job.attempts) > _OLDER:
            self._link.cancel(job.attempts.pop(0))
        job.attempts.append(attempt)
        job.hinted = False

    def _after(self, job, since_ms, pause_ms):
        job.since_ms = since_ms
        job.pause_ms = pause_ms
        job.hinted = bool(job.attempts)

    def _silence(self, job):
        for attempt in job.attempts:
            self._link.cancel(attempt)
        job.attempts.clear()
        job.hinted = False

    # --- what the link tells

    def sent(self, attempt):
        job = attempt.subject
        if not job.told_sent:
            job.told_sent = True
            job.owner.job_sent(job)

    def hinted(self, attempt):
        job = attempt.subject
        if not job.hinted and job.attempts and attempt is job.attempts[-1]:
            # At most once a second, and ever less often: whoever forges this must not wear out the flash.
            if job.hints is None:
                job.hints = Backoff(_HINT_MS, _HINT_CAP_MS)
            self._after(job, attempt.first_ms or 0, job.hints.next(0))

    def answered(self, attempt, message):
        job = attempt.subject
        if message.code == coap.CHANGED:
            self.suspended = False
            self.drop(job)
            job.owner.job_done(job, attempt, message)
        elif message.code == coap.BAD_REQUEST or message.code == coap.TOO_LARGE:
            self.drop(job)
            job.owner.job_refused(job, message)
        else:
            # Final for those bytes: silence, then once more with fresh ones.
            pause_ms = self._pause_ms(job, message)
            self._silence(job)
            self._after(job, self._uptime_ms(), pause_ms)

    def _pause_ms(self, job, message):
        if message.code == coap.FORBIDDEN:
            self.suspended = True
            return _SUSPENDED_PANIC_MS if job.panic else _SUSPENDED_MS
        if message.code == coap.SERVICE_UNAVAILABLE:
            pause_ms = max(max_age_ms(message), _AGAIN_MS)
        else:
            if job.again is None:
                job.again = Backoff(_AGAIN_MS, _AGAIN_CAP_MS)
            pause_ms = job.again.next(self._random16())
        return min(pause_ms, _PANIC_CAP_MS) if job.panic else pause_ms
