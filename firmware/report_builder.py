"""From fields to a signed frame on flash: the owner of (boot, seq), the name of every frame.

Nothing here waits for a fix, for the time or for a link: what is unknown is left out of the report.
"""

from protocol import cose, report
from protocol.compat import const

_CAP_AGE_S = 0xFFFFFFFF
_MOST_SPEED_CM_S = 100000
_MOST = const(4)  # of frames held: a list has room for so many without asking for more


def fix_list(fix, now_ms):
    """Field 4 from a Fix: the last known position with its age, or None when there never was one."""
    age_s = fix.age_s(now_ms)
    if age_s is None:
        return None
    speed = fix.speed_cm_s
    if speed is not None and speed > _MOST_SPEED_CM_S:
        speed = None  # 3,600 km/h: not a car, a receiver's error
    return [
        fix.lat_e7,
        fix.lon_e7,
        fix.alt_dm,
        speed,
        fix.course_cdeg,
        fix.hdop_tenths,
        fix.sats,
        min(max(age_s, 0), _CAP_AGE_S),
    ]


class ReportBuilder:
    """`boot` is stored in flash already. `on_frame(urgent, frame, boot, seq, stored, kind)` hears of each;
    `stored` is False when it is not on flash, and then the frame exists only in its hands, and, when it was
    the heap that had no room for storing it, in `held`."""

    def __init__(self, signer, journal, clock, boot, fix, log=None):
        self._signer = signer
        self._journal = journal
        self._clock = clock
        self._fix = fix
        self._log = log
        self.boot = boot
        self.seq = 0
        self.status = None  # the officer's latest status, said in every report
        self.on_frame = None
        self.unstored = 0
        self.held = []  # [urgent, frame, seq, kind]: signed, and still to be stored

    def make(self, kind, field=None, value=None, panic=None, urgent=False, with_fix=True):
        """Build, sign, store one report. `field: value` is what the kind needs, `panic` field 6.

        Returns (seq, stored). Raises Misuse only for a value outside the report's ranges. MemoryError: there
        is no frame, and no number was used; nor is one for what is not urgent before what is held lies on
        flash.
        """
        if self.held and not urgent:
            raise MemoryError
        fields = {report.BOOT: self.boot, report.SEQ: self.seq, report.KIND: kind}
        now_ms = self._clock.now_ms()
        if now_ms is not None:
            fields[report.TIME] = now_ms
        if with_fix:
            fix = fix_list(self._fix, self._clock.uptime_ms())
            if fix is not None:
                fields[report.FIX] = fix
        if self.status is not None:
            fields[report.STATUS] = self.status
        if panic is not None:
            fields[report.PANIC] = panic
        if field is not None:
            fields[field] = value
        seq = self.seq
        row = [urgent, None, seq, kind]
        row[1] = frame = cose.sign1_encode(self._signer.kid, report.encode(fields), self._signer.sign)
        # Until here nobody has seen a frame of this name: without heap for it, the next one bears it. From
        # here it is used up, whatever happens to the frame.
        self.seq = seq + 1
        failure = self._keep(row)
        if self.on_frame is not None:
            self.on_frame(urgent, frame, self.boot, seq, failure is None, kind)
        if failure is not None and self._log is not None:
            self._log(1, "journal: frame %d not stored: %r" % (seq, failure))
        return seq, failure is None

    def _keep(self, row):
        """What went wrong; None: it is stored."""
        try:
            self._store(row)
            return None
        except MemoryError as error:
            if len(self.held) < _MOST:
                self.held.append(row)
            failure = error
        except OSError as error:
            failure = error
        self.unstored += 1
        return failure

    def _store(self, row):
        self._journal.append(row[0], row[1], self.boot, row[2], row[3])

    def prepare(self):
        """Store what is held, oldest first; False when that failed once more."""
        held = self.held
        while held:
            row = held[0]
            try:
                self._store(row)
            except MemoryError:
                return False
            except OSError as error:
                if self._log is not None:
                    self._log(1, "journal: frame %d not stored: %r" % (row[2], error))
            held.pop(0)
        return True
