"""The live view of a demonstration: every car, its lamp as it blinks, every alarm with the time of each
stage.
"""

from rich.console import Group
from rich.layout import Layout
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from hwsim.air import MADE, NONE, SHAKING, USED
from hwsim.story import STAGES

_LOG_LINES = 60
_RED = {
    "off": ("dim", "dark"),
    "sending": ("bold yellow", "SENDING"),
    "received": ("bold cyan", "RECEIVED"),
    "acknowledged": ("bold green", "ACKNOWLEDGED"),
    "fault": ("bold red", "FAULT"),
    "unclear": ("dim", "..."),
}
_GREEN = {
    "link+fix": ("green", "link, fix"),
    "link": ("yellow", "link, no fix"),
    "fix": ("yellow", "fix, no link"),
    "neither": ("red", "neither"),
    "dark": ("dim", "dark"),
    "fault": ("bold red", "FAULT"),
    "unclear": ("dim", "..."),
}
_KEYS = {
    SHAKING: "agrees with the gateway on new keys (EDHOC)",
    MADE: "has new keys; both sides have proved who they are",
    USED: "sends under its new keys",
}
_COMMANDS = ("acknowledge", "clear", "message", "task", "renew")
_STATUS = {
    "available": "green",
    "on_the_way": "yellow",
    "on_scene": "yellow",
    "busy": "magenta",
    "off_duty": "dim",
}
# The narrowest that shows everything: 96 with the gaps, so that a window of 100 is enough.
_COLUMNS = (
    ("", 2),
    ("unit", 6),
    ("directorate", 17),
    ("position", 13),
    ("km/h", 4),
    ("status", 11),
    ("modem", 7),
    ("green lamp", 14),
    ("red lamp", 14),
)
_HELP = {
    "keys": "1-9 car, p PANIC, v available, w on the way, s on scene, b busy, o off duty, e event, t accept",
    "desk": "a acknowledge, c clear, m message, k task, r renew the car's keys, x cut its network, q quit",
}


