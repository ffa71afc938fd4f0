"""The run as JSON, for programs."""

import json

from hwsim.conformance.runner import PASSED


def write(path, cases, results):
    told = {
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
    with open(path, "w", encoding="utf-8") as file:
        json.dump(told, file, indent=1)
        file.write("\n")
