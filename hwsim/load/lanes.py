"""What terminals send again, and when: the rules of firmware/bulk.py, firmware/urgent.py and
protocol/exchange.py, for datagrams that were all sent once when they were due.

Urgent ones are repeated every 500 ms until they are answered, four of a terminal at a time. Of the others a
terminal has ONE exchange under way (NSTART of RFC 7252 4.7); what comes later waits on its flash. Here it was
sent all the same, for that is the load that was asked for; but it is not sent again before its turn comes.
A fleet that repeated each of its datagrams by itself would be no fleet of these terminals.
"""

import heapq
from collections import deque

from hwsim.load.sealed import PANIC, STATUS

URGENT_S = 0.5
SLOTS = 4
ACK_TIMEOUT_S = 2.0
_RANDOM = 0.5  # ACK_RANDOM_FACTOR less one
_SENDINGS = 5
_PAUSE_S, _LONGEST_S = 2.0, 300.0


class _Exchange:
    """A terminal's bulk under way: the first of the datagrams that are `waiting`."""

    __slots__ = ("waiting", "sent", "first_s", "at_s", "due_s", "paused", "step_s")

    def __init__(self):
        self.waiting = deque()
        self.step_s = _PAUSE_S
        self.due_s = None


class Lanes:
    """`done[i]` is 1 once datagram i is answered. Datagram i is of terminal `i % terminals`: as many as there
    are datagrams, and each is repeated by itself. `rng` as of `random`."""

    def __init__(self, kinds, done, terminals, rng):
        self._kinds = kinds
        self._done = done
        self._terminals = terminals
        self._random = rng.random
        self._urgents = [index for index, kind in enumerate(kinds) if kind in (PANIC, STATUS)]
        self._next = 0
        self._urgent = deque()
        self._open = {}  # of each terminal: its urgent ones that are repeated
        self._bursts = deque()
        self._begin = self._swept = 0
        self._bulk = {}
        self._heap = []

    def sent(self, until, now_s):
        """All before `until` have been sent once."""
        self._bursts.append((until, now_s))
        urgents = self._urgents
        while self._next < len(urgents) and urgents[self._next] < until:
            index = urgents[self._next]
            self._next += 1
            self._urgent.append((now_s + URGENT_S, index))
            self._open.setdefault(index % self._terminals, []).append(index)

    def due(self, now_s, bulk=True):
        """What is sent again now; without `bulk` only what is urgent."""
        out = []
        if self._urgent and self._urgent[0][0] <= now_s:
            self._repeat_urgent(now_s, out)
        if not bulk:
            return out
        while self._bursts and self._bursts[0][1] + ACK_TIMEOUT_S <= now_s:
            self._sweep(*self._bursts.popleft())
        heap = self._heap
        while heap and heap[0][0] <= now_s:
            due_s, terminal = heapq.heappop(heap)
            exchange = self._bulk.get(terminal)
            if exchange is not None and exchange.due_s == due_s:
                self._again(terminal, exchange, now_s, out)
        return out

    def _repeat_urgent(self, now_s, out):
        queue, done = self._urgent, self._done
        while queue and queue[0][0] <= now_s:
            _, index = queue.popleft()
            terminal = index % self._terminals
            row = [each for each in self._open[terminal] if not done[each]]
            self._open[terminal] = row
            if not done[index]:
                if index in row[:SLOTS]:
                    out.append(index)
                queue.append((now_s + URGENT_S, index))

    def _sweep(self, until, sent_s):
        """No terminal repeats before ACK_TIMEOUT: till then nothing has to be remembered of any."""
        done, at = self._done, self._swept
        while (at := done.find(0, at, until)) >= 0:
            if self._kinds[at] not in (PANIC, STATUS):
                self._wait(at, sent_s)
            at += 1
        self._swept = until

    def _wait(self, index, sent_s):
        terminal = index % self._terminals
        exchange = self._bulk.get(terminal)
        if exchange is None:
            exchange = self._bulk[terminal] = _Exchange()
        if not exchange.waiting:
            self._begin_at(exchange, sent_s)
            self._set(terminal, exchange, sent_s + exchange.first_s)
        exchange.waiting.append(index)  # a second time, if it was told to wait before: no harm

    def _begin_at(self, exchange, sent_s):
        exchange.sent, exchange.at_s, exchange.paused = 1, sent_s, False
        exchange.first_s = ACK_TIMEOUT_S * (1 + _RANDOM * self._random())

    def _set(self, terminal, exchange, due_s):
        exchange.due_s = due_s
        heapq.heappush(self._heap, (due_s, terminal))

    def _again(self, terminal, exchange, now_s, out):
        if not self._turn(exchange):
            return
        if exchange.paused:
            self._begin_at(exchange, now_s)
        elif exchange.sent >= _SENDINGS:  # given up: the same batch anew, after a pause
            self._pause(terminal, exchange, now_s)
            return
        else:
            exchange.sent += 1
            exchange.at_s = now_s
        out.append(exchange.waiting[0])
        self._set(terminal, exchange, now_s + exchange.first_s * (1 << exchange.sent - 1))

    def _turn(self, exchange):
        """False when nothing is left. The next one begins as soon as that before it is over."""
        waiting, done = exchange.waiting, self._done
        while waiting and done[waiting[0]]:
            waiting.popleft()
            exchange.paused = True
        return bool(waiting)

    def _pause(self, terminal, exchange, now_s):
        """protocol/backoff.py: the upper half of a step that doubles."""
        step_s = exchange.step_s
        exchange.step_s = min(2 * step_s, _LONGEST_S)
        exchange.paused = True
        self._set(terminal, exchange, now_s + step_s * (1 - 0.5 * self._random()))

    def heard(self, index, now_s):
        """An answer to that datagram which proves itself: a pause that silence made is over, and what waits
        for its next repetition hurries."""
        terminal = index % self._terminals
        exchange = self._bulk.get(terminal)
        if exchange is None or not exchange.waiting:
            return
        if self._kinds[index] not in (PANIC, STATUS):
            exchange.step_s = _PAUSE_S
        if not self._turn(exchange):
            exchange.due_s = None
        elif exchange.paused:
            self._set(terminal, exchange, now_s)
        elif exchange.sent > 1 and now_s - exchange.at_s >= ACK_TIMEOUT_S:
            exchange.sent = 1
            self._set(terminal, exchange, now_s)

    def told(self, index, now_s):
        """A 5.03 that anybody could have sent: a terminal ends that exchange, and begins it anew after a
        pause. Urgent ones go on as they were."""
        if self._done[index] or self._kinds[index] in (PANIC, STATUS):
            return
        terminal = index % self._terminals
        exchange = self._bulk.get(terminal)
        if exchange is None:
            exchange = self._bulk[terminal] = _Exchange()
        if exchange.waiting:
            if exchange.waiting[0] != index or exchange.paused:
                return
        elif self._oldest(index):
            exchange.waiting.append(index)
        else:
            return
        self._pause(terminal, exchange, now_s)

    def _oldest(self, index):
        """Whether a terminal that sends one after the other would have this one under way."""
        earlier = range(index - self._terminals, self._swept - 1, -self._terminals)
        return all(self._done[each] or self._kinds[each] in (PANIC, STATUS) for each in earlier)
