"""The report for people: one file, nothing to load, a picture and the story for each case."""

from html import escape
from pathlib import Path

from hwsim.conformance import svg
from hwsim.conformance.case import SUBJECTS
from hwsim.conformance.clauses import CLAUSES
from hwsim.conformance.runner import PASSED

_FOLDER = Path(__file__).parent
_LIGHT = "; ".join(f"--{name}: {colour}" for name, colour in svg.COLOURS.items())
_STYLE = (_FOLDER / "report.css").read_text("utf-8").replace("LIGHT", _LIGHT)
_SCRIPT = (_FOLDER / "report.js").read_text("utf-8")
_KINDS = {"does": "", "sees": "✓ ", "never": "✓ never: ", "fails": "✗ "}


def write(path, cases, results):
    """`report.html`; what failed stands open."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(page(cases, results))


def page(cases, results):
    good = sum(result.verdict == PASSED for result in results)
    word = "passed" if good == len(results) else f"passed, <span class=no>{len(results) - good} not</span>"
    virtual = sum(result.virtual_s for result in results)
    cpu = sum(result.cpu_s for result in results)
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><title>Conformance</title>",
        f"<meta name=viewport content='width=device-width'><style>{_STYLE}{svg.STYLE}</style>",
        f"<h1>Conformance: {good} of {len(results)} {word}</h1>",
        f"<p class=sum>{virtual / 60:.0f} minutes of virtual time in {cpu:.0f} s of processor time. ",
        "Times in a story count from its beginning; long pauses are drawn short. Blue arrows are datagrams ",
        "to headquarters, brown ones from there, pale ones repeats of the same bytes; ",
        "a cross is one that was lost.</p>",
        "<div class=filter><input id=q type=search placeholder='PANIC, lamp, RFC 8613 …'>"
        "<label><input id=bad type=checkbox> only what failed</label></div>",
    ]
    for subject, name in SUBJECTS.items():
        rows = [result for result in results if cases[result.id].subject == subject]
        if rows:
            parts.append(f"<h2>{subject} · {escape(name)}</h2>")
            parts += [_case(cases[result.id], result) for result in rows]
    parts.append(f"<script>{_SCRIPT}</script></html>\n")
    return "".join(parts)


def one(case, result):
    """A page with one story."""
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(case.title)}</title>"
        f"<style>{_STYLE}{svg.STYLE}</style>{_case(case, result, True)}</html>\n"
    )


def _case(case, result, is_open=False):
    bad = result.verdict != PASSED
    clauses = "".join(
        f"<p class=clause><b>{escape(CLAUSES[name][0])}</b> {escape(CLAUSES[name][1])}</p>"
        for name in case.clauses
    )
    words = escape(
        " ".join([case.id, case.title, *(CLAUSES[name][0] for name in case.clauses)]).lower(), quote=True
    )
    opened = " open" if bad or is_open else ""
    picture = svg.draw(result) if result.seen else ""
    console = f"<pre>{escape(chr(10).join([result.sentence, *result.console]))}</pre>" if bad else ""
    against = f"<p class=clause>The other side: {escape(case.against)}</p>" if case.against else ""
    return (
        f'<details id="{case.id}" data-words="{words}"{" data-bad=1" if bad else ""}{opened}>'
        f"<summary><b>{case.id}</b><span>{escape(case.title)}</span>"
        f'<span class="v {"no" if bad else "ok"}">{result.verdict}</span></summary>'
        f"<div class=body>{f'<p>{escape(case.story)}</p>' if case.story else ''}{clauses}{against}"
        f"<div class=scroll>{picture}</div>{_story(result)}{console}</div></details>"
    )


def _story(result):
    rows = []
    for step in result.steps:
        s = (step.at_us - result.began_us) / 1e6
        rows.append(
            f'<li class="{step.kind}"><span class=t>{s:.3f} s</span>'
            f"<span class=k>{_KINDS[step.kind]}</span>{escape(step.text)}</li>"
        )
    return f"<ol class=story>{''.join(rows)}</ol>"
