"""Urgent frames to the gateway, one to a datagram: straight from memory when they are new, else oldest first
from the journal; a panic before all others. A frame leaves the journal on an authentic 2.04, on nothing else.
"""

from firmware.urgent import Job
from protocol import coap, cose, report
from protocol.compat import const
from protocol.errors import ProtocolError

PATH = b"f"
SLOTS = const(4)  # what a modem at 115,200 baud can repeat every 500 ms and still read its answers
_STEP = const(4)  # frames read from flash at a time
_ASIDE = const(32)
_REST_MS = const(1000)
_UNREAD_MS = const(30000)


def is_panic(frame):
    try:
        return report.decode(cose.sign1_parse(frame).payload)[report.KIND] == report.KIND_PANIC
    except ProtocolError:
        return False


def remember(items, item):
    """Keep at most 32; the oldest is forgotten, and tried again."""
    if item not in items:
        if len(items) >= _ASIDE:
            items.pop(0)
        items.append(item)


class _Item:
    """What an urgent job carries. `key` is the journal's, None while it is not known here."""

    def __init__(self, name, key, stored):
        self.name = name
        self.key = key
        self.stored = stored


class UrgentFrames:
    """`told` is the Uplink: `frame_sent`, `frame_stored` (boot, seq) and `gateway_said(attempt, message)`."""

    def __init__(self, journal, lane, told, uptime_ms, log):
        self._journal = journal
        self._lane = lane
        self._told = told
        self._uptime_ms = uptime_ms
        self._log = log
        self.jobs = []
        self.more = True
        self._rest_ms = None  # after a refusal the next old frame waits a moment
        self._aside = []  # names the gateway refused: they stay in the journal, and are not sent in this boot
        self._settled = []  # names the gateway has, which the journal has still to drop
        self.refused = 0
        self.unsaved = 0  # urgent frames that were neither on flash nor could be kept in memory

    def frame(self, frame, boot, seq, stored, kind):
        """A new frame, on flash when `stored`. Its kind may be None: then it is looked for inside."""
        more = self.more
        self.more = True  # a heap without room may end this anywhere: then the journal is looked at
        panic = is_panic(frame) if kind is None else kind == report.KIND_PANIC
        if len(self.jobs) >= SLOTS:
            victim = self._victim(panic, stored)
            if victim is None:
                self.unsaved += 0 if stored else 1
                return
            if not victim.subject.stored:
                self.unsaved += 1
            self._lane.drop(victim)
            self.jobs.remove(victim)
        self._add(frame, _Item((boot, seq), None, stored), panic)
        self.more = more

    def _victim(self, panic, stored):
        """The job that gives its place to a new one: best what comes again from the journal, last a panic."""
        best = None
        worth = 0
        for job in self.jobs:
            item = job.subject
            cost = (4 if job.panic else 0) + (0 if item.stored else 2)
            if best is None or cost < worth:
                best, worth = job, cost
        if panic:
            return best
        return best if not stored and worth == 0 else None

    def _add(self, frame, item, panic):
        job = Job(self, PATH, frame, panic, item)
        self.jobs.append(job)
        try:
            self._lane.add(job)
        except MemoryError:
            self.jobs.remove(job)  # nobody would ever take it out
            raise

    def step(self):
        """Fill empty places from the journal; the time until that is due again, or None."""
        if not self.more or len(self.jobs) >= SLOTS:
            return None
        if self._rest_ms is not None:
            left = self._rest_ms - self._uptime_ms()
            if left > 0:
                return left
            self._rest_ms = None
        self._fill()
        return None

    def _fill(self):
        after = None
        gone = []
        unread = False
        while len(self.jobs) < SLOTS:
            try:
                rows = self._journal.peek(True, _STEP, after)
            except OSError as error:
                # New frames still go out from memory.
                self._say("journal: not read: %r" % error)
                unread = True
                self._rest_ms = self._uptime_ms() + _UNREAD_MS
                rows = None
            if not rows:
                break
            for key, frame in rows:
                after = key
                self._place(key, frame, gone)
        self.more = unread
        self._drop(gone)

    def _place(self, key, frame, gone):
        name = (key[0], key[1])
        if name in self._settled:
            self._settled.remove(name)
            gone.append((key, name))
        elif name not in self._aside:
            for job in self.jobs:
                if job.subject.name == name:
                    job.subject.key = key
                    job.subject.stored = True
                    return
            if len(self.jobs) < SLOTS:
                self._add(frame, _Item(name, key, True), is_panic(frame))

    def _drop(self, gone):
        """`gone`: (key, name) of frames the gateway has."""
        if gone:
            try:
                self._journal.done([key for key, _ in gone])
            except OSError as error:
                # They would be sent again and again. In the next boot once more: the gateway drops repeats.
                self._say("journal: not dropped: %r" % error)
                for _, name in gone:
                    remember(self._aside, name)

    def _refuse(self, name, why):
        self.refused += 1
        self._say("frame %s/%s set aside: %s" % (name[0], name[1], why))
        remember(self._aside, name)

    def _say(self, text):
        if self._log is not None:
            self._log(1, "uplink: " + text)

    # --- what the lane tells

    def job_sent(self, job):
        self._told.frame_sent(*job.subject.name)

    def job_done(self, job, attempt, message):
        self.jobs.remove(job)
        item = job.subject
        self.more = True
        if item.key is not None:
            self._drop([(item.key, item.name)])
        elif item.stored:
            remember(self._settled, item.name)
        self._told.gateway_said(attempt, message)
        self._told.frame_stored(*item.name)

    def job_refused(self, job, message):
        self.jobs.remove(job)
        self.more = True
        self._rest_ms = self._uptime_ms() + _REST_MS
        self._refuse(job.subject.name, "%s %r" % (coap.code_text(message.code), message.payload))
