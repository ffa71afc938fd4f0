"""The report for people: one file, nothing to load, a picture and the story for each case."""

from html import escape

from hwsim.conformance import svg
from hwsim.conformance.case import SUBJECTS
from hwsim.conformance.clauses import CLAUSES
from hwsim.conformance.runner import PASSED

_STYLE = """
:root { color-scheme: light dark; LIGHT; --box: #f6f8fa; }
@media (prefers-color-scheme: dark) { :root { --paper: #14181d; --ink: #e6e9ed; --soft: #98a3af; --line: #343c46; --bar: #46515d;
  --key: #a98bea; --red: #ee5a52; --green: #3fb863; --good: #4cc06c; --bad: #ff6b62; --warn: #e3b341; --up: #5aa0ff; --down: #e09a4a; --box: #1b2128; } }
body { margin: 0 auto; padding: 24px; max-width: 1240px; background: var(--paper); color: var(--ink); font: 14px/1.5 system-ui, sans-serif; }
h1 { font-size: 22px; margin: 0 0 4px; } h2 { font-size: 17px; margin: 32px 0 8px; border-bottom: 1px solid var(--line); }
p.sum { color: var(--soft); margin: 0 0 16px; }
table { border-collapse: collapse; } td, th { padding: 3px 14px 3px 0; text-align: left; } td.n { text-align: right; font-variant-numeric: tabular-nums; }
details { border: 1px solid var(--line); border-radius: 6px; margin: 6px 0; } details[open] { background: var(--box); }
summary { cursor: pointer; padding: 6px 12px; display: flex; gap: 12px; align-items: baseline; } summary::before { content: "▸"; color: var(--soft); } details[open] > summary::before { content: "▾"; }
summary b { min-width: 84px; font-variant-numeric: tabular-nums; } .ok { color: var(--good); } .no { color: var(--bad); font-weight: 600; }
summary .v { margin-left: auto; white-space: nowrap; }
.body { padding: 2px 14px 12px; } .clause { color: var(--soft); font-size: 13px; margin: 2px 0; }
.scroll { overflow-x: auto; margin: 8px 0; background: var(--paper); border: 1px solid var(--line); border-radius: 4px; }
ol.story { margin: 6px 0; padding-left: 34px; } ol.story li { padding: 0 0 1px 4px; } ol.story .t { display: inline-block; min-width: 76px; text-align: right; padding-right: 12px; color: var(--soft); font-variant-numeric: tabular-nums; }
li.sees::marker, li.never::marker { color: var(--good); } li.fails { color: var(--bad); font-weight: 600; } li.sees span.k { color: var(--good); } li.never span.k { color: var(--good); }
pre { overflow-x: auto; background: var(--paper); border: 1px solid var(--line); padding: 8px; font-size: 12px; }
.filter { margin: 12px 0; } input[type=search] { font: inherit; padding: 4px 8px; width: 280px; } label { margin-left: 14px; }
"""
_STYLE = _STYLE.replace("LIGHT", "; ".join(f"--{name}: {colour}" for name, colour in svg.COLOURS.items()))
_SCRIPT = """
const q = document.getElementById("q"), bad = document.getElementById("bad");
function look() { const word = q.value.toLowerCase();
  for (const row of document.querySelectorAll("details")) {
    row.hidden = !(row.dataset.words.includes(word) && (!bad.checked || row.dataset.bad)); } }
q.oninput = bad.onchange = look;
if (location.hash) { const row = document.querySelector(location.hash); if (row) { row.open = true; row.scrollIntoView(); } }
"""
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
        "Times in a story count from its beginning; long pauses are drawn short. Blue arrows are datagrams to headquarters, "
        "brown ones from there, pale ones repeats of the same bytes; a cross is a datagram that was lost.</p>",
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
        f"<p class=clause><b>{escape(CLAUSES[name][0])}</b> {escape(CLAUSES[name][1])}</p>" for name in case.clauses
    )
    words = escape(" ".join([case.id, case.title, *(CLAUSES[name][0] for name in case.clauses)]).lower(), quote=True)
    console = f"<pre>{escape(chr(10).join([result.sentence, *result.console]))}</pre>" if bad else ""
    against = f"<p class=clause>The other side: {escape(case.against)}</p>" if case.against else ""
    return (
        f'<details id="{case.id}" data-words="{words}"{" data-bad=1" if bad else ""}{" open" if bad or is_open else ""}>'
        f"<summary><b>{case.id}</b><span>{escape(case.title)}</span>"
        f'<span class="v {"no" if bad else "ok"}">{result.verdict}</span></summary>'
        f"<div class=body>{f'<p>{escape(case.story)}</p>' if case.story else ''}{clauses}{against}"
        f"<div class=scroll>{svg.draw(result) if result.seen else ''}</div>{_story(result)}{console}</div></details>"
    )


def _story(result):
    rows = []
    for step in result.steps:
        s = (step.at_us - result.began_us) / 1e6
        rows.append(
            f'<li class="{step.kind}"><span class=t>{s:.3f} s</span><span class=k>{_KINDS[step.kind]}</span>{escape(step.text)}</li>'
        )
    return f"<ol class=story>{''.join(rows)}</ol>"
