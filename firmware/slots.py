"""Two images of the program on flash: one runs, the other is written, tried, and kept or given up.

A slot's first block is its head: what the image behind it is, and a mark that all of it is there, which is
programmed last. A slot without a mark holds nothing; one with it holds a whole image, or one that was damaged
later: whoever starts it looks at its digest. The state says which slot is the good one and which is on trial,
with so many starts left. It is one small file, replaced whole: without it, the good slot is the one with the
newest whole image.

| power fails | what starts next |
|---|---|
| while the other slot is written | the good one; the other has no mark |
| while the state is replaced | what the old state says, or the new one |
| in the first runs of a new image, before `confirm` | the new one, so many times; then the good one |
"""

import hashlib
import struct

from firmware import statefile
from firmware.slotflash import digest
from protocol.compat import const

PATH = "/slots"
TRIES = 3
HEAD = 4096  # bytes of a slot before its image
NONE = 255
_BLOCK = const(4096)
# magic, layout, size, version, SHA-256 of the image, board, and in front of all of it its own digest
_FIELDS = "<4sBII32s24s"
_MAGIC = b"PaIm"
_LAYOUT = const(1)
_DIGEST = const(8)
_MARK_AT = const(256)  # a page of its own
_BOARD = const(24)
_STATE = const(6)  # layout, good, tried, tries, given up, desk
_EIO = const(5)


class Image:
    """What a slot's head says."""

    def __init__(self, size, version, sha256, board):
        self.size = size
        self.version = version
        self.sha256 = sha256
        self.board = board

    def described(self):
        board = self.board.encode()
        if len(board) > _BOARD or len(self.sha256) != 32:
            raise ValueError("slot: an image for %r" % self.board)
        data = struct.pack(_FIELDS, _MAGIC, _LAYOUT, self.size, self.version, self.sha256, board)
        return hashlib.sha256(data).digest()[:_DIGEST] + data

    def mark(self):
        return hashlib.sha256(b"whole" + self.described()).digest()[:_DIGEST]


def image_of(head, room):
    """The Image that a head describes, or None. `room`: bytes of the slot behind it."""
    data = head[_DIGEST:]
    if hashlib.sha256(data).digest()[:_DIGEST] != head[:_DIGEST]:
        return None
    magic, layout, size, version, sha256, board = struct.unpack(_FIELDS, data)
    if magic != _MAGIC or layout != _LAYOUT or not 0 < size <= room:
        return None
    return Image(size, version, sha256, bytes(board).rstrip(b"\x00").decode())


def _result(work):
    """Of work in pieces, done at once."""
    try:
        while True:
            next(work)
    except StopIteration as end:
        return end.value


