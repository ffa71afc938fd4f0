"""What a run says on the console: a line for each case as it is done, the table by subject, and the stories
of those that failed."""

from hwsim.conformance.case import SUBJECTS
from hwsim.conformance.runner import BROKEN, PASSED

_MARKS = {"does": " ", "sees": "+", "never": "-", "fails": "!"}


def line(case, result):
    """One case, one line."""
    word = {PASSED: "ok", BROKEN: "BROKEN"}.get(result.verdict, "FAILED")
    return f"{word:6} {case.id:9} {case.title}"


def story(result, limit=None):
    """The lines of a story: when, what was done, seen (+), not seen (-), and what went wrong (!)."""
    rows = [
        f"  {(step.at_us - result.began_us) / 1e6:10.3f} s {_MARKS[step.kind]} {step.text}"
        for step in result.steps
    ]
    return rows if limit is None else rows[-limit:]


def failed(case, result):
    """All there is to know about a case that did not pass."""
    rows = [f"{case.id}: {case.title}", f"  clause: {', '.join(case.clauses)}"]
    rows += story(result)
    if result.verdict == BROKEN:
        rows += ["  " + text for text in result.sentence.strip().splitlines()]
    else:
        rows.append(f"  {result.sentence}")
    if result.console:
        rows.append("  the terminal's last words:")
        rows += [f"    {text}" for text in result.console]
    rows.append(f"  once more: python -m hwsim run {case.id}")
    return rows


def table(cases, results):
    """Passed and all by subject, and the cost."""
    rows = [f"{'subject':24} {'passed':>9} {'virtual':>10} {'processor':>10}"]
    for subject, name in SUBJECTS.items():
        mine = [r for r in results if cases[r.id].subject == subject]
        if mine:
            rows.append(_row(f"{subject:7} {name}", mine))
    rows.append(_row("all", results))
    return rows


def _row(name, results):
    good = sum(result.verdict == PASSED for result in results)
    virtual_s, cpu_s = (sum(getattr(r, n) for r in results) for n in ("virtual_s", "cpu_s"))
    return f"{name:24.24} {good:4} / {len(results):<3} {virtual_s:8.0f} s {cpu_s:8.1f} s"
