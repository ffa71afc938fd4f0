"""The bench's one clock, one generator and one trace.

Unpaced, `run` jumps from event to event: from one seed the same run, event for event. Paced, `run_paced`
follows the wall on an asyncio loop, with the same devices, so that real sockets can take part.
"""

import asyncio
import collections
import hashlib
import heapq
import random
import time

from hwsim.events import Event, Timer, first_us

# Lanes: what belongs together and hears of the others late. What is in no lane may touch anything at once.
NO_LANE, HOUSE = 0, 1
# A terminal has three, one after the other. From the first, its devices', nothing reaches its program but
# bytes of a UART, which wait until it looks. What is in the second may interrupt it. The third is aside: of
# what looks on, and of what the program reckons with by itself.
PROGRAM, ASIDE, _PER_TERMINAL = 1, 2, 3
_push, _pop = heapq.heappush, heapq.heappop


class Kernel:
    def __init__(self, seed=0):
        self.seed = seed
        self.paced = False
        self.t0_mono_ms = None  # wall's monotonic milliseconds when `now_us` was 0; set by `run_paced`
        self.loop = None
        self.now_us = 0
        self._queue = []
        self._number = 0
        self._rngs = {}
        self._subscribers = []
        self._trace = hashlib.sha256()
        self._external = collections.deque()
        self._wake = None
        self._started = None
        self._watched = set()
        self.lane = NO_LANE  # of the event that happens just now
        self._lanes = HOUSE + 1
        self.look_ahead = True  # programs may run on to the horizon; the run is the same without
        self._by_lane = None  # lane -> heap of its events; None: all are one
        self._end_us = None  # nothing from outside before: unpaced, the end of `run`

    def new_lane(self):
        """The first of the lanes of one more terminal and its devices."""
        lane, self._lanes = self._lanes, self._lanes + _PER_TERMINAL
        return lane

    def horizon_us(self, lane=NO_LANE, least_us=0):
        """Of the program that has that lane and is just being resumed: before the first time it hears of
        nothing, so that it may wait by itself; before the second nothing interrupts it, so that it may
        compute (0: as the first). What headquarters says takes `least_us` to get to it."""
        end_us = self._end_us
        if end_us is None or not self.look_ahead:
            return self.now_us, 0
        lanes = self._by_lane
        if lanes is None:
            return min(end_us, first_us(self._queue)), 0
        still_us = min(end_us, first_us(lanes[NO_LANE]), first_us(lanes[lane + PROGRAM]))
        return min(still_us, first_us(lanes[HOUSE]) + least_us, first_us(lanes[lane])), still_us

    def first_us(self):
        """When the next event happens; far away, if there is none."""
        return first_us(self._queue)

    def keep_apart(self):
        """From now on what happens in one terminal's lanes touches another's by way of the house alone, and
        whoever hears of events does nothing to the terminals at once: so programs may run on past what other
        terminals do, and past what they themselves show."""
        self._by_lane = collections.defaultdict(list)
        for timer in self._queue:
            _push(self._by_lane[timer[1]], timer)

    def at(self, when_us, call, *args):
        """`call(*args)` then, at once if that is past, in the lane of what happens now. Calls for one time
        happen lane after lane, those of a lane in the order of asking."""
        return self.at_lane(self.lane, when_us, call, *args)

    def at_lane(self, lane, when_us, call, *args):
        """The same in that lane."""
        when_us = int(when_us)
        if when_us < self.now_us:
            when_us = self.now_us
        self._number = number = self._number + 1
        timer = Timer((when_us, lane, number, call, args))
        _push(self._queue, timer)
        if self._by_lane is not None:
            _push(self._by_lane[lane], timer)
        if self._wake is not None:
            self._wake.set()
        return timer

    def after(self, delay_us, call, *args):
        return self.at_lane(self.lane, self.now_us + delay_us, call, *args)

    def rng(self, name):
        """The generator of that name, a stream of its own: one more draw here changes nothing there."""
        if name not in self._rngs:
            self._rngs[name] = random.Random(f"{self.seed}/{name}")
        return self._rngs[name]

    def emit(self, source, what, **fields):
        """An event of the trace. `data` holds what went through the air, under keys that two parties drew
        for themselves: it differs from run to run, so its length alone counts in the trace."""
        event = Event(self.now_us, source, what, fields)
        if "data" in fields:
            fields = fields | {"data": len(fields["data"])}
        self._trace.update(repr((event.t_us, source, what, sorted(fields.items()))).encode())
        lane, self.lane = self.lane, NO_LANE  # who hears of it may do anything
        for subscriber in self._subscribers:
            subscriber(event)
        self.lane = lane
        return event

    def subscribe(self, subscriber):
        """`subscriber(event)` for each event from now on; returns a function that ends it."""
        self._subscribers = [*self._subscribers, subscriber]

        def leave():
            self._subscribers = [s for s in self._subscribers if s is not subscriber]

        return leave

    @property
    def trace(self):
        """SHA-256, in hex, over every event so far."""
        return self._trace.copy().hexdigest()

    def call_soon_external(self, call, *args):
        """From a real socket or another thread: `call(*args)` runs between two of the bench's own events."""
        self._external.append((call, args))
        if self.loop is not None:
            self.loop.call_soon_threadsafe(self._wake.set)

    def _run_external(self):
        self.lane = NO_LANE
        while self._external:
            call, args = self._external.popleft()
            call(*args)

    # Unpaced

    def run(self, until_us):
        """All events up to and including `until_us`; the clock then stands there."""
        queue = self._queue
        self._run_external()
        outer_us, self._end_us = self._end_us, until_us + 1
        try:
            while queue and queue[0][0] <= until_us:
                self._next()
        finally:
            self._end_us = outer_us
            self.lane = NO_LANE
        self.now_us = max(self.now_us, until_us)

    def _next(self):
        timer = _pop(self._queue)
        self.now_us, self.lane, _, call, args = timer
        if call is not None:
            timer[3] = None
            call(*args)
        if self._external:
            self._run_external()

    def run_for(self, seconds):
        self.run(self.now_us + round(seconds * 1_000_000))

    def run_until(self, condition, limit_s):
        """Event by event until `condition()`; True, or False when `limit_s` passed without it."""
        end_us = self.now_us + round(limit_s * 1_000_000)
        outer_us, self._end_us = self._end_us, end_us + 1
        try:
            self._run_external()
            # Between two events of one moment too: no program has then run on to where it would not know
            # what the caller does about it.
            while not condition():
                if not self._queue or self._queue[0][0] > end_us:
                    self.now_us = max(self.now_us, end_us)
                    return condition()
                self._next()
                self.lane = NO_LANE
        finally:
            self._end_us = outer_us
            self.lane = NO_LANE
        return True

    # Paced

    def _follow_wall(self):
        self.now_us = max(self.now_us, int((time.monotonic() - self._started) * 1_000_000))

    def watch(self, fd, call):
        """Paced: `call()` whenever `fd` can be read, with the clock brought up to the wall."""

        def readable():
            self._follow_wall()
            call()

        self._watched.add(fd)
        self.loop.add_reader(fd, readable)

    def unwatch(self, fd):
        if fd in self._watched:
            self._watched.discard(fd)
            self.loop.remove_reader(fd)

    async def run_paced(self, stop):
        """Follow the wall until the asyncio.Event `stop` is set; after that, close what took part."""
        self.loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._started = time.monotonic() - self.now_us / 1_000_000
        self.t0_mono_ms = self._started * 1000
        self.paced = True
        stopped = self.loop.create_task(stop.wait())
        stopped.add_done_callback(lambda _, wake=self._wake: wake.set())
        try:
            while not stop.is_set():
                self._wake.clear()
                self._follow_wall()
                self._run_external()
                self._run_due()
                if not self._external:
                    await self._sleep()
        finally:
            stopped.cancel()
            for fd in list(self._watched):
                self.unwatch(fd)
            self.paced = False
            self.loop = self._wake = None

    def _run_due(self):
        # What becomes due meanwhile waits for the next round, so that sockets get their turn.
        due_us = self.now_us
        while self._queue and self._queue[0][0] <= due_us:
            timer = _pop(self._queue)
            _, self.lane, _, call, args = timer
            self._follow_wall()
            if call is not None:
                timer[3] = None
                call(*args)
        self.lane = NO_LANE

    async def _sleep(self):
        pause = None
        if self._queue:
            pause = self._started + self._queue[0][0] / 1_000_000 - time.monotonic()
        if pause is not None and pause <= 0:
            await asyncio.sleep(0)
            return
        waker = None
        if pause is not None:
            waker = self.loop.call_later(pause, self._wake.set)
        await self._wake.wait()
        if waker is not None:
            waker.cancel()