class Slots:
    """`slots`: two SlotFlash. `running`: the number of the one whose image runs now, None where none does.

    Numbers, NONE where there is none: `good`; `tried`, on trial for `tries` more starts; `given_up`, the last
    one that was, or that was found damaged. `desk`: the trial is over with the first start in which all is
    well, for it was a technician with a cable who began it.
    """

    def __init__(self, slots, running=None, path=PATH):
        self.slots = slots
        self.running = running
        self._path = path
        self.good, self.tried, self.tries, self.given_up, self.desk = NONE, NONE, 0, NONE, 0
        data = statefile.read(path)
        if data is not None and len(data) == _STATE and data[0] == _LAYOUT and data[1] < len(slots):
            self.good, self.tried, self.tries, self.given_up, self.desk = data[1:]

    def _keep(self, good, tried=NONE, tries=0, given_up=NONE, desk=0):
        row = (good, tried, tries, given_up, desk)
        if row != (self.good, self.tried, self.tries, self.given_up, self.desk):
            statefile.write(self._path, bytes((_LAYOUT,) + row))
            self.good, self.tried, self.tries, self.given_up, self.desk = row

    @property
    def other(self):
        """The slot that may be written; None while an image on trial runs, for the other is all there is to
        fall back on."""
        if self.trial:
            return None
        if self.running is not None:
            return 1 - self.running
        return 0 if self.good == NONE else 1 - self.good

    @property
    def trial(self):
        """Does an image run that has not been confirmed yet?"""
        return self.running is not None and self.running == self.tried

    on_trial = trial

    @property
    def room(self):
        """Bytes of an image, at most."""
        return self.slots[0].size - HEAD

    def described(self, number):
        """What lies in that slot, or was to lie there; None: nobody knows."""
        head = bytearray(_DIGEST + struct.calcsize(_FIELDS))
        self.slots[number].read(0, head)
        return image_of(head, self.room)

    def image(self, number):
        """What lies in that slot, by its head; None: nothing whole."""
        found = self.described(number)
        if found is None:
            return None
        mark = bytearray(_DIGEST)
        self.slots[number].read(_MARK_AT, mark)
        return found if mark == found.mark() else None

    def whole(self, number):
        """The same, if the image itself is what the head says."""
        found = self.image(number)
        return found if found is not None and self._fits(number, found) else None

    def _fits(self, number, image):
        return _result(self._fitting(number, image))

    def _fitting(self, number, image):
        for found in digest(self.slots[number], HEAD, image.size):
            if found is None:
                yield
        return found == image.sha256

    def _reading(self, number):
        found = self.image(number)
        return found is not None and (yield from self._fitting(number, found))

    # Writing the other one

    def begin(self, size=0, sha256=b"", version=0, board=""):
        """From now on the other slot holds nothing, until `finish`. What it is to hold may be said now, or
        then. Raises OSError; ValueError while an image on trial runs."""
        if self.running is None and (self.good == NONE or self.whole(self.good) is None):
            self.pick()  # the only whole image there is must not be the one that goes
            self.running = None
        other = self._other()
        if self.tried == other:
            self._keep(self.good)
        self.slots[other].erase(0)
        if size:
            self.slots[other].write(0, Image(size, version, sha256, board).described())

    def write(self, offset, data):
        """Program `data` at `offset` of the other image; what begins a block erases it first. In order, or
        anew from the beginning of any block."""
        flash = self.slots[self._other()]
        data = memoryview(data)
        while data:
            if offset % _BLOCK == 0:
                flash.erase(HEAD + offset)
            n = min(len(data), _BLOCK - offset % _BLOCK)
            flash.write(HEAD + offset, data[:n])
            offset += n
            data = data[n:]

    def digest(self):
        """SHA-256 of what was written, in pieces; see slotflash.py. Raises OSError."""
        return digest(self.slots[self._other()], HEAD, self._begun().size)

    def finish(self, size=0, version=0, sha256=b"", board=""):
        """All of it is written: True when it is what it was to be, and the other slot holds it now."""
        return _result(self.finishing(size, version, sha256, board))

    def finishing(self, size=0, version=0, sha256=b"", board=""):
        """The same in pieces: a generator, which returns the answer."""
        other = self._other()
        flash = self.slots[other]
        if size:
            flash.erase(0)
            flash.write(0, Image(size, version, sha256, board).described())
        begun = self._begun()
        if self.image(other) is None:
            if not (yield from self._fitting(other, begun)):
                return False
            flash.write(_MARK_AT, begun.mark())
        return self.image(other) is not None

    def _other(self):
        other = self.other
        if other is None:
            raise ValueError("slot: an image on trial runs; confirm it first")
        return other

    def _begun(self):
        found = self.described(self._other())
        if found is None:
            raise OSError(_EIO)
        return found

    # What is started

    def stage(self, tries=TRIES, desk=False):
        """The next start tries the other one: so many starts, then the good one again. With no good one, or
        with `tries` 0, it is the good one at once. False when it holds no whole image."""
        return _result(self.staging(tries, desk))

    def staging(self, tries=TRIES, desk=False):
        """The same in pieces: a generator, which returns the answer."""
        other = self._other()
        if not (yield from self.finishing()) or not (yield from self._reading(other)):
            return False
        if not tries or self.good == NONE or not (yield from self._reading(self.good)):
            self._keep(other)
        else:
            self._keep(self.good, other, tries, NONE, int(desk))
        return True

    def confirm(self):
        """The image that runs is healthy: it is the good one from now on. Raises OSError."""
        if self.trial:
            self._keep(self.running)

    def give_up(self):
        """The image that runs is no good: the next start is the other one's. Raises OSError."""
        if self.trial:
            self._keep(self.good, NONE, 0, self.tried)

    def pick(self):
        """The slot to start, or None: neither holds a whole image. A try is counted before this returns."""
        self.running = self._pick()
        return self.running

    def _pick(self):
        if self.good == NONE:
            return self._newest()
        tried = self.tried
        if tried < len(self.slots) and tried != self.good:
            if self.tries and self.whole(tried) is not None:
                try:
                    self._keep(self.good, tried, self.tries - 1, NONE, self.desk)
                    return tried
                except OSError:
                    pass  # what is not counted must not be tried
            else:
                self._note(self.good, tried)
        if self.whole(self.good) is not None:
            return self.good
        # The good one is damaged: better the other, whatever is known of it, than none.
        other = 1 - self.good
        if self.whole(other) is None:
            return None
        self._note(other, self.good)
        return other

    def _newest(self):
        """There is no state, or none that can be read."""
        best = None
        version = -1
        for number in range(len(self.slots)):
            found = self.whole(number)
            if found is not None and found.version > version:
                best, version = number, found.version
        if best is not None:
            self._note(best, NONE)
        return best

    def _note(self, good, given_up):
        try:
            self._keep(good, NONE, 0, given_up)
        except OSError:
            pass  # flash that takes no more: the same comes out of it at the next start
