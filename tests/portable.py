"""What a test needs when it runs under CPython and under MicroPython alike.

Portable tests are plain functions named `test_*`; no fixtures, no parametrisation. Line 1 of a test file
says where it runs; `tests/conftest.py` reads it.
"""

import json
import os


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
