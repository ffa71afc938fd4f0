"""Commands of the operations centre: the observation of /c, each command done once, each answered.

Every registration is a new request under a new token, and is the keep-alive as well: its answer holds the
whole list of what this terminal has not answered yet, so nothing depends on a notification that was lost.
"""

from firmware.urgent import Job, max_age_ms
from protocol import cbor, coap
from protocol.backoff import Backoff
from protocol.compat import const
from protocol.errors import ProtocolError
from protocol.exchange import BULK

PATH = b"c"
# Answers, as they go over the air.
DONE = const(1)
NOT_SUPPORTED = const(2)
REFUSED = const(3)
LATER = const(0)  # not done, not answered: the next list tells it again
_SOON = const(-1)  # not at this moment: to be asked again in the next

_ID = const(0)
_KIND = const(1)
_ISSUED = const(2)
_BODY = const(3)

# A list of 900 bytes holds some 60 commands; a command forgotten and told again would only be shown again.
_REMEMBERED = const(64)
_FIRST_PAUSE_MS = const(2000)
_LONGEST_PAUSE_MS = const(60000)
_PANIC_KEEPALIVE_MS = const(10000)

_SOON_MS = const(200)

_OPEN = const(0)  # done, its answer not yet under way
_SENT = const(1)
_SETTLED = const(2)


class Command:
    """`kind` and `body` as in the gateway's list; `issued_ms` is UTC, or None."""

    def __init__(self, id, kind, issued_ms, body):
        self.id = id
        self.kind = kind
        self.issued_ms = issued_ms
        self.body = body


