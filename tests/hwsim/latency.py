"""How long a pressed panic key takes to reach the modem, and what the terminal did meanwhile.

`PanicWatch` sits on a car: it knows when each hold was over, and when the last byte of the first datagram
with the frame of that alarm had gone down the modem's UART.
"""

import collections

from protocol import report

LIMIT_MS = 300.0


class Tap:
    """On a UART's line towards the device: what came, and when its last bit was there."""

    def __init__(self, kernel, port):
        self.kernel = kernel
        self.chunks = []  # (microseconds, bytes)
        self.device = port.device
        port.device = self

    def bytes_from_guest(self, data):
        self.chunks.append((self.kernel.now_us, data))
        self.device.bytes_from_guest(data)

    def ends(self, datagram, since_us):
        """When `datagram` had come whole, first, after `since_us`; None if it has not."""
        recent = [(at_us, data) for at_us, data in self.chunks if at_us >= since_us]
        found = b"".join(data for _, data in recent).find(datagram)
        if found < 0:
            return None
        left = found + len(datagram)
        for at_us, data in recent:
            left -= len(data)
            if left <= 0:
                return at_us
        raise AssertionError("cannot happen: it was found")


class PanicWatch:
    """`alarms()` gives (end of the hold, last byte of the first datagram or None), in microseconds."""

    def __init__(self, car, hold_ms=600):
        self.car = car
        self.kernel = car.kernel
        self.tap = Tap(self.kernel, car.terminal.port("modem"))
        self.holds = []
        self.happened = []  # (microseconds, text): for the timeline
        self._hold_us = hold_ms * 1000
        self._new = []  # alarms in the datagram whose `air` event comes next
        self._sent = {}  # panic id -> the datagram that first carried it
        self._down_us = None
        self.kernel.subscribe(self._event)
        self.operations = collections.Counter()  # of the flash: "erase journal", "program files" and so on
        self._listen_to_flash()

    def _event(self, event):
        if event.source != self.car.name:
            return
        fields = event.fields
        if event.what == "air" and fields["direction"] == "up":
            for panic in self._new:
                self._sent.setdefault(panic, fields["data"])
            self._new.clear()
        elif event.what == "frame.sent" and fields["kind"] == report.KIND_PANIC:
            # The car's own ear was there first, and tells before this one hears the datagram.
            self._new.append(fields["panic"])
        elif event.what == "key" and fields["key"] == "panic":
            self._down_us = event.t_us if fields["down"] else None
            if fields["down"]:
                self.kernel.after(self._hold_us, self._held, event.t_us)
        elif event.what == "note":
            self._note(event.t_us, fields["text"])

    def _held(self, down_us):
        if self._down_us == down_us:
            self.holds.append(self.kernel.now_us)
            self._note(self.kernel.now_us, "the hold is over")

    def _note(self, at_us, text):
        self.happened.append((at_us, text))

    def _listen_to_flash(self):
        terminal = self.car.terminal
        flash, journal = terminal.flash, terminal.board["flash"]["journal"]
        check, time_us = flash.check, flash.time_us

        def checked(kind, address, data):
            self._place = "journal" if address >= journal["address"] else "files"
            check(kind, address, data)

        def told(kind, data):
            took = time_us(kind, data)
            self.operations[f"{kind} {self._place}"] += 1
            self._note(self.kernel.now_us, f"flash {kind} {self._place} {len(data) or ''} {took} us")
            return took

        flash.check, flash.time_us = checked, told

    def alarms(self):
        datagrams = [self._sent[panic] for panic in sorted(self._sent)]
        for number, hold_us in enumerate(self.holds):
            if number < len(datagrams):
                yield hold_us, self.tap.ends(datagrams[number], hold_us)
            else:
                yield hold_us, None

    def latencies_ms(self):
        """Of every hold; infinite where nothing came."""
        return [
            float("inf") if end_us is None else (end_us - hold_us) / 1000 for hold_us, end_us in self.alarms()
        ]

    def timeline(self, hold_us, end_us=None, before_ms=250):
        """What the terminal did around that hold, a line each."""
        end_us = end_us or hold_us + 1_000_000
        rows = [(at, text) for at, text in self.happened if hold_us - before_ms * 1000 <= at <= end_us]
        for at_us, data in self.tap.chunks:
            if hold_us - before_ms * 1000 <= at_us <= end_us:
                rows.append((at_us, f"to the modem: {data[:40]!r}{'...' if len(data) > 40 else ''}"))
        return "\n".join(f"{(at - hold_us) / 1000:9.2f} ms  {text}" for at, text in sorted(rows))


def judge(watch, limit_ms=LIMIT_MS):
    """Sentences on the alarms that took too long, the slowest with its timeline."""
    slow = [(hold, end) for hold, end in watch.alarms() if end is None or end - hold > limit_ms * 1000]
    if not slow:
        return []
    worst = max(slow, key=lambda row: float("inf") if row[1] is None else row[1] - row[0])
    took = "never" if worst[1] is None else f"after {(worst[1] - worst[0]) / 1000:.1f} ms"
    return [
        f"{len(slow)} of {len(watch.holds)} alarms took longer than {limit_ms:.0f} ms; the slowest reached "
        f"the modem {took}:\n{watch.timeline(*worst)}"
    ]
