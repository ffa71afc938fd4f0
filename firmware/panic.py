"""Open alarms and the stage each has reached. Sans-IO; what is open is given to `store` at every change.

A stage is entered only on the fact itself: `stored` when the journal has the frame on flash, `receipt`
when the gateway's authenticated answer names the frame, `acknowledged` and `cleared` when the operations
centre's authenticated command names the alarm. The lamp shows the least advanced of the open alarms.
"""

from protocol.compat import const

RAISED = const(1)
STORED = const(2)
RECEIVED = const(3)
ACKNOWLEDGED = const(4)
CLEARED = const(5)

# An acknowledgement can overtake the receipt whose datagram was lost: it proves the receipt too.
_NEXT = {
    (RAISED, "stored"): STORED,
    (RAISED, "receipt"): RECEIVED,  # flash failed, the frame went out from memory
    (RAISED, "acknowledged"): ACKNOWLEDGED,
    (RAISED, "cleared"): CLEARED,
    (STORED, "receipt"): RECEIVED,
    (STORED, "acknowledged"): ACKNOWLEDGED,
    (STORED, "cleared"): CLEARED,
    (RECEIVED, "acknowledged"): ACKNOWLEDGED,
    (RECEIVED, "cleared"): CLEARED,
    (ACKNOWLEDGED, "cleared"): CLEARED,
}

MOST = const(8)  # alarms open at once
_CLOSED = const(4)


class Panic:
    """One alarm; (boot, seq) names its latest frame, seq None while there is none in this boot."""

    def __init__(self, id, state, boot, seq):
        self.id = id
        self.state = state
        self.boot = boot
        self.seq = seq
        self.queued = False


class Panics:
    """The open alarms, oldest first. `store(rows)` keeps rows of [id, state, boot, seq] on flash."""

    def __init__(self, boot, store):
        self._boot = boot
        self._store = store
        self._presses = 0
        self.open = []
        # Ids cleared lately, on flash too: their frames may still lie in the journal, their commands may come
        # again.
        self.closed = []
        self.unsaved = False

    def load(self, rows):
        """Take over what an earlier boot kept; rows that make no sense are left out."""
        if not isinstance(rows, list):
            return
        for row in rows[-MOST - _CLOSED :]:
            # The file is whole, and may be another version's: who trips over it here never starts again.
            if not isinstance(row, list) or len(row) != 4:
                continue
            id, state, boot, seq = row
            if type(id) is not int or type(state) is not int or not 0 <= id < 1 << 48:
                continue
            if state == CLEARED:
                self.closed.append(id)
            elif RAISED <= state <= ACKNOWLEDGED and self.find(id) is None:
                # What an earlier frame reached says nothing of the one that will be sent now.
                self.open.append(Panic(id, state if state == ACKNOWLEDGED else RAISED, boot, seq))

    def waiting(self):
        """Alarms without a frame to carry them: of an earlier boot, raised again with the same id, unless
        they were acknowledged or their frame still lies in the journal; and of this one, if none could be
        made."""
        found = []
        for panic in self.open:
            if panic.state < ACKNOWLEDGED and (panic.seq is None or panic.boot != self._boot):
                if not panic.queued:
                    found.append(panic)
        return found

    def queued(self, id, boot, seq):
        """The journal holds an unsent frame of this alarm from an earlier boot: it will be sent as it
        is."""
        panic = self.find(id)
        if panic is None:
            if id in self.closed:
                return
            # Power went between the journal's write and ours.
            panic = Panic(id, STORED, boot, seq)
            self.open.append(panic)
            self.unsaved = True
        elif panic.state >= ACKNOWLEDGED:
            return
        panic.state = STORED
        panic.boot = boot
        panic.seq = seq
        panic.queued = True

    def press(self):
        """A new alarm; each press is one."""
        self._presses += 1
        panic = Panic(self._boot * 65536 + self._presses, RAISED, self._boot, None)
        if len(self.open) >= MOST:
            self.open.remove(self._least_needed())
        self.open.append(panic)
        return panic

    def framed(self, panic, boot, seq, stored):
        """The alarm's frame exists: signed, and on flash when `stored`."""
        panic.boot = boot
        panic.seq = seq
        panic.state = STORED if stored else RAISED
        # The frame on flash tells the next boot all there is to know. Our own file can wait until the frame
        # is on the air; only one that is not on flash needs it now.
        self.unsaved = True
        if not stored:
            self.save()

    def receipt(self, boot, seq):
        """The gateway has stored the frame of this name. True when it was an alarm's."""
        for panic in self.open:
            if panic.seq == seq and panic.boot == boot:
                return self.step(panic.id, "receipt")
        return False

    def step(self, id, event):
        """True when the alarm `id` has moved on by `event`."""
        panic = self.find(id)
        if panic is None:
            return False
        state = _NEXT.get((panic.state, event))
        if state is None:
            return False
        panic.state = state
        if state == CLEARED:
            self.open.remove(panic)
            self.closed = (self.closed + [id])[-_CLOSED:]
        self.save()
        return True

    def find(self, id):
        for panic in self.open:
            if panic.id == id:
                return panic
        return None

    def least(self):
        """The least advanced stage of the open alarms, None when there is none: what the lamp shows."""
        least = None
        for panic in self.open:
            if least is None or panic.state < least:
                least = panic.state
        return least

    def newest(self):
        return self.open[-1] if self.open else None

    def save(self):
        """Keep what is open on flash, if that has changed."""
        self.unsaved = False
        rows = [[id, CLEARED, None, None] for id in self.closed]
        self._store(rows + [[p.id, p.state, p.boot, p.seq] for p in self.open])

    def _least_needed(self):
        for panic in self.open:
            if panic.state == ACKNOWLEDGED:
                return panic
        return self.open[0]
