"""The run as a reader would want to hear it: one line for each thing that matters, so that a violation comes
with what went before it."""

_LINES = 40
_TOLD = {
    "key",
    "lamp",
    "sound",
    "frame.sent",
    "start",
    "power",
    "torn",
    "watchdog",
    "died",
    "log",
    "modem",
    "keys",
    "note",
}
_TOLD |= {"registration", "partition", "acknowledge", "clear"}
_HOUSE = {"fault", "network", "operator", "gateway", "broker"}
_POSITION = 1
_DULL = {"data", "details", "at_ms", "level"}
# Said of every frame; the frame's own line is enough.
_ECHOES = {"message", "frame", "frame.stored", "frame.relayed"}


class Tale:
    """Subscribes to the kernel. `frames`, `alarms`: how many left a terminal for the first time."""

    def __init__(self, kernel):
        self.frames = 0
        self.alarms = 0
        self._rows = []  # (microseconds, source, what, fields)
        self._panics = set()
        self._busy_us = 0
        self._heard_us = {}  # car -> when headquarters last reached it
        self._leave = kernel.subscribe(self._event)

    def close(self):
        self._leave()

    def busy_since(self, at_us):
        """A frame other than a position or health was stored after that."""
        return self._busy_us > at_us

    def served_since(self, at_us, cars):
        """Headquarters has reached each of these cars after that."""
        return all(self._heard_us.get(car.name, -1) > at_us for car in cars)

    def _event(self, event):
        what = event.what
        if what == "air":
            if event.fields["direction"] == "down" and event.fields["fate"] == "sent":
                self._heard_us[event.source] = event.t_us
            return
        if what == "frame.stored" and event.fields["details"]["kind"] not in ("position", "health"):
            self._busy_us = event.t_us
        if what == "frame.sent":
            self.frames += 1
            if event.fields["kind"] == 3:
                panic = (event.source, event.fields["panic"])
                self.alarms += panic not in self._panics
                self._panics.add(panic)
        if what in _TOLD or event.source == "fault" or (event.source in _HOUSE and what not in _ECHOES):
            self._rows.append((event.t_us, event.source, what, event.fields))

    def before(self, violation, cars, lines=_LINES):
        """The last lines before it; of its car and of the house, if it names a car."""
        names = [car.name for car in cars if car.name in violation.text or car.kid in violation.text]
        rows = [row for row in self._rows if row[0] <= violation.at_us + 1_000_000]
        if names:
            rows = [row for row in rows if row[1] in names or _concerns(row, names)]
        return [line(*row) for row in _gathered(rows)[-lines:]]


def _gathered(rows):
    """Positions in a row become one line."""
    out = []
    for row in rows:
        if row[2] == "frame.sent" and row[3]["kind"] == _POSITION:
            if out and out[-1][2] == "positions" and out[-1][1] == row[1]:
                out[-1][3]["last"] = row[3]["seq"]
                continue
            fields = {"boot": row[3]["boot"], "first": row[3]["seq"], "last": row[3]["seq"]}
            row = (row[0], row[1], "positions", fields)
        out.append(row)
    return out


def _concerns(row, names):
    source, fields = row[1], row[3]
    if source in ("fault", "network"):
        return (fields.get("car") or fields.get("path")) in (None, *names)
    return source in _HOUSE


def line(t_us, source, what, fields):
    """`1:02:03.456  sm-21     key panic down`"""
    seconds, ms = divmod(t_us // 1000, 1000)
    clock = f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{ms:03d}"
    return f"{clock:>14}  {source:<9} {what}{_words(what, fields)}"


def _words(what, fields):
    if what == "key":
        return f" {fields['key']} {'down' if fields['down'] else 'up'}"
    if what == "lamp":
        return f" {fields['lamp']}: {fields['state']}"
    if what == "log":
        return f": {fields['line'].rstrip()}"
    if what == "note":
        return f": {fields['text']}"
    fields = {**fields, **fields["details"]} if isinstance(fields.get("details"), dict) else fields
    shown = (f"{name}={value}" for name, value in fields.items() if value is not None and name not in _DULL)
    words = " ".join(shown)
    return f" {words}" if words else ""