class View:
    """`render()` gives what to draw now; `chosen` is the car that the keys belong to."""

    def __init__(self, kernel, fleet, story, operator, title):
        self.chosen = 0
        self._kernel = kernel
        self._fleet = fleet
        self._story = story
        self._operator = operator
        self._title = title
        self._log = []
        kernel.subscribe(self._event)

    def say(self, text, style=""):
        self._log.append((self._kernel.now_us, text, style))
        del self._log[:-_LOG_LINES]

    def render(self):
        layout = Layout()
        cars, alarms = len(self._fleet.cars), min(4, max(1, len(self._story.alarms)))
        layout.split_column(
            Layout(self._head(), size=1),
            Layout(self._cars(), size=min(cars, 12) + 3),
            Layout(self._alarms(alarms), size=alarms + 3),
            Layout(self._events(), minimum_size=3),
            Layout(self._help(), size=2),
        )
        return layout

    def _head(self):
        story = self._story
        text = Text(" PATROLA ")
        text.append(f"  {self._title}   ", style="not bold")
        text.append(f"{self._kernel.now_us / 1e6:6.1f} s")
        text.append(f"   frames made {story.created()}")
        text.append(f"  stored {story.count('stored')}  relayed {story.count('relayed')}")
        return Padding(text, 0, style="bold white on blue")

    def _cars(self):
        table = Table(box=None, expand=True, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
        for name, width in _COLUMNS:
            table.add_column(name, min_width=width, ratio=width, no_wrap=True, overflow="ellipsis")
        first = max(0, min(self.chosen - 6, len(self._fleet.cars) - 12))
        for car in self._fleet.cars[first : first + 12]:
            table.add_row(*self._row(car), style="on grey19" if car.index == self.chosen else "")
        return Panel(table, title="patrols", border_style="blue", padding=(0, 1))

    def _row(self, car):
        tale = self._story.cars[car.name]
        latest = self._operator.latest.get(car.kid, {})
        place = self._operator.places.get(car.kid)
        speed = latest.get("position", latest.get("panic", {})).get("speed_km_h")
        status = latest.get("status", {}).get("status_name", "-")
        return (
            f"{car.index + 1}",
            Text(car.unit.call_sign, style="bold"),
            _short(car.unit.directorate_name),
            f"{place[1]:.3f} {place[0]:.3f}" if place else "-",
            "-" if speed is None else f"{speed:.0f}",
            Text(status.replace("_", " "), style=_STATUS.get(status, "")),
            self._modem(car),
            _lamp(_GREEN, tale.green, car.terminal.level("green"), "green"),
            _lamp(_RED, tale.red, car.terminal.level("red"), "red"),
        )

    @staticmethod
    def _modem(car):
        modem = car.modem
        if car.path.partitioned:
            return Text("CUT", style="bold red")
        if not modem.alive:
            return Text(modem.power.state, style="dim")
        if not modem.radio.registered:
            return Text("no cell", style="yellow")
        if modem.stack.links and car.air.keys in (NONE, SHAKING):
            return Text("keys...", style="yellow")
        return Text(f"{modem.profile.rsrp_dbm} dBm", style="green" if modem.stack.links else "yellow")

    def _alarms(self, rows):
        table = Table(box=None, expand=True, pad_edge=False)
        for name in ("alarm", *STAGES):
            table.add_column(name, justify="left" if name == "alarm" else "right", no_wrap=True)
        for alarm in self._story.alarms[-rows:]:
            raised = alarm.at_ms["raised"]
            cells = [Text(f"{self._unit(alarm.car.name)}  #{alarm.panic or '-'}", style="bold red")]
            for stage in STAGES:
                at = alarm.at_ms.get(stage)
                if at is None:
                    cells.append(Text("...", style="dim"))
                elif stage == "raised":
                    cells.append(Text(f"at {at / 1000:.1f} s", style="yellow"))
                else:
                    cells.append(Text(f"+{at - raised:,.0f} ms", style="green"))
            table.add_row(*cells)
        if not self._story.alarms:
            table.add_row(Text("none: all is calm", style="dim"), *[""] * len(STAGES))
        return Panel(
            table, title="alarms", border_style="red" if self._story.alarms else "blue", padding=(0, 1)
        )

    def _events(self):
        lines = [
            Text.assemble((f"{at_us / 1e6:7.1f} s  ", "dim"), (text, style))
            for at_us, text, style in self._log
        ]
        return Panel(Group(*lines[::-1]), title="what happens", border_style="blue", padding=(0, 1))

    @staticmethod
    def _help():
        lines = []
        for who, keys in _HELP.items():
            line = Text(f"{who:5}", style="dim", no_wrap=True, overflow="ellipsis")
            for item in keys.split(", "):
                key, what = item.split(" ", 1)
                line.append(key, style="bold reverse").append(f" {what} ")
            lines.append(line)
        return Group(*lines)

    def _unit(self, name):
        return next(car.unit.call_sign for car in self._fleet.cars if car.name == name)

    def _event(self, event):
        tale = self._story.cars.get(event.source)
        fields = event.fields
        if tale is not None:
            self._car_event(self._unit(event.source), event.what, fields)
        elif event.source == "gateway" and event.what in (
            "gateway.ready",
            "broker.connected",
            "broker.lost",
            "refused",
        ):
            reason = fields.get("details", {}).get("reason", "")
            self.say(f"gateway: {event.what.replace('.', ' ')} {reason}".rstrip())
        elif event.source == "operator" and event.what in (
            "acknowledge",
            "clear",
            "message",
            "task",
            "renew",
        ):
            self.say(f"operations centre: {event.what}", "bold")

    def _car_event(self, unit, what, fields):
        if what == "key" and fields["down"]:
            self.say(
                f"{unit}: {fields['key'].replace('_', ' ')} key", "red" if fields["key"] == "panic" else ""
            )
        elif what == "lamp" and fields["lamp"] == "red" and fields["state"] != "unclear":
            self.say(f"{unit}: red lamp {fields['state']}")
        elif what == "sound" and fields["meaning"]:
            self.say(f"{unit}: {fields['pin']}, {fields['meaning']}", "dim")
        elif what == "modem":
            self.say(f"{unit}: modem {fields['state']}", "dim")
        elif what == "keys":
            self.say(f"{unit}: {_KEYS[fields['state']]}", "cyan")
        elif what == "log":
            self.say(f"{unit} says: {fields['line'].strip()}", "yellow")
        elif what in ("start", "died", "watchdog", "torn"):
            self.say(f"{unit}: {what} {fields.get('reason', '')}", "bold red" if what != "start" else "dim")


def _lamp(names, state, level, colour):
    style, text = names.get(state, ("", state))
    return Text.assemble(("● " if level else "○ ", colour if level else "dim"), (text, style))


def _short(name):
    return name.replace(" Administration", "")
