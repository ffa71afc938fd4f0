"""The gateway's short way: what its readers take, those of `protocol` take, and understand the same."""

from protocol import cbor, coap
from protocol.errors import Misuse
from tests.fuzz.readers.coap import TOKENS as COAP
from tests.fuzz.readers.report import TOKENS as REPORT
from tests.fuzz.readers.report import report_fields
from tests.fuzz.readers.source import Source
from tests.gateway.test_ordinary import KID, check_frames, check_glance, check_outer, check_report, frame

TOKENS = COAP + REPORT + (b"\xd2\x84\x4d\xa2\x01\x26\x04\x48", KID + b"\xa0", b"\x58\x40", b"\x9d\x00\x0c")


def ordinary_report(data):
    """A report alone, in a frame, and in several frames with something behind."""
    source = Source(data)
    payload = report_fields(source.rest()) if source.byte() & 1 else source.rest()
    if payload is None or len(payload) > 354:
        return None
    taken = check_report(payload)
    whole = frame(payload)
    assert check_frames(whole) == taken
    check_glance(whole)
    check_frames(whole + data)
    check_frames(whole + whole[: len(data)])
    check_glance(whole + data)
    return payload if taken else None


def ordinary_frames(data):
    """Bytes where frames should be."""
    check_glance(data)
    return data if check_frames(data) else None


def ordinary_outer(data):
    """A datagram, and one made of an OSCORE option and a payload out of the same bytes."""
    source = Source(data)
    flags = source.byte()
    option, token = source.take(flags & 15), source.take(flags >> 4 & 7)
    message = coap.Message(coap.CON, coap.POST, 7, token, [(coap.OSCORE, option)], source.rest() + bytes(40))
    try:
        made = check_outer(message.encode())
    except Misuse:
        made = False
    return cbor.encode([made]) if check_outer(data) or made else None
