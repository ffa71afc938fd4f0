"""From thousands of found inputs the few worth keeping: those that together reach most of the code."""

import hashlib
import sys
import threading
from pathlib import Path

from tests.fuzz.registry import Target, seeds
from tests.fuzz.worker import INSTRUMENTED

ROOT = Path(__file__).resolve().parents[2]
MOST_BYTES = 3000
MOST_FOUND = 12


def reached(target, data):
    """The steps from line to line inside the code under test that this input takes."""
    steps = set()
    folders = tuple(str(ROOT / name) for name in INSTRUMENTED)

    def trace(frame, event, argument):
        if not frame.f_code.co_filename.startswith(folders):
            return None
        before = 0

        def local(frame, event, argument):
            nonlocal before
            if event == "line":
                steps.add((frame.f_code, before, frame.f_lineno))
                before = frame.f_lineno
            return local

        return local

    threading.settrace(trace)
    sys.settrace(trace)
    try:
        said = target(data)
    except Exception:
        said = None
    finally:
        sys.settrace(None)
        threading.settrace(None)
    steps.add(("understood", said is not None, 0))
    return steps


def distil(name, found):
    """Add to tests/corpus/<name> what together reaches most that its seeds don't; returns a sentence."""
    target = Target(name)
    folder = ROOT / "tests" / "corpus" / name
    folder.mkdir(parents=True, exist_ok=True)
    kept = seeds(name)
    have = set()
    for _, data in kept:
        have |= reached(target, data)
    room = MOST_BYTES - sum(len(data) for _, data in kept)
    left = MOST_FOUND - sum(file.startswith("found_") for file, _ in kept)
    files = [path.read_bytes() for path in found.iterdir()] if found.is_dir() else []
    new = {data: reached(target, data) - have for data in files if len(data) <= room}
    added = 0
    while added < left and new:
        # The one that brings most; of equals the shortest.
        best = max(new, key=lambda data: (len(new[data]), -len(data), data))
        steps = new.pop(best)
        if not steps:
            break
        if len(best) <= room:
            (folder / ("found_" + hashlib.sha1(best).hexdigest()[:8])).write_bytes(best)
            room -= len(best)
            have |= steps
            new = {data: others - steps for data, others in new.items()}
            added += 1
    return f"{len(kept)} seeds before, {added} more, {len(have)} steps"
