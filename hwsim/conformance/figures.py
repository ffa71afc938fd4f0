"""The run as JSON, for programs."""

from hwsim.conformance.runner import PASSED


def told(cases, results):
    return {
        "passed": sum(result.verdict == PASSED for result in results),
        "cases": [
            {
                "id": result.id,
                "title": cases[result.id].title,
                "clauses": list(cases[result.id].clauses),
                "verdict": result.verdict,
                "sentence": result.sentence,
                "trace": result.trace,
                "virtual_s": round(result.virtual_s, 6),
                "cpu_s": round(result.cpu_s, 3),
            }
            for result in results
        ],
    }
