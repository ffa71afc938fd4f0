"""Runs in the peers' environment: `zcbor` judges CBOR items by a CDDL file.

    python judge_cddl.py FILE.cddl RULE

Reads hex, one item a line; answers each with `yes` or `no` and the reason, until standard input closes.
"""

import contextlib
import io
import sys
from pathlib import Path

from zcbor import CddlValidationError, DataTranslator
from zcbor.zcbor.zcbor import PRELUDE_PATH


class Judge(DataTranslator):
    """Only the verdict is wanted: zcbor's named result would ask for a name of its own for every entry."""

    def _construct_obj(self, my_list):
        return None


def main() -> int:
    cddl = PRELUDE_PATH.read_text(encoding="utf-8") + "\n" + Path(sys.argv[1]).read_text(encoding="utf-8")
    rule = Judge.from_cddl(cddl_string=cddl, default_max_qty=100).my_types[sys.argv[2]]
    for line in sys.stdin:
        verdict = "yes"
        with contextlib.redirect_stdout(io.StringIO()):  # it prints what it tried
            try:
                rule.validate_str(bytes.fromhex(line))
            except CddlValidationError as error:
                verdict = "no " + " ".join(str(error).split())[:200]
        print(verdict, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