class Commands:
    """`told` is the Uplink: `command(command)` returns the answer, `suspended_by_gateway(bool)`."""

    def __init__(self, link, lane, told, uptime_ms, random16, keepalive_ms, log):
        self._link = link
        self._lane = lane
        self._told = told
        self._uptime_ms = uptime_ms
        self._random16 = random16
        self._keepalive_ms = keepalive_ms
        self._log = log
        self._trying = None
        self._observation = None
        self._due_ms = None  # uptime of the next registration, None = at once
        self._tried_ms = 0
        self._pauses = Backoff(_FIRST_PAUSE_MS, _LONGEST_PAUSE_MS)
        # Ids, oldest first, and beside each 4 * answer + state: a list for each command would be seven
        # kilobytes after a few weeks.
        self._known = []
        self._marks = []
        self._answering = None
        self._left = None  # [newest list, how many of it were looked at], while there are more
        self.malformed = 0

    def link_new(self):
        """Another address, perhaps: the gateway has to learn it."""
        if self._trying is not None:
            self._link.cancel(self._trying)
            self._trying = None
        self._pauses.reset()
        self._due_ms = self._uptime_ms() + (self._random16() >> 7)

    def pace(self, keepalive_ms):
        """Register so often from now on; at once where that is sooner than it was."""
        if keepalive_ms < self._keepalive_ms:
            self._due_ms = self._uptime_ms()
        self._keepalive_ms = keepalive_ms

    def step(self, panic):
        """Register when due, sooner while a panic is open; answer commands. Time until more, or None."""
        now = self._uptime_ms()
        left = None
        if self._trying is None:
            left = self._left_ms(now, panic)
            if left <= 0:
                left = self._register(now)
        if self._answering is None:
            self._answer_next()
        return left

    def _left_ms(self, now, panic):
        if self._due_ms is None:
            return 0
        left = self._due_ms - now
        # A gateway that was started again does not know its observers, and an officer waits for this answer.
        # Nor does he wait out a pause that an outage has made.
        if panic:
            left = min(left, self._tried_ms + _PANIC_KEEPALIVE_MS - now)
        return left

    def _register(self, now):
        options = ((coap.OBSERVE, b""),)
        self._trying = self._link.ask(self, None, coap.GET, PATH, b"", BULK, options)
        self._tried_ms = now
        if self._trying is not None:
            return None
        return self._again(now, self._pauses.next(self._random16()))

    def _again(self, now, pause_ms):
        self._due_ms = now + pause_ms
        return pause_ms

    def _answer_next(self):
        for at in range(len(self._marks)):
            if self._marks[at] & 3 == _OPEN:
                self._answer(self._known[at], self._marks[at] >> 2)
                return

    def _answer(self, id, answer):
        self._mark(id, _SENT)
        self._answering = Job(self, PATH, cbor.encode({0: id, 1: answer}), False, id)
        self._lane.add(self._answering)

    def _mark(self, id, state):
        if id in self._known:
            at = self._known.index(id)
            self._marks[at] = self._marks[at] >> 2 << 2 | state

    # --- the observation

    def answered(self, attempt, message):
        if attempt is not self._trying:
            # An answer without Observe to what was observed: that observation is over (RFC 7641 4.2).
            self._over(attempt)
            return
        now = self._uptime_ms()
        self._trying = None
        if self._observation is not None:
            self._link.cancel(self._observation)
        self._observation = attempt
        if message.code != coap.CONTENT:
            self._link.cancel(attempt)
            self._observation = None
            pause_ms = self._pauses.next(self._random16())
            if message.code == coap.SERVICE_UNAVAILABLE:
                pause_ms = max_age_ms(message)
            elif message.code == coap.FORBIDDEN:
                self._told.suspended_by_gateway(True)
                pause_ms = _LONGEST_PAUSE_MS
            self._again(now, pause_ms)
            return
        self._told.suspended_by_gateway(False)
        self._pauses.reset()
        self._again(now, self._keepalive_ms)
        self._left = [message.payload, 0]  # each list is whole

    def noted(self, attempt, message):
        if message.code == coap.CONTENT:
            self._left = [message.payload, 0]  # each list is whole
        else:
            self._over(attempt)

    def _over(self, attempt):
        self._link.cancel(attempt)
        if attempt is self._observation:
            self._observation = None
            self._again(self._uptime_ms(), self._pauses.next(self._random16()))

    def hinted(self, attempt):
        if attempt is self._trying:
            self._link.cancel(attempt)
            self.failed(attempt)
        elif attempt is self._observation and self._trying is None:
            # Somebody says the observation is not known. Asking again costs one request, and not the old one.
            self._due_ms = min(self._due_ms, self._uptime_ms() + _PANIC_KEEPALIVE_MS)

    def failed(self, attempt):
        if attempt is self._trying:
            self._trying = None
            self._again(self._uptime_ms(), self._pauses.next(self._random16()))

    # --- the list

    def work(self):
        """Do the next command of the list; the time until there is more to do, or None.

        One at a time: each may be written to flash, and a key pressed meanwhile is not to wait for all.
        """
        left = self._left
        return None if left is None else self._next(left)

    def _next(self, left):
        self._left = None
        try:
            items = cbor.decode(left[0])
        except ProtocolError as error:
            return self._malformed(str(error))
        if not isinstance(items, (list, tuple)):
            return self._malformed("not an array")
        for item in items[left[1] :]:
            command = self._command(item)
            if command is None:
                self._malformed("command: %r" % (item,))
            done = command is not None and self._do(command)
            if done == _SOON:
                self._left = left
                return _SOON_MS
            left[1] += 1
            if done:
                self._left = left
                return 0
        return None

    def _command(self, item):
        if not isinstance(item, dict):
            return None
        id, kind, issued_ms = item.get(_ID), item.get(_KIND), item.get(_ISSUED)
        # A Boolean would count as a number here.
        if type(id) is not int or type(kind) is not int or id < 0:
            return None
        return Command(id, kind, issued_ms if type(issued_ms) is int else None, item.get(_BODY))

    def _do(self, command):
        """True when it was done now, False when it was before; _SOON."""
        id = command.id
        if id in self._known:
            if self._marks[self._known.index(id)] & 3 == _SETTLED:
                # Answered, and still on the list: the gateway lost it, or our answer crossed this list.
                self._mark(id, _OPEN)
            return False
        answer = self._told.command(command)
        if answer == LATER:
            return False
        if answer == _SOON:
            return _SOON
        if answer not in (DONE, NOT_SUPPORTED, REFUSED):
            answer = REFUSED
        if len(self._known) >= _REMEMBERED:
            at = self._least_needed()
            self._known.pop(at)
            self._marks.pop(at)
        self._known.append(id)
        self._marks.append(answer << 2 | _OPEN)
        return True

    def _least_needed(self):
        for at in range(len(self._known)):
            if self._marks[at] & 3 == _SETTLED:
                return at
        return 0

    def _malformed(self, why):
        self.malformed += 1
        if self._log is not None:
            self._log(1, "commands: " + why)

    # --- what the urgent lane tells of the answers

    def job_sent(self, job):
        self._mark(job.subject, _SENT)

    def job_done(self, job, attempt, message):
        self._mark(job.subject, _SETTLED)
        self._answering = None

    def job_refused(self, job, message):
        # The gateway does not want this answer; it will not want it the next time either.
        self._mark(job.subject, _SETTLED)
        self._answering = None
