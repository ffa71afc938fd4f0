"""Keys: edges in, meanings out. PANIC counts when held, the others when pressed.

The interrupt only notes (key, time, level) in a ring; the ring is replayed later with the times of the
edges. So how long PANIC was held is known to the millisecond even when the loop was busy with a signature
meanwhile.
"""

import asyncio
from array import array

from firmware.signal import Signal
from protocol.compat import const
from protocol.debounce import PRESSED, STUCK, Debouncer

_SETTLE_MS = const(20)  # contact bounce of panel keys lasts 1 to 10 ms
_RING = const(64)  # edges; eight keys bouncing at once
_IDLE_MS = const(1000)
_REST_MS = const(20000)  # a task that rests and hangs is missed after this and its deadline
_HELD_MS = const(20)  # resolution of the hold
_STUCK_POLL_MS = const(250)
_MOST_EVENTS = const(250)


class KeyLogic:
    """Sans-IO. `functions` is a list of names; a key is its index in it. Calls `emit(meaning, number)` with
    ("panic", 0); a status or "accept" name, 0; ("event", count); ("down", key) once per press, for the click;
    ("stuck", key) and ("freed", key)."""

    def __init__(self, functions, diff, hold_ms, stuck_ms, gap_ms, emit):
        self.functions = functions
        self._diff = diff
        self._hold_ms = hold_ms
        self._gap_ms = gap_ms
        self._emit = emit
        self._debouncers = [Debouncer(_SETTLE_MS, stuck_ms, diff) for _ in functions]
        self._level = bytearray(len(functions))  # last raw level, 1 = pressed
        self._raised = False  # this press of PANIC has raised its alarm
        self._events = 0
        self._event_at = 0
        self.stuck = 0  # bit mask by key

    def edge(self, key, level, at_ms):
        """A level change noted by the interrupt at `at_ms`."""
        # Until this moment the key had its old level: that is when a hold is complete or a bounce is over.
        self._sample(key, self._level[key], at_ms)
        self._sample(key, level, at_ms)

    def poll(self, key, level, now_ms):
        """The level right now: settles what edges began, and finds keys whose edge was never seen."""
        self._sample(key, level, now_ms)

    def tick(self, now_ms):
        """Ends the counting of event presses."""
        if self._events and self._diff(now_ms, self._event_at) >= self._gap_ms:
            count = self._events
            self._events = 0
            self._emit("event", count)

    def unsettled(self, key):
        """True between a change of level and its settling."""
        return self._debouncers[key].pressed != bool(self._level[key])

    def _sample(self, key, level, at_ms):
        self._level[key] = level
        debouncer = self._debouncers[key]
        what = debouncer.sample(level, at_ms)
        panic = self.functions[key] == "panic"
        if what == PRESSED:
            self._pressed(key, self.functions[key], at_ms)
        elif what == STUCK:
            self.stuck |= 1 << key
            self._emit("stuck", key)
        elif self.stuck >> key & 1 and not debouncer.pressed:
            self.stuck &= ~(1 << key)
            self._emit("freed", key)
        if not panic:
            return
        if not debouncer.pressed:
            self._raised = False
        elif level and not self._raised and debouncer.held_ms(at_ms) >= self._hold_ms:
            self._raised = True
            self._emit("panic", 0)

    def _pressed(self, key, function, at_ms):
        self._emit("down", key)
        if function == "event":
            self._events = min(self._events + 1, _MOST_EVENTS)
            self._event_at = at_ms
        elif function != "panic":
            self._emit(function, 0)

    def pause_ms(self, unsettled):
        """How long to sleep before the next poll; `unsettled` = some key is between levels."""
        if unsettled:
            return _HELD_MS >> 1
        for debouncer in self._debouncers:
            if debouncer.pressed and not debouncer.stuck:
                return _HELD_MS
        if self.stuck or self._events:
            return _STUCK_POLL_MS
        return 0


