"""The timeline for a console: time runs down, lanes stand side by side."""

from hwsim.conformance.timeline import Timeline, taken_for

_SHOWN = {
    "off": " ",
    "dark": " ",
    "sending": "▒",
    "received": "░",
    "acknowledged": "█",
    "fault": "?",
    "unclear": "·",
}
_GREEN = {"link+fix": "█", "link": "▓", "fix": "░", "neither": "·", "dark": " ", "fault": "?"}
_WIDE = 26


def lines(result, car=None):
    """A line for each thing that happened; repeats of the same datagram are counted, not shown."""
    timeline = Timeline(result, car)
    seen = taken_for([s for s in result.seen if s.car in ("", timeline.car)])
    steps = [(step.at_us, step) for step in result.steps]
    rows = [("time", "keys", "R", "G", "terminal" + " " * (_WIDE - 8) + "headquarters", "")]
    red, green, down, quiet = "off", "dark", [], 0
    events = sorted(
        [(s.at_us, 0, s) for s in seen] + [(at, 1, step) for at, step in steps], key=lambda e: e[:2]
    )
    for at_us, is_step, event in events:
        if not is_step and event.what == "lamp":
            red, green = (event.state, green) if event.lamp == "red" else (red, event.state)
        if not is_step and event.what == "key":
            (down.append if event.down else down.remove)(event.key)
        if not timeline.inside(at_us):
            continue
        if not is_step and event.what in ("up", "down") and not event.first:
            quiet += 1
            continue
        told = _step(event) if is_step else _told(event)
        if told is None:
            continue
        if quiet:
            rows.append(("", "", _SHOWN.get(red, "?"), _GREEN.get(green, "?"), f"   ({quiet} repeats)", ""))
            quiet = 0
        clock = f"{(at_us - result.began_us) / 1e6:10.3f}"
        rows.append((clock, ",".join(down), _SHOWN.get(red, "?"), _GREEN.get(green, "?"), *told))
    return [f"{c:>10} {k:10.10} {r} {g}  {air:40} {text}".rstrip() for c, k, r, g, air, text in rows]


def _step(step):
    mark = {"does": "", "sees": "✓ ", "never": "✓ never: ", "fails": "✗ "}[step.kind]
    return "", f"{mark}{step.text}"


def _told(seen):
    if seen.what == "up":
        line = f"──{seen.name}──"
        return (f"{line[:_WIDE]:─<{_WIDE // 2}}✗" if seen.lost else f"{line[:_WIDE]:─<{_WIDE}}▶"), ""
    if seen.what == "down":
        line = f"──{seen.name}──"
        return (
            f"{'':{_WIDE // 2}}✗{line[: _WIDE // 2]:─<{_WIDE // 2}}"
            if seen.lost
            else f"◀{line[:_WIDE]:─<{_WIDE}}"
        ), ""
    if seen.what in ("stored", "command", "answered", "stage"):
        return f"{'':{_WIDE}} ●", seen.text
    if seen.what in ("start", "power off", "trouble", "fault", "sound", "lamp", "modem"):
        return "", seen.text
    return None
