"""From thousands of found inputs the few worth keeping: the smallest that together reach every line."""

import hashlib
import sys
import threading
from pathlib import Path

from tests.fuzz.registry import Target, seeds
from tests.fuzz.worker import INSTRUMENTED

ROOT = Path(__file__).resolve().parents[2]
MOST_BYTES = 3000


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
    """Add what reaches something new to tests/corpus/<name>; returns a sentence."""
    target = Target(name)
    folder = ROOT / "tests" / "corpus" / name
    folder.mkdir(parents=True, exist_ok=True)
    have = set()
    kept = [data for _, data in seeds(name)]
    for data in kept:
        have |= reached(target, data)
    size = sum(map(len, kept))
    files = sorted(found.iterdir(), key=lambda path: path.stat().st_size) if found.is_dir() else []
    added = 0
    for path in files:
        data = path.read_bytes()
        new = reached(target, data) - have
        if new and size + len(data) <= MOST_BYTES:
            (folder / ("found_" + hashlib.sha1(data).hexdigest()[:8])).write_bytes(data)
            have |= new
            size += len(data)
            added += 1
    return f"{len(kept)} seeds kept, {added} added, {size} bytes, {len(have)} steps"
