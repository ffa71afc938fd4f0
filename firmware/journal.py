"""Frames that the gateway does not have yet, on littlefs, through any power cut.

Three lanes: panics, other urgent frames, bulk. Each is a row of small files (`segment.py`) named by lane and
number, oldest first. A segment goes when all its records are done; until then a mark in the file `done` says
which of them are. Losing a mark repeats a frame, and the gateway drops repeats. Nothing here loses a frame
that was appended and is not done, except by thinning: when the room is used up, the oldest positions lose
every second one. Urgent frames take bulk's room when they need it, never the other way round.
"""

import errno
import os

from firmware import segment
from firmware.segment import Segment
from protocol import cose, report
from protocol.compat import const
from protocol.errors import Misuse, ProtocolError

_PANIC = const(0)
_URGENT = const(1)
_BULK = const(2)
_LETTERS = "pub"
_PANIC_SEGMENTS = const(2)  # kept free of other urgent frames: eighteen alarms at least
_TRIES = const(8)
_ENOSPC = const(28)  # MicroPython's errno does not name it


class Journal:
    """`urgent_bytes` are kept free of bulk; both are rounded down to whole blocks of 4,096 bytes. The file
    system wants four blocks more than that.

    Public counts: `thinned` records dropped for room, `damaged` stretches or records that could not be read,
    `unmarked` times that a mark could not be written. All methods raise OSError where flash fails.
    """

    def __init__(self, path, urgent_bytes, bulk_bytes):
        self._path = path
        self._urgent_most = urgent_bytes // segment.SIZE
        self._most = self._urgent_most + bulk_bytes // segment.SIZE
        if self._urgent_most < _PANIC_SEGMENTS + 2 or self._most < self._urgent_most + 2:
            raise Misuse("journal room: %d urgent, %d bulk bytes" % (urgent_bytes, bulk_bytes))
        self._lanes = ([], [], [])
        self._next = 1
        self._thinned_to = 0
        self.thinned = 0
        self.damaged = 0
        self.unmarked = 0
        self._recover()

    def append(self, urgent, frame, boot, seq, kind=None):
        """Store a frame; it is durable when this returns. Raises OSError(ENOSPC) when nothing of less worth
        is left to make room. Who has just made the frame knows its kind."""
        if kind is None:
            kind = _kind(frame)
        lane = _BULK if not urgent else _PANIC if kind == report.KIND_PANIC else _URGENT
        data = segment.record(kind, frame, boot, seq)
        for _ in range(_TRIES):
            part = self._segment_for(lane, len(data))
            try:
                part.append(data)
                return
            except OSError as error:
                if not part.size:
                    self._remove(part)
                # Our budget says there is room, the file system says no: others have filled it.
                if error.errno != _ENOSPC or not self._lanes[_BULK]:
                    raise
            self._thin()
        raise OSError(_ENOSPC)

    def peek(self, urgent, n, after=None):
        """Up to n of [(key, frame)], oldest first, panics before other urgent frames; those behind the key
        `after`. A key is (boot, seq, ...), good until the next boot."""
        found = []
        bad = []
        unread = None
        behind = (-1, 0) if after is None else (after[2].lane, after[2].number)
        for part in self._side(urgent):
            if len(found) == n:
                break
            place = (part.lane, part.number)
            # A segment that was merged into its neighbour keeps its number, and is another one.
            if place < behind or (place == behind and part is not after[2]):
                continue
            try:
                for at, data in part.records(after[3] if place == behind else -1, n - len(found)):
                    if data is None:
                        bad.append((part, at))
                    else:
                        boot, seq = segment.name_of(data)
                        found.append(((boot, seq, part, at), segment.frame_of(data)))
            except OSError as error:
                unread = error  # what lies behind it need not wait for it
        if unread is not None and not found:
            raise unread
        for part, at in bad:
            self.damaged += 1
            part.finish(at)
            if not part.places:
                self._remove(part)
        return found

    def done(self, keys):
        """These frames are at the gateway. Keys that no longer mean anything are ignored."""
        touched = []
        for key in keys:
            part = key[2]
            if part.finish(key[3]) and part not in touched:
                touched.append(part)
        marks = False
        for part in touched:
            if part.places:
                marks = True
            else:
                self._remove(part)
        if marks:
            try:
                self._write_marks()
            except OSError:
                # In this boot they are done; after a restart they are sent once more.
                self.unmarked += 1

    def count(self, urgent):
        """Frames still to be sent."""
        return sum([len(part.places) for part in self._side(urgent)])

    def _side(self, urgent):
        panics, others, bulk = self._lanes
        return panics + others if urgent else bulk

    # --- room

    def _segment_for(self, lane, size):
        row = self._lanes[lane]
        if row and row[-1].has_room(size):
            return row[-1]
        while self._full(lane):
            if not self._lanes[_BULK]:
                raise OSError(_ENOSPC)
            self._thin()
        part = Segment(self._name(lane, self._next), lane, self._next)
        self._next += 1
        row.append(part)
        return part

    def _full(self, lane):
        panics, urgent, bulk = [len(row) for row in self._lanes]
        if lane == _PANIC:
            return panics + urgent + bulk >= self._most
        if lane == _URGENT:
            return max(panics, _PANIC_SEGMENTS) + urgent + bulk >= self._most
        return bulk + max(panics + urgent, self._urgent_most) >= self._most

    def _thin(self):
        """One segment of bulk less. Two neighbours become one, from the oldest on through the older half,
        then from the oldest again: what is recent stays dense."""
        row = self._lanes[_BULK]
        i = 0
        while i < len(row) and row[i].number <= self._thinned_to:
            i += 1
        if i + 1 >= (len(row) + 3) // 2:
            i = 0
        gone = row[i]
        if len(row) > 1:
            try:
                gone = self._merge(row, i)
            except OSError:
                # No block was free to merge into: the older of the two goes whole.
                gone = row[i]
        self.thinned += len(gone.places)
        self._remove(gone)

    def _merge(self, row, i):
        """Put what stays of two neighbours into the first one's file; returns the second, to be removed."""
        first, second = row[i], row[i + 1]
        keep = _choose([(part, at, data) for part in (first, second) for at, data in _briefly(part)])
        # The first one's mark speaks of places that will hold other records: it goes before they come. Power
        # lost in between repeats what was done.
        self._write_marks(first)
        new = self._path + "/new"
        merged = Segment(first.path, _BULK, first.number)
        with open(new, "wb") as file:
            for part in (first, second):
                wanted = [row[1] for row in keep if row[0] is part]
                for at, data in part.records():
                    if at in wanted and data is not None:
                        file.write(data)
                        merged.places.append(merged.size)
                        merged.size += len(data)
            file.flush()
        os.rename(new, first.path)
        self.thinned += len(first.places) - len(merged.places)
        row[i] = merged
        first.detach()
        self._thinned_to = merged.number
        return second

    # --- files

    def _name(self, lane, number):
        return "%s/%s%08x" % (self._path, _LETTERS[lane], number)

    def _remove(self, part):
        try:
            os.remove(part.path)
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise
        self._lanes[part.lane].remove(part)
        part.detach()

    def _write_marks(self, but=None):
        """littlefs keeps a file this small beside its name and commits it in one step."""
        data = segment.pack_marks([part for row in self._lanes for part in row if part is not but])
        with open(self._path + "/done", "wb") as file:
            file.write(data)
            file.flush()

    def _read_marks(self):
        try:
            with open(self._path + "/done", "rb") as file:
                return segment.unpack_marks(file.read())
        except OSError:
            return {}

    def _recover(self):
        try:
            os.mkdir(self._path)
        except OSError as error:
            if error.errno != errno.EEXIST:
                raise
        marks = self._read_marks()
        # A number that a mark names is never given to another segment.
        numbers = [number for _, number in marks]
        buffer = bytearray(segment.SIZE)
        for entry in list(os.ilistdir(self._path)):
            name = entry[0]
            lane = _LETTERS.find(name[0])
            try:
                number = int(name[1:], 16) if lane >= 0 and len(name) == 9 else 0
            except ValueError:
                number = 0
            if number:
                numbers.append(number)
                part = Segment(self._name(lane, number), lane, number)
                self._take(part, buffer, marks.get((lane, number), 0))
            elif name == "new":
                os.remove(self._path + "/new")
        self._next = max(numbers) + 1 if numbers else 1
        for row in self._lanes:
            row.sort(key=_number)

    def _take(self, part, buffer, done):
        row = self._lanes[part.lane]
        row.append(part)
        try:
            self.damaged += part.recover(buffer, done)
            if not part.places:
                self._remove(part)
        except OSError:
            # One unreadable file must not keep the terminal from starting.
            self.damaged += 1
            row.remove(part)


def _number(part):
    return part.number


def _briefly(part):
    """(place, kind, size) of each readable record: what `_choose` needs, without the frames."""
    for at, data in part.records():
        if data is not None:
            yield at, (segment.kind_of(data), len(data))


def _choose(rows):
    """Which of (part, place, (kind, size)) stay: every second position; then, as long as it is too much, the
    oldest positions go, and where there are none, the oldest of all."""
    keep = []
    odd = False
    for row in rows:
        if _is_position(row):
            odd = not odd
            if not odd:
                continue
        keep.append(row)
    while sum([row[2][1] for row in keep]) > segment.SIZE:
        oldest = 0
        for i in range(len(keep) - 1, -1, -1):
            if _is_position(keep[i]):
                oldest = i
        keep.pop(oldest)
    return keep


def _is_position(row):
    return row[2][0] in (0, report.KIND_POSITION)


def _kind(frame):
    """The report's kind, 0 when this is no frame of ours."""
    try:
        return report.decode(cose.sign1_parse(frame).payload)[report.KIND]
    except ProtocolError:
        return 0
