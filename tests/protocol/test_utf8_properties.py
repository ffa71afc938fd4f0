"""Our UTF-8 check against CPython's, over any bytes."""

from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.utf8 import is_utf8

EDGES = st.sampled_from([0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xED, 0xEF])
MORE = st.sampled_from([0xF0, 0xF4, 0xF5, 0xFF, 0x41])
BYTES = st.lists(EDGES | MORE | st.integers(0, 255), max_size=6).map(bytes)


def by_cpython(data: bytes) -> bool:
    try:
        data.decode("utf-8", "strict")
    except UnicodeDecodeError:
        return False
    return True


@settings(max_examples=2000)
@given(BYTES | st.text(max_size=6).map(str.encode))
def test_both_judge_alike(data):
    assert is_utf8(data) == by_cpython(data)


def test_every_two_bytes():
    for first in range(256):
        for second in range(256):
            assert is_utf8(bytes([first, second])) == by_cpython(bytes([first, second]))
