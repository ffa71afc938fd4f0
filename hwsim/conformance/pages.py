"""docs/conformance.md, made from the cases: what is held, by which clause, and what a terminal must offer."""

from pathlib import Path

from hwsim.conformance.case import SUBJECTS
from hwsim.conformance.clauses import CLAUSES

_HEAD = Path(__file__).with_name("page.md").read_text("utf-8")


def text(cases):
    """The whole page."""
    rows = [_HEAD.replace("COUNT", str(len(cases)))]
    rows.append("| subject | cases |\n|---|---|\n")
    for subject, name in SUBJECTS.items():
        number = sum(case.subject == subject for case in cases.values())
        if number:
            rows.append(f"| [{subject}: {name}](#{_anchor(subject, name)}) | {number} |\n")
    for subject, name in SUBJECTS.items():
        mine = [case for case in cases.values() if case.subject == subject]
        if mine:
            rows.append(
                f"\n## {subject}: {name}\n| case | is held | clause | other side |\n|---|---|---|---|\n"
            )
            rows += [_row(case) for case in mine]
    rows.append(
        "\n## Clauses\nPatrola's wire protocol, version 1, is what terminal and gateway have agreed on; "
        "its sections are named.\n\n"
    )
    rows.append("| clause | stands in | says |\n|---|---|---|\n")
    used = {name for case in cases.values() for name in case.clauses}
    rows += [f"| `{name}` | {where} | {says} |\n" for name, (where, says) in CLAUSES.items() if name in used]
    return "".join(rows)


def _row(case):
    settings = [f"`{name}` {_shown(value)}" for name, value in {**case.settings, **case.slip}.items()]
    weather = [f"{_WEATHER[name]} {value:g}{_UNITS[name]}" for name, value in case.weather.items() if value]
    notes = [case.story] if case.story else []
    if settings:
        notes.append(f"Settings: {', '.join(settings)}.")
    if weather:
        notes.append(f"Network: {', '.join(weather)}.")
    if case.lost:
        notes.append(f"At the end something may be missing: {case.lost}.")
    if case.profile != "plain":
        notes.append(f"Modem: {case.profile}.")
    note = f"<br>{' '.join(notes)}" if notes else ""
    clauses = ", ".join(f"`{name}`" for name in case.clauses)
    return f"| {case.id} | {case.title}{note} | {clauses} | {case.against} |\n"


_WEATHER = {
    "loss": "loss each way",
    "rtt_ms": "round trip",
    "jitter_ms": "jitter",
    "duplicate": "doubled",
    "reorder": "overtaken",
}
_UNITS = {"rtt_ms": " ms", "jitter_ms": " ms", "loss": "", "duplicate": "", "reorder": ""}


def _shown(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


def _anchor(subject, name):
    return f"{subject}-{name}".lower().replace(" ", "-").replace("'", "")
