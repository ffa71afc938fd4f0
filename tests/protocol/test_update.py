# runs on: both
"""What is said of an update: names, versions, blocks, progress."""

from protocol import cbor, update
from protocol.errors import Malformed, Misuse
from tests.portable import raises


def test_versions_and_names():
    assert update.version_number("0.1.2") == 0x000102 and update.version_text(0x000102) == "0.1.2"
    assert update.version_number("255.255.255") == 0xFFFFFF
    assert update.image_name("SIM", 0x000200) == "SIM-0.2.0.romfs"
    assert update.manifest_name("SIM", 0x000200) == "SIM-0.2.0.suit"
    for wrong in ("", "1", "1.2", "1.2.3.4", "1.2.256", "01.2.3", "1.-2.3", "a.b.c", "0.0.0", "1..2"):
        with raises(Malformed):
            update.version_number(wrong)


def test_blocks():
    """RFC 7959 2.2: NUM, M, SZX in as few bytes as they need."""
    assert update.block_option(0, False, 0) == b"" and update.read_block(b"") == (0, False, 0)
    assert update.block_option(0, False, 6) == b"\x06"
    assert update.block_option(3, True, 2) == b"\x3a"
    assert update.block_option(107, True, 6) == b"\x06\xbe"
    for number in (0, 1, 15, 16, 4095, 4096, (1 << 20) - 1):
        for more in (False, True):
            assert update.read_block(update.block_option(number, more, 5)) == (number, more, 5)
    for wrong in (b"\x07", b"\x00\x16", b"\x01\x00\x00\x06"):
        with raises(Malformed):
            update.read_block(wrong)
    for number, szx in ((1 << 20, 6), (-1, 6), (0, 7)):
        with raises(Misuse):
            update.block_option(number, False, szx)


def test_progress():
    assert update.decode_progress(update.encode_progress(512, update.READY)) == (512, update.READY, "")
    said = update.encode_progress(512, update.FELL_BACK, "no link in 15 minutes")
    assert update.decode_progress(said) == (512, update.FELL_BACK, "no link in 15 minutes")
    assert len(update.decode_progress(update.encode_progress(512, update.REFUSED, "x" * 500))[2]) == 120
    wrong = (
        [512, 1],
        {0: 512},
        {0: 512, 1: 0},
        {0: 512, 1: 7},
        {0: 0, 1: 1},
        {0: 1 << 24, 1: 1},
        {0: True, 1: 1},
        {0: 512, 1: 1, 2: 5},
        {0: 512, 1: 1, 2: "x" * 121},
        {0: 512, 1: 1, 3: ""},
    )
    for said in wrong:
        with raises(Malformed):
            update.decode_progress(cbor.encode(said))