class _Edge:
    """The interrupt handler of one key: nothing here allocates."""

    def __init__(self, keys, key, pin):
        self._keys = keys
        self._key = key
        self._pin = pin
        self.handler = self.on_edge  # binding a method allocates: once, here

    def on_edge(self, pin):
        keys = self._keys
        head = keys.head
        keys.which[head] = self._key << 1 | 1 - self._pin.value()  # active low
        keys.times[head] = keys.ticks_ms()
        head = (head + 1) % _RING
        if head != keys.tail:  # a full ring overwrites its newest edge; polling finds the level
            keys.head = head
        keys.flag.set()


class Keys:
    """The task's state: pins, ring and logic."""

    def __init__(self, logic, pins, ticks_ms):
        self.logic = logic
        self.ticks_ms = ticks_ms
        self.flag = asyncio.ThreadSafeFlag()
        self.woken = Signal()
        self.which = bytearray(_RING)  # key and level
        self.times = array("I", [0] * _RING)  # ticks are small integers: no allocation
        self.head = 0
        self.tail = 0
        self.missed = False  # `look` has found something
        self._calm = False  # at the last look all was up and settled, and nothing was being counted
        self._pins = pins
        self._edges = [_Edge(self, key, pin) for key, pin in enumerate(pins)]

    def start(self, on_both_edges):
        """`on_both_edges(pin, handler)` arms the interrupt (hal.py)."""
        for edge, pin in zip(self._edges, self._pins):
            on_both_edges(pin, edge.handler)

    def stir(self, pin):
        """Another interrupt's handler: whoever waits for keys looks up."""
        self.flag.set()

    def look(self):
        """For who calls this now and then: an edge that was noted and nobody was told of, or that was lost,
        wakes whoever waits for keys."""
        missed = self.tail != self.head
        for pin in self._pins:
            missed = missed or not pin.value()
        if missed and self._calm:
            self.missed = True
            self.woken.set()

    def busy(self):
        """What a reset would lose: an edge that nobody has looked at, a key that is down and not stuck, taps
        that are still counted."""
        logic = self.logic
        if self.tail != self.head or not logic.stuck:
            return self.tail != self.head or not self._calm
        return logic._events or logic.pause_ms(False) == _HELD_MS

    def step(self):
        """Replay the ring, then look at every pin. Returns ms until the next look, 0 = wait for an edge."""
        if self._calm and self.tail == self.head:
            for pin in self._pins:
                if not pin.value():
                    break
            else:
                return 0
        return self._replay()

    def _replay(self):
        logic = self.logic
        while self.tail != self.head:
            tail = self.tail
            logic.edge(self.which[tail] >> 1, self.which[tail] & 1, self.times[tail])
            self.tail = (tail + 1) % _RING
        now = self.ticks_ms()
        unsettled = False
        for key in range(len(self._pins)):
            level = 1 - self._pins[key].value()
            logic.poll(key, level, now)
            unsettled = unsettled or logic.unsettled(key)
        logic.tick(now)
        pause_ms = logic.pause_ms(unsettled)
        self._calm = not pause_ms
        return pause_ms


async def _pass_on(flag, woken):
    """From the interrupt's flag to a signal that can be waited for with a time."""
    while True:
        await flag.wait()
        woken.set()


async def run(watch, keys, beat):
    """`beat.quiet`: parked, and nobody has done anything for a while. `beat.stir()` hears of each edge."""
    woken = keys.woken
    pump = asyncio.create_task(_pass_on(keys.flag, woken))
    try:
        while True:
            pause_ms = keys.step()
            if pause_ms or not beat.quiet:
                watch.alive()
            else:
                # The supervisor looks at the pins meanwhile (`look`).
                pause_ms = _REST_MS
                watch.rest(pause_ms, woken)
            # Nobody pressed: look at the pins now and then all the same, an edge may have been lost.
            if await woken.wait_ms(pause_ms or _IDLE_MS):
                beat.stir()
            elif keys.tail != keys.head:
                keys.missed = True
                beat.stir()
            if keys.missed:
                # An edge was noted and nobody woken: whoever waits for the flag hangs, and no watch is on it.
                keys.missed = False
                pump.cancel()
                pump = asyncio.create_task(_pass_on(keys.flag, woken))
    finally:
        pump.cancel()
