"""The run itself, an open loop: a datagram goes out when it is due, whether the one before was answered or
not. Nothing is opened, decoded or counted here but times.

What is not answered is sent again with the same bytes, as a terminal does: see lanes.py.
"""

import gc
import random
import select
import struct
import time

from hwsim.load.lanes import Lanes
from hwsim.load.many import ROOM, Inbox

_BURST = 64  # datagrams sent before it looks at what came back
# It wakes once in this time, not for each datagram: what it uses of a processor the gateway would lack. Times
# come out longer by up to as much, never shorter.
_TICK_S = 0.001
_UNTIMED = -1.0
# First byte, code, message id and a token of four bytes.
_HEAD = struct.Struct(f">BBHI{ROOM - 8}x")
_SHORT = 16  # a 5.03 that is not protected


class Flight:
    """`answered[i]`: seconds from the beginning to the first answer that ends datagram i. `lag` says how late
    the loop itself was. `apart`: each datagram is repeated as though its terminal had no other."""

    def __init__(self, stock, wires, flood=None, ear=None, repeat=True, spread=None, apart=False):
        self.stock = stock
        self.flood = flood
        self.ear = ear
        self.answered = [_UNTIMED] * stock.total
        self.done = bytearray(stock.total)
        self.refused = 0
        self.repeats = 0
        self.blocked = 0
        self.dropped = 0
        self.notifications = 0
        self.lag = []
        self.cpu_s = 0.0
        self.lasted_s = 0.0
        self._wires = wires
        self._spread = spread or (lambda index: 0)
        self.apart = apart
        terminals = stock.total if apart else len(stock.cars)
        self._lanes = Lanes(stock.kinds, self.done, terminals, random.Random("lanes")) if repeat else None
        self._inbox = Inbox()
        self._came = []
        self._heard = 0
        self._heard_s = 0.0

    def fly(self, drain_s):
        """Send everything; then wait until all is answered and heard, or nothing was heard for `drain_s`."""
        poll = select.epoll()
        socks = {sock.fileno(): (sock, self.receive) for sock in self._wires.socks}
        for other in (self.flood, self.ear):
            for sock in other.socks if other else ():
                socks[sock.fileno()] = (sock, other.receive)
        for number in socks:
            poll.register(number, select.EPOLLIN)
        outbox = self._wires.outbox(self.stock.data, self._spread)
        dropped = self._wires.dropped()
        gc.collect()
        gc.disable()
        cpu_s = time.process_time()
        try:
            self._loop(poll, socks, outbox, drain_s)
        finally:
            self.cpu_s = time.process_time() - cpu_s
            self.dropped = self._wires.dropped() - dropped
            gc.enable()
            poll.close()

    def _loop(self, poll, socks, outbox, drain_s):
        stock, clock, lanes = self.stock, time.perf_counter, self._lanes
        rate, total = stock.rate, stock.total
        self.began_s = began_s = clock() + 0.02
        sent = 0
        end_s = began_s + total / rate
        # A fleet behind its gateway has something to send for long. What nobody heard of so long after the
        # last was due, will not be waited for.
        bulk_s = end_s - began_s + drain_s
        while True:
            now_s = clock() - began_s
            due = min(total, int(now_s * rate) + 1) if now_s >= 0 else 0
            if due > sent:
                self.lag.append(now_s - sent / rate)
                until = min(due, sent + _BURST)
                self.blocked += outbox.span(sent, until)
                sent = until
                if lanes:
                    lanes.sent(sent, now_s)
            again = lanes.due(now_s, now_s < bulk_s) if lanes else ()
            if again:
                self.repeats += len(again)
                self.blocked += outbox.some(again)
            flooding = self.flood is not None and sent < total
            behind = self.flood.send(now_s, sent) if flooding else False
            if due <= sent and not behind:
                time.sleep(_TICK_S)
            events = poll.poll(0)
            for number, _ in events:
                sock, receive = socks[number]
                receive(sock, began_s)
            if sent == total and not events and self._over(now_s + began_s, end_s, drain_s):
                break
        self.lasted_s = clock() - began_s

    def _over(self, now_s, end_s, drain_s):
        if now_s < end_s:
            return False
        ear = self.ear
        if ear is not None and ear.frames != self._heard:
            # What was taken in overload is on its way to the broker for a while: as long as it goes on.
            self._heard, self._heard_s = ear.frames, now_s
        if now_s - max(end_s, self._heard_s) > drain_s:
            return True
        if 0 in self.done:
            return False
        # Some may have come twice, and as many be on their way.
        return ear is None or (ear.frames >= self.stock.frames and ear.different() >= self.stock.frames)

    def receive(self, sock, began_s):
        """What is there, up to some hundred: the poll says again when there are more."""
        inbox, lanes = self._inbox, self._lanes
        count = inbox.receive(sock)
        # After the last of them came: no time is shorter than it was.
        now_s = time.perf_counter() - began_s
        raw, sizes = inbox.raw(count), inbox.sizes(count)
        self._came.append((raw, sizes))
        first_token, total, done = self.stock.token, self.stock.total, self.done
        for place, (head, code, message_id, token) in enumerate(_HEAD.iter_unpack(raw)):
            if head & 0x0F == 4:  # of the token: a car's request, answered at once or by a message of its own
                index = token - first_token & 0xFFFFFFFF
                if index >= total:  # of an earlier run on the same wires
                    pass
                elif code == 0xA3 and sizes[place] < _SHORT:
                    # 5.03 is an answer, and no end: the terminal asks again.
                    self.refused += 1
                    if lanes:
                        lanes.told(index, now_s)
                elif not done[index]:
                    done[index] = 1
                    self.answered[index] = now_s
                    if lanes:
                        lanes.heard(index, now_s)
            elif head & 0x0F:
                self.notifications += 1
            if not head & 0x30:  # confirmable
                self._acknowledge(head, token, message_id)

    def _acknowledge(self, head, token, message_id):
        stock = self.stock
        if head & 0x0F == 4 and (index := token - stock.token & 0xFFFFFFFF) < stock.total:
            place, way = index % len(stock.cars), self._spread(index)
        else:  # what a car listens for, at the gateway that made its link
            place, way = stock.listening.get(token >> 8), 0
        if place is not None:
            try:
                self._wires.send(place, way, b"\x60\x00" + message_id.to_bytes(2, "big"))
            except (BlockingIOError, ConnectionRefusedError):
                self.blocked += 1

    @property
    def answers(self):
        """All that came, as (datagram, bytes)."""
        for raw, sizes in self._came:
            for place, size in enumerate(sizes):
                data = raw[ROOM * place : ROOM * place + min(size, ROOM)]
                if data[0] & 0x0F == 4 and (index := self.stock.index(data[4:8])) is not None:
                    yield index, data
