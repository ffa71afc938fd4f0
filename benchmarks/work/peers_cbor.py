"""The same frames by `cbor2`: the functions of its Python code, imported as such, and those of its C code.

cbor2 6 is Rust alone; 5.9 in the environment of the peers has both. `canonical=True` is asked of the encoder:
it sorts keys as ours does, though by RFC 7049's rule. On decoding ours alone checks that what came was
deterministic.
"""

import _cbor2
from cbor2 import _decoder, _encoder

from benchmarks.timing import Work
from benchmarks.work.frames import FRAMES, PAYLOADS, REPORTS

_DATA = FRAMES + PAYLOADS

for function in (_encoder.dumps, _decoder.loads):
    if not hasattr(function, "__code__"):
        raise RuntimeError(f"{function} of cbor2 is not Python code")


def _encode(dumps, loads):
    values = [loads(frame) for frame in FRAMES] + list(REPORTS)
    if [dumps(value, canonical=True) for value in values] != _DATA:
        raise RuntimeError("cbor2 encodes these frames otherwise than we do: not the same work")

    def once():
        for value in values:
            dumps(value, canonical=True)

    return Work(once, len(FRAMES))


def _decode(loads):
    def once():
        for item in _DATA:
            loads(item)

    return Work(once, len(FRAMES))


def python_encode():
    return _encode(_encoder.dumps, _decoder.loads)


def python_decode():
    return _decode(_decoder.loads)


def c_encode():
    return _encode(_cbor2.dumps, _cbor2.loads)


def c_decode():
    return _decode(_cbor2.loads)
