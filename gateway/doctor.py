"""`gateway doctor`: is everything that the service needs there, and what to do where it is not.

It changes nothing, and runs beside a service that runs.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gateway.config import Config, ConfigError, load

Result = tuple[int, dict[str, Any], str]

OK = "ok"
WARN = "warning"
FAIL = "failed"
_SIGNS = {OK: "  ok   ", WARN: " WARN  ", FAIL: " FAIL  "}


@dataclass(frozen=True, slots=True)
class Finding:
    """`what` was looked at, `state` is OK, WARN or FAIL, `said` what was found, `do` what to do about it."""

    what: str
    state: str
    said: str
    do: str = ""


def ok(what: str, said: str) -> Finding:
    return Finding(what, OK, said)


def warn(what: str, said: str, do: str) -> Finding:
    return Finding(what, WARN, said, do)


def fail(what: str, said: str, do: str) -> Finding:
    return Finding(what, FAIL, said, do)


Examination = Callable[[Config], Iterator[Finding]]


def examine(path: Path, examinations: list[Examination]) -> list[Finding]:
    """All findings; one examination that breaks must not hide the others."""
    try:
        config = load(path)
    except ConfigError as error:
        said, _, do = str(error).partition(" What to do: ")
        return [fail("configuration", said, do or "mend the file; nothing else can be looked at before")]
    found = [ok("configuration", str(path))]
    for examination in examinations:
        try:
            found += examination(config)
        except Exception as error:
            name = examination.__name__.replace("_", " ")
            said = f"could not be examined: {type(error).__name__}: {error}"
            found.append(fail(name, said, "look at what it says; if it makes no sense please report it"))
    return found


def show(config: Config | None, options: argparse.Namespace) -> Result:
    """Exit code 1 when something failed; a warning is none."""
    from gateway.examinations import ALL

    found = examine(options.config, ALL)
    lines = []
    for finding in found:
        lines.append(f"[{_SIGNS[finding.state]}] {finding.what}: {finding.said}")
        if finding.do:
            lines.append(f"{'':10}-> {finding.do}")
    failed = sum(finding.state == FAIL for finding in found)
    warned = sum(finding.state == WARN for finding in found)
    if failed:
        lines.append(f"\n{_many(failed, 'thing')} must be mended, {_many(warned, 'warning')}")
    else:
        lines.append(f"\nfit to serve, {_many(warned, 'warning')}")
    body = {"fit": not failed, "findings": [asdict(finding) for finding in found]}
    return int(failed > 0), body, "\n".join(lines)


def _many(number: int, thing: str) -> str:
    return f"{number or 'no'} {thing}{'' if number == 1 else 's'}"
