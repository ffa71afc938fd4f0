"""The timeline as a picture: SVG whose colours come from a style sheet, so that it follows light and dark."""

from pathlib import Path
from xml.sax.saxutils import escape

from hwsim.conformance.timeline import Timeline

_LEFT = 112
_RIGHT = 60
_LEAST, _MOST = 940, 2600
_ROW = 26
_AIR = 74
_CHAR = 5.7  # width of a letter at this size
_MARGIN = 8

COLOURS = {
    "paper": "#fff",
    "ink": "#1b1f24",
    "soft": "#66707c",
    "line": "#d9dee4",
    "bar": "#b9c4d0",
    "key": "#8a63d2",
    "red": "#d3332e",
    "green": "#23944a",
    "good": "#1a7f37",
    "bad": "#c62828",
    "warn": "#d9a300",
    "up": "#1f6feb",
    "down": "#a35a00",
}
STYLE = Path(__file__).with_name("timeline.css").read_text("utf-8")


def draw(result, car=None):
    """The picture of one story, as text."""
    return _Picture(Timeline(result, car)).text()


def alone(result, car=None):
    """The picture as a file of its own, light."""
    text = draw(result, car)
    colours = "; ".join(f"--{name}: {colour}" for name, colour in COLOURS.items())
    end = text.index(">") + 1
    ground = '<rect width="100%" height="100%" style="fill: var(--paper)"/>'
    return f"{text[:end]}<style>.tl {{ {colours} }} {STYLE}</style>{ground}{text[end:]}\n"


class _Picture:
    def __init__(self, timeline):
        self._timeline = timeline
        self._scale = timeline.scale
        self._scale.fit(_LEAST, _MOST)
        self._rows = []
        self._y = 34

    def _x(self, at_us):
        return _LEFT + self._scale.x(at_us)

    def text(self):
        for lane in self._timeline.lanes:
            self._lane(lane)
        bottom = self._y
        steps = self._steps(bottom)
        axis = self._axis(bottom)
        width, height = _LEFT + self._scale.width + _RIGHT, bottom + 22
        return (
            f'<svg class="tl" xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
            f'viewBox="0 0 {width:.0f} {height:.0f}" role="img">'
            + "".join(steps + self._rows + axis)
            + "</svg>"
        )

    def _steps(self, bottom):
        rows = []
        free_x = 0
        for number, step in enumerate(self._timeline.result.steps, 1):
            if not self._timeline.inside(step.at_us):
                continue
            x = self._x(step.at_us)
            rows.append(f'<line class="step {step.kind}" x1="{x:.1f}" x2="{x:.1f}" y1="22" y2="{bottom}"/>')
            if x >= free_x or step.kind == "fails":
                rows.append(f'<text class="stepno {step.kind}" x="{x:.1f}" y="16">{number}</text>')
                free_x = x + 13
        return rows

    def _axis(self, bottom):
        rows = [_line("lane", _LEFT, bottom, _LEFT + self._scale.width, bottom)]
        free_x = 0
        began = self._timeline.result.began_us
        for at in self._scale.moments():
            x = self._x(at)
            if x >= free_x:
                s = (at - began) / 1e6
                label = f"{s:.2f} s" if abs(s) < 10 else f"{s:.1f} s" if abs(s) < 100 else f"{s:.0f} s"
                rows.append(f'<line class="lane" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom}" y2="{bottom + 4}"/>')
                rows.append(f'<text class="axis" x="{x:.1f}" y="{bottom + 15}">{label}</text>')
                free_x = x + 52
        return rows

    def _lane(self, lane):
        if lane.name == "datagrams":
            return self._air(lane)
        top, middle = self._y, self._y + _ROW / 2
        self._name(lane.name, middle)
        self._line(middle)
        for bar in lane.bars:
            self._bar(bar, top + 5, _ROW - 12)
        for begin, end in lane.ticks:
            x = self._x(begin)
            wide = max(0.7, self._x(end) - x)
            self._rows.append(_rect(f"lit {lane.name.split()[0]}", x, top + _ROW - 6, wide, 3))
        # Labels stand above the line, or where there is no room, below it.
        rows = [[middle - 4, 0.0], [middle + 11, 0.0]]
        for mark in lane.marks:
            x = self._x(mark.at_us)
            self._dot(mark, x, middle)
            text = _short(mark.text, 34)
            wide = 10 + min(len(mark.text), 34) * _CHAR
            end = _LEFT + self._scale.width + _RIGHT
            at = min(x + 5, end - wide)
            for row in rows:
                if at >= row[1]:
                    self._rows.append(f'<text x="{at:.1f}" y="{row[0]:.1f}">{text}</text>')
                    row[1] = at + wide
                    break
        self._y += _ROW if rows[1][1] == 0 else _ROW + 8
        return None

    def _air(self, lane):
        high, low = self._y + 16, self._y + _AIR - 12
        for name, y in (("headquarters", high), ("terminal", low)):
            self._name(name, y)
            self._line(y)
        free = {"up": 0, "down": 0}
        for mark in lane.marks:
            x = self._x(mark.at_us)
            kind = mark.style.split()[0]
            begin, end = (low, high) if kind == "up" else (high, low)
            if "lost" in mark.style:
                end = (high + low) / 2
                self._rows.append(_cross(x, end))
            self._rows.append(_line(mark.style, x, begin, x, end, mark.text))
            if "lost" not in mark.style:
                tip = 5 if kind == "up" else -5
                self._rows.append(f'<path class="head {mark.style}" d="M{x:.1f} {end}l-3 {tip}h6z"/>')
            if mark.strong and x >= free[kind]:
                y = low + 10 if kind == "up" else high - 4
                self._rows.append(f'<text x="{x - 2:.1f}" y="{y}">{_short(mark.text, 22)}</text>')
                free[kind] = x + 8 + min(len(mark.text), 22) * _CHAR
        self._y += _AIR

    def _name(self, text, y):
        self._rows.append(
            f'<text class="name" x="{_LEFT - _MARGIN}" y="{y + 4:.1f}">{_short(text, 17)}</text>'
        )

    def _line(self, y):
        self._rows.append(_line("lane", _LEFT, y, _LEFT + self._scale.width, y))

    def _bar(self, bar, y, height):
        x = self._x(bar.begin_us)
        wide = max(1.5, self._x(bar.end_us) - x)
        self._rows.append(_rect(f"bar {bar.style}", x, y, wide, height, bar.text))
        if len(bar.text) * _CHAR + 4 <= wide:
            self._rows.append(
                f'<text class="in" x="{x + 3:.1f}" y="{y + height - 4:.1f}">{escape(bar.text)}</text>'
            )

    def _dot(self, mark, x, y):
        self._rows.append(
            f'<circle class="dot {mark.style}" cx="{x:.1f}" cy="{y:.1f}" r="3.2">{_title(mark.text)}</circle>'
        )


def _line(style, x1, y1, x2, y2, title=""):
    place = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line class="{style}" {place}>{_title(title)}</line>'


def _rect(style, x, y, width, height, title=""):
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height}" rx="1.5"'
    return f'<rect class="{style}" {place}>{_title(title)}</rect>'


def _title(text):
    """What a pointer that rests there is told."""
    return f"<title>{escape(text)}</title>" if text else ""


def _cross(x, y):
    return f'<path class="cross" d="M{x - 3:.1f} {y - 3:.1f}l6 6m0 -6l-6 6"/>'


def _short(text, most):
    return escape(text if len(text) <= most else text[: most - 1] + "…")
