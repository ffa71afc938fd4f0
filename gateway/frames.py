"""The frames of a `POST /f`: a CBOR sequence, each one read in full before anything is done with any."""

from typing import Any, NamedTuple

from gateway.journal.records import NewFrame
from protocol import cbor, coap, cose, report
from protocol.errors import Malformed
from protocol.limits import MAX_FRAME, MAX_FRAMES

# The urgent lane: an alarm, and what an officer has done; the rest comes by itself.
URGENT = frozenset((report.KIND_PANIC, report.KIND_STATUS, report.KIND_EVENT, report.KIND_TASK))
BULK = frozenset((report.KIND_POSITION, report.KIND_HEALTH, report.KIND_TRACK))


class Refused(Exception):
    """An authenticated terminal sent something that cannot be taken; `diagnostic` goes back to it,
    protected."""

    def __init__(self, code: int, diagnostic: str, reason: str = "malformed") -> None:
        super().__init__(diagnostic)
        self.code = code
        self.diagnostic = diagnostic
        self.reason = reason


class Checked(NamedTuple):
    """A frame of our profile whose form is right; its signature is still to be checked."""

    new: NewFrame
    fields: dict[int, Any]
    signed: bytes
    signature: bytes


def read(payload: bytes, kid: bytes) -> list[Checked]:
    """All of them, by this terminal. Raises Refused."""
    out: list[Checked] = []
    for index, frame in enumerate(split(payload)):
        try:
            out.append(check(frame, kid))
        except Malformed as error:
            raise Refused(coap.BAD_REQUEST, f"frame {index}: {error}", "frame") from None
    return out


def split(payload: bytes) -> list[bytes]:
    """The frames of a CBOR sequence, as the bytes they came in. Raises Refused."""
    frames: list[bytes] = []
    at = 0
    while at < len(payload):
        if len(frames) == MAX_FRAMES:
            raise Refused(coap.TOO_LARGE, f"more than {MAX_FRAMES} frames")
        try:
            end = cbor.skip(payload, at)
        except Malformed as error:
            raise Refused(coap.BAD_REQUEST, f"frame {len(frames)}: {error}") from None
        if end - at > MAX_FRAME:
            raise Refused(coap.TOO_LARGE, f"frame {len(frames)}: {end - at} bytes, at most {MAX_FRAME}")
        frames.append(payload[at:end])
        at = end
    if not frames:
        raise Refused(coap.BAD_REQUEST, "no frame")
    return frames


def check(frame: bytes, kid: bytes) -> Checked:
    """COSE profile, signer and report. Raises Malformed."""
    sign1 = cose.sign1_parse(frame)
    if sign1.kid != kid:
        # OSCORE says who sent it; nobody speaks for another.
        raise Malformed(f"kid: {sign1.kid.hex()} is not the sender")
    fields = report.decode(sign1.payload)
    panic = fields.get(report.PANIC)
    pair = None if panic is None else (panic[report.PANIC_ID], panic[report.PANIC_STATE])
    new = NewFrame(fields[report.BOOT], fields[report.SEQ], fields[report.KIND], pair, frame)
    return Checked(new, fields, sign1.to_be_signed(), sign1.signature)
