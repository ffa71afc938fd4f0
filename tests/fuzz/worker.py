"""One target in a process of its own. `python -m tests.fuzz` starts it; its last line of output is JSON.

python -m tests.fuzz.worker cbor_decode atheris 60 .build/fuzz/cbor_decode
"""

import contextlib
import hashlib
import json
import mmap
import sys
import time
import traceback
from pathlib import Path

from tests.fuzz import judge
from tests.fuzz.registry import Target, seeds

INSTRUMENTED = ("protocol", "firmware", "gateway")
# For what hangs outside Python's own loop. Far above LIMIT_S, as this is the wall's time.
WALL_LIMIT_S = 90
MEMORY_MB = 1024
_CURRENT = 8192


def planted(name):
    """Break what `tests/fuzz/plants.py` names so: to see that the fuzzer finds it."""
    if name:
        from tests.fuzz.plants import PLANTS

        PLANTS[name].plant()


def dictionary(tokens):
    return "".join('"%s"\n' % "".join("\\x%02X" % byte for byte in token) for token in tokens)


def run_atheris(name, seconds, folder, plant):
    import atheris

    with atheris.instrument_imports(include=list(INSTRUMENTED)):
        target = Target(name)
    planted(plant)
    found = folder / "found"
    found.mkdir(parents=True, exist_ok=True)
    tokens = folder / "tokens"
    tokens.write_text(dictionary(target.tokens))
    judge.arm()

    def one(data):
        judge.timed(target, data)

    flags = [
        f"-max_total_time={max(1, int(seconds))}",
        f"-max_len={target.most}",
        f"-dict={tokens}",
        f"-artifact_prefix={folder}/",
        f"-timeout={WALL_LIMIT_S}",
        f"-rss_limit_mb={MEMORY_MB}",
        "-print_final_stats=1",
        "-use_value_profile=0",
    ]
    folders = [str(found)] + [str(path) for path in (Path("tests/corpus") / name,) if path.is_dir()]
    atheris.Setup([sys.argv[0], *folders, *flags], one)
    atheris.Fuzz()


def run_hypothesis(name, seconds, folder, plant):
    from hypothesis import HealthCheck, Phase, given, seed, settings
    from hypothesis import strategies as st

    from tests.fuzz.mutate import KINDS, edit

    target = Target(name)
    planted(plant)
    judge.arm()
    folder.mkdir(parents=True, exist_ok=True)
    # Where a hang leaves what it hung on.
    with (folder / "current").open("wb+") as file:
        file.truncate(_CURRENT)
        current = mmap.mmap(file.fileno(), _CURRENT)
    corpus = [data for _, data in seeds(name)] or [b""]
    pieces = st.one_of(st.sampled_from(target.tokens), st.binary(max_size=8), st.sampled_from(corpus))
    changes = st.tuples(st.integers(0, KINDS - 1), st.integers(0, 4095), st.integers(0, 65535), pieces)

    def changed(pair):
        data = pair[0]
        for change in pair[1]:
            data = edit(data, *change)
        return data[: target.most]

    near = st.tuples(st.sampled_from(corpus), st.lists(changes, max_size=6)).map(changed)
    executions = 0
    failing = None
    end = time.monotonic() + seconds

    def one(data):
        nonlocal executions, failing
        executions += 1
        if time.monotonic() > end and failing is None:
            return
        current[: 2 + len(data)] = len(data).to_bytes(2, "big") + data
        try:
            judge.timed(target, data)
        except BaseException:
            failing = data
            raise

    def round_of(number):
        return seed(number)(
            settings(
                max_examples=200,
                deadline=None,
                database=None,
                phases=(Phase.generate, Phase.shrink),
                suppress_health_check=list(HealthCheck),
            )(given(st.one_of(near, near, near, st.binary(max_size=target.most)))(one))
        )

    number = 0
    while time.monotonic() < end:
        try:
            round_of(number)()
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) or failing is None:
                raise
            (folder / ("crash-" + hashlib.sha1(failing).hexdigest())).write_bytes(failing)
            break
        number += 1
    print(json.dumps({"executions": executions, "new": None, "edges": None}))


def run_growth(name, seconds, folder, plant):
    """Seeds, and as many of the inputs found as `seconds` allow."""
    target = Target(name)
    planted(plant)
    judge.arm()
    inputs = [data for _, data in seeds(name)]
    found = folder / "found"
    files = sorted(found.iterdir(), key=lambda path: path.stat().st_size) if found.is_dir() else []
    end = time.process_time() + seconds / 8
    for path in files[:: max(1, len(files) // 400)]:
        data = path.read_bytes()
        with contextlib.suppress(Exception):
            judge.timed(target, data)
            inputs.append(data)
        if time.process_time() > end:
            break
    try:
        stayed, largest = judge.growth(target, inputs)
    except judge.Grows as error:
        print(json.dumps({"grows": str(error)}))
        return
    print(json.dumps({"inputs": len(inputs), "stayed": stayed, "largest": largest}))


def run_shrink(name, seconds, folder, plant):
    """Every input that the engine left behind: what it raises, and the smallest like it."""
    target = Target(name)
    planted(plant)
    judge.arm()
    findings = []
    for path in sorted(folder.glob("*-*")):
        data = path.read_bytes()
        try:
            judge.timed(target, data)
        except BaseException as error:
            small = judge.shrink(target, data, type(error))
            try:
                judge.timed(target, small)
            except BaseException as again:
                lines = traceback.format_exception_only(again)[-1].strip()
                where = traceback.extract_tb(again.__traceback__)[-1]
                place = f"{Path(where.filename).name}:{where.lineno}"
            findings.append({"error": lines[:300], "where": place, "input": small.hex()})
        else:
            findings.append({"error": f"{path.name}: not repeated", "where": "", "input": data.hex()})
        path.unlink()
    print(json.dumps({"findings": findings}))


MODES = {"atheris": run_atheris, "hypothesis": run_hypothesis, "growth": run_growth, "shrink": run_shrink}

if __name__ == "__main__":
    _, which, mode, span, where, *rest = sys.argv
    MODES[mode](which, float(span), Path(where), rest[0] if rest else "")
