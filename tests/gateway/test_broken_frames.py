"""An authentic terminal sends broken CBOR, or a report out of its ranges: told in OSCORE, stored nowhere."""

import pytest

from protocol import cbor, coap, cose

BROKEN = {
    "empty": (b"", "no frame"),
    "not a frame": (b"\x01", "cose: not an array of 4"),
    "cut short": (b"\xd2\x84\x43", "ends inside an item"),
    "indefinite": (b"\xd2\x9f\xff", "0x9f"),
    "reserved head": (b"\xd2\x84\x1c\x00\x00\x00", "0x1c"),
    "break": (b"\xff", "break"),
    "deep": (b"\x81" * 40 + b"\x01", "deeper"),
    "bomb": (b"\x9b" + b"\xff" * 8, "ends inside an item"),
    "long bytes": (b"\x5b" + b"\xff" * 8, "ends inside an item"),
    "float": (b"\xf9\x3c\x00", "float"),
    "undefined": (b"\xf7", "simple"),
    "text not UTF-8": (b"\x61\xff", "UTF-8"),
    "tag only": (b"\xd2", "ends inside an item"),
    "other tag": (b"\xd1\x84\x40\xa0\x40\x40", "tag: 17"),
    "untagged": (b"\x84\x40\xa0\x40\x40", "no tag 18"),
    "map out of order": (b"\xa2\x02\x00\x01\x00", "order"),
    "same key twice": (b"\xa2\x01\x00\x01\x00", "order"),
    "long integer": (b"\x18\x01", "shortest"),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_broken_cbor_is_told_inside_oscore(bench, name):
    """The peer is authentic, its frame is not CBOR of our kind: 4.00 and a diagnostic nobody else can
    read."""
    payload, diagnostic = BROKEN[name]
    client = await bench.terminal()
    response = await client.post(payload)
    assert coap.code_text(response.code) == "4.00"
    assert diagnostic in response.payload.decode()
    await bench.stored_nothing()
    assert (await client.post(client.terminal.frame())).code == coap.CHANGED


def frame_with(terminal, report_bytes):
    return cose.sign1_encode(terminal.kid, report_bytes, terminal.sign)


@pytest.mark.parametrize(
    ("body", "diagnostic"),
    [
        (cbor.encode([1, 2]), "not a map"),
        (cbor.encode({}), "missing"),
        (cbor.encode({0: 1, 1: 2, 3: 9}), "kind"),
        (cbor.encode({0: -1, 1: 2, 3: 1}), "boot"),
        (cbor.encode({0: 1, 1: 1 << 40, 3: 1}), "seq"),
        (cbor.encode({0: 1, 1: 2, 3: 3}), "panic"),
        (cbor.encode({0: 1, 1: 2, 3: 1, 4: [10**9, 0] + [None] * 6}), "latitude"),
        (cbor.encode({0: True, 1: 2, 3: 1}), "boot"),
        (cbor.encode({0: 1, 1: 2, 3: 1, "x": 1}), "key"),
        (b"\x80\x80", "after the item"),
    ],
)
async def test_a_signed_report_out_of_its_ranges(bench, body, diagnostic):
    client = await bench.terminal()
    response = await client.post(frame_with(client.terminal, body))
    assert coap.code_text(response.code) == "4.00"
    assert diagnostic in response.payload.decode(), response.payload
    await bench.stored_nothing()


async def test_broken_answers_to_commands(bench):
    client = await bench.terminal()
    for payload in (b"", b"\x01", cbor.encode({0: 1}), cbor.encode({0: -1, 1: 1}), cbor.encode({0: 1, 1: 9})):
        response = await client.exchange(client.terminal.protect(coap.POST, "/c", payload))
        assert coap.code_text(response.code) == "4.00", payload
    assert (await client.answer((1 << 64) - 1)).code == coap.CHANGED  # unknown: nothing changes
    assert (await client.answer(12345)).code == coap.CHANGED
