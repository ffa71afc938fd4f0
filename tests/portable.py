"""What a test needs when it runs under CPython and under MicroPython alike.

Portable tests are plain functions named `test_*`; no fixtures, no parametrisation. Line 1 of a test file
says where it runs; `tests/conftest.py` reads it.
"""

import json
import os

# What the running test has counted of the vectors; the two runners take it from here.
tallies = []


class Skip(Exception):
    """Raised by `skip`; both runners report it as a skipped test with its reason."""


def skip(reason):
    """Leave the running test out, and say why."""
    raise Skip(reason)


class raises:
    """`with raises(Malformed) as caught:` - the block must raise; the exception is `caught.value`."""

    def __init__(self, kind):
        self._kind = kind
        self.value = None

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            raise AssertionError("nothing was raised, expected %s" % self._kind.__name__)
        if not issubclass(kind, self._kind):
            return False
        self.value = value
        return True


def _exists(path):
    try:
        os.stat(path)
    except OSError:
        return False
    return True


def vectors_root():
    """The folder of vectors nobody here made, or None where it is absent."""
    root = os.getenv("PATROLA_VECTORS") or "../shared/vectors"
    return root if _exists(root) else None


def vectors(name):
    """Path of one vector file; skips the test where the vectors are absent."""
    root = vectors_root()
    if root is None:
        skip("no vectors: set PATROLA_VECTORS to their folder")
    path = root + "/" + name
    if not _exists(path):
        skip("no vector file " + path)
    return path


def load_json(path):
    with open(path, "rb") as file:
        return json.loads(file.read().decode())


def vector_files(folder, *endings):
    """Names, as "cbor/appendix_a.json", of the files anywhere below a folder of the vectors."""
    root = vectors_root()
    if root is None:
        skip("no vectors: set PATROLA_VECTORS to their folder")
    found = []
    waiting = [folder]
    while waiting:
        inside = waiting.pop()
        if not _exists(root + "/" + inside):
            continue
        for name in os.listdir(root + "/" + inside):
            path = inside + "/" + name
            if os.stat(root + "/" + path)[0] & 0x4000:
                waiting.append(path)
            elif name.endswith(endings):
                found.append(path)
    found.sort()
    return found


class Tally:
    """Counts the cases of one vector file; on a clean exit the count goes into the table of the test run.

        with Tally("crypto/hkdf_sha256_test.json") as tally:
            for case in cases:
                if case["hash"] != "SHA-256":
                    tally.leave_out("SHA-1: not used here")
                    continue
                assert ...
                tally.ran += 1

    Each file has one tally under each Python, in a test that is marked for both. tests/vectors/account.py
    compares it with the number of cases in the file.
    """

    def __init__(self, name):
        self._name = name
        self.ran = 0
        self.left_out = {}

    def leave_out(self, reason, cases=1):
        self.left_out[reason] = self.left_out.get(reason, 0) + cases

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            tallies.append({"file": self._name, "ran": self.ran, "left_out": self.left_out})


def take_tallies():
    """The counts of the test that has just ended."""
    taken = list(tallies)
    del tallies[:]
    return taken
