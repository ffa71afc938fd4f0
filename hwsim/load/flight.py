"""The run itself, an open loop: a datagram goes out when it is due, whether the one before was answered or
not. Nothing is opened, decoded or counted here but times.

What is not answered is sent again with the same bytes, as a terminal does: urgent ones every 500 ms without
end, the others four times with CoAP's back-off (RFC 7252 4.2).
"""

import gc
import select
import time
from collections import deque

from hwsim.load.sealed import PANIC, STATUS

URGENT_S = 0.5
BACK_OFF_S = (2.5, 5.0, 10.0, 20.0)
_BURST = 64  # datagrams sent before it looks at what came back
# It wakes once in this time, not for each datagram: what it uses of a processor the gateway would lack. Times
# come out longer by up to as much, never shorter.
_TICK_S = 0.001
_UNTIMED = -1.0


class Flight:
    """`answered[i]`: seconds from the beginning to the first answer that ends datagram i. `answers`: all that
    came, as (datagram, bytes). `lag` says how late the loop itself was."""

    def __init__(self, stock, wires, flood=None, ear=None, repeat=True, spread=None):
        self.stock = stock
        self.flood = flood
        self.ear = ear
        self.answered = [_UNTIMED] * stock.total
        self.answers = []
        self.refused = 0
        self.repeats = 0
        self.blocked = 0
        self.notifications = 0
        self.lag = []
        self.cpu_s = 0.0
        self.lasted_s = 0.0
        self._wires = wires
        self._repeat = repeat
        self._spread = spread or (lambda index: 0)
        self._heard = 0
        self._heard_s = 0.0
        self._urgent = deque()
        self._back_off = [deque() for _ in BACK_OFF_S]

    def fly(self, drain_s):
        """Send everything; then wait until all is answered and heard, or nothing was heard for `drain_s`."""
        poll = select.epoll()
        socks = {}
        for sock in self._wires.all():
            socks[sock.fileno()] = (sock, self._receive)
        for other in (self.flood, self.ear):
            for sock in other.socks if other else ():
                socks[sock.fileno()] = (sock, other.receive)
        for number in socks:
            poll.register(number, select.EPOLLIN)
        gc.collect()
        gc.disable()
        cpu_s = time.process_time()
        try:
            self._loop(poll, socks, drain_s)
        finally:
            self.cpu_s = time.process_time() - cpu_s
            gc.enable()
            poll.close()

    def _loop(self, poll, socks, drain_s):
        stock, clock = self.stock, time.perf_counter
        rate, total = stock.rate, stock.total
        self.began_s = began_s = clock() + 0.02
        sent = 0
        end_s = began_s + total / rate
        while True:
            now_s = clock() - began_s
            due = min(total, int(now_s * rate) + 1) if now_s >= 0 else 0
            if due > sent:
                self.lag.append(now_s - sent / rate)
                until = min(due, sent + _BURST)
                for index in range(sent, until):
                    self._send(index, now_s)
                sent = until
            if self._repeat:
                self._again(now_s)
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
        if _UNTIMED in self.answered:
            return False
        # Some may have come twice, and as many be on their way.
        return ear is None or (ear.frames >= self.stock.frames and ear.different() >= self.stock.frames)

    def _send(self, index, now_s):
        row = self._wires.of(index % len(self.stock.cars))
        try:
            row[self._spread(index)].send(self.stock.data[index])
        except (BlockingIOError, ConnectionRefusedError):
            self.blocked += 1  # as lost on the air
        if self._repeat:
            if self.stock.kinds[index] in (PANIC, STATUS):
                self._urgent.append((now_s + URGENT_S, index))
            else:
                self._back_off[0].append((now_s + BACK_OFF_S[0], index, 0))

    def _again(self, now_s):
        queue, answered = self._urgent, self.answered
        while queue and queue[0][0] <= now_s:
            _, index = queue.popleft()
            if answered[index] == _UNTIMED:
                self._resend(index)
                queue.append((now_s + URGENT_S, index))
        for queue in self._back_off:
            while queue and queue[0][0] <= now_s:
                _, index, turn = queue.popleft()
                if answered[index] == _UNTIMED:
                    self._resend(index)
                    if turn + 1 < len(BACK_OFF_S):
                        self._back_off[turn + 1].append((now_s + BACK_OFF_S[turn + 1], index, turn + 1))

    def _resend(self, index):
        self.repeats += 1
        row = self._wires.of(index % len(self.stock.cars))
        try:
            row[self._spread(index)].send(self.stock.data[index])
        except (BlockingIOError, ConnectionRefusedError):
            self.blocked += 1

    def _receive(self, sock, began_s):
        """One datagram: the poll says again when there are more, cheaper than to ask in vain."""
        try:
            data = sock.recv(2048)
        except (BlockingIOError, ConnectionRefusedError):
            return
        if data[0] & 0x0F == 4:  # of the token: a car's request, answered at once or by a message of its own
            index = self.stock.index(data[4:8])
            if index is not None:
                # 5.03 is an answer, and no end: the terminal asks again.
                if data[1] == 0xA3 and len(data) < 16:
                    self.refused += 1
                elif self.answered[index] == _UNTIMED:
                    self.answered[index] = time.perf_counter() - began_s
                self.answers.append((index, data))
        elif data[0] & 0x0F:
            self.notifications += 1
        if data[0] & 0x30 == 0:  # confirmable
            sock.send(b"\x60\x00" + data[2:4])
