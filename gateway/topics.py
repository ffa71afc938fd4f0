"""Where a terminal's messages go at the broker, and what all of its frames' messages have in common."""

from gateway import geojson
from gateway.journal.records import Terminal
from protocol import report

KINDS = {
    report.KIND_POSITION: "position",
    report.KIND_STATUS: "status",
    report.KIND_PANIC: "panic",
    report.KIND_HEALTH: "health",
    report.KIND_EVENT: "event",
    report.KIND_TASK: "task",
    report.KIND_TRACK: "track",
}


def unit_topic(prefix: str, terminal: Terminal) -> str:
    return f"{prefix}/{terminal.directorate}/{terminal.station}/{terminal.unit}"


def gateway_topic(prefix: str, gateway_id: str) -> str:
    return f"{prefix}/gateway/{gateway_id}/state"


class About:
    """What the messages of a terminal's frames have in common: 4 us a frame if it were made anew."""

    __slots__ = ("frame", "kid", "prefix", "terminal", "topics", "whose")

    def __init__(self, prefix: str, terminal: Terminal) -> None:
        self.prefix = prefix
        self.terminal = terminal
        base = unit_topic(prefix, terminal)
        self.frame = f"{base}/frame"
        self.topics = {kind: f"{base}/{label}" for kind, label in KINDS.items()}
        self.kid = terminal.kid.hex()
        self.whose = geojson.whose(terminal)


# Of as many terminals as speak in turn at one gateway, 2 KB each; of any more they are made anew.
_MOST = 16_384
_abouts: dict[bytes, About] = {}


def about_of(prefix: str, terminal: Terminal) -> About:
    # By its id: a terminal as a key would be hashed, all its fields, for each frame.
    about = _abouts.get(terminal.kid)
    if about is None or about.terminal is not terminal or about.prefix != prefix:
        if len(_abouts) >= _MOST:
            _abouts.clear()
        about = _abouts[terminal.kid] = About(prefix, terminal)
    return about
