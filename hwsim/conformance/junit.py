"""JUnit XML, as CI servers read it."""

import re
from xml.etree import ElementTree

from hwsim.conformance.console import story
from hwsim.conformance.runner import BROKEN, PASSED

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")


def write(path, cases, results):
    """One suite for each subject."""
    top = ElementTree.Element("testsuites", name="conformance", tests=str(len(results)))
    top.set("failures", str(sum(r.verdict not in (PASSED, BROKEN) for r in results)))
    top.set("errors", str(sum(r.verdict == BROKEN for r in results)))
    suites = {}
    for result in results:
        case = cases[result.id]
        suites.setdefault(case.subject, []).append((case, result))
    for subject, rows in suites.items():
        suite = ElementTree.SubElement(top, "testsuite", name=subject, tests=str(len(rows)))
        suite.set("failures", str(sum(r.verdict not in (PASSED, BROKEN) for _, r in rows)))
        suite.set("errors", str(sum(r.verdict == BROKEN for _, r in rows)))
        suite.set("time", f"{sum(r.cpu_s for _, r in rows):.3f}")
        for case, result in rows:
            _case(suite, case, result)
    ElementTree.indent(top)
    ElementTree.ElementTree(top).write(path, encoding="utf-8", xml_declaration=True)


def _case(suite, case, result):
    row = ElementTree.SubElement(suite, "testcase", classname=f"conformance.{case.subject}")
    row.set("name", f"{case.id} {case.title}")
    row.set("time", f"{result.cpu_s:.3f}")
    if result.verdict != PASSED:
        kind = "error" if result.verdict == BROKEN else "failure"
        sentence = result.sentence.strip().splitlines()[-1]
        body = ElementTree.SubElement(row, kind, message=_clean(sentence))
        body.text = _clean("\n".join([*story(result), result.sentence, *result.console]))


def _clean(text):
    """XML has no place for control characters."""
    return _FORBIDDEN.sub("?", text)
