"""The enrolment document: a technician says, under his key, which terminal goes into which car.

A COSE_Sign1 (RFC 9052) of the same form as a frame, with an external_aad of its own, so that neither can
ever be taken for the other. The payload is a map with the keys below; docs/integrator.md shows it in CDDL.
The same bytes go to the gateway over HTTPS or in a file.
"""

from protocol import cbor
from protocol.compat import Any, Callable, const
from protocol.cose import TAG_SIGN1, Sign1, protected_header, sig_structure, sign1_parse
from protocol.errors import Malformed, Misuse
from protocol.limits import KID, SIGNATURE

AAD = b"patrola enrolment 1"
MAX_DOCUMENT = const(1024)
MAX_TEXT = const(120)

PUBLIC_KEY = const(1)  # of the terminal, X || Y
DIRECTORATE = const(2)
STATION = const(3)
UNIT = const(4)
VEHICLE = const(5)
CALL_SIGN = const(6)
BOARD = const(7)
MADE_MS = const(8)  # since 1970, by the technician's clock
NONCE = const(9)
GATEWAY = const(10)  # id of the gateway's key, for which alone it is meant
REASON = const(11)  # only to put this terminal in another one's place

TEXTS = (DIRECTORATE, STATION, UNIT, VEHICLE, CALL_SIGN, BOARD)
NAMES = {
    PUBLIC_KEY: "public_key",
    DIRECTORATE: "directorate",
    STATION: "station",
    UNIT: "unit",
    VEHICLE: "vehicle",
    CALL_SIGN: "call_sign",
    BOARD: "board",
    MADE_MS: "made_ms",
    NONCE: "nonce",
    GATEWAY: "gateway",
    REASON: "reason",
}
_BYTES = {PUBLIC_KEY: 64, NONCE: 16, GATEWAY: KID}
_LATEST_MS = 253402300799999  # the last that RFC 3339 can write


def encode(kid: bytes, fields: dict[int, Any], sign: Callable[[bytes], bytes]) -> bytes:
    """The document, signed as technician `kid`; `sign(to_be_signed)` returns r || s. Raises Misuse."""
    try:
        _check(fields)
    except Malformed as error:
        raise Misuse(str(error))
    protected, payload = protected_header(kid), cbor.encode(fields)
    signature = sign(sig_structure(protected, payload, AAD))
    if len(signature) != SIGNATURE:
        raise Misuse("signature: %d bytes, not %d" % (len(signature), SIGNATURE))
    return cbor.encode(cbor.Tag(TAG_SIGN1, [protected, {}, payload, signature]))


def decode(document: bytes) -> tuple[Sign1, dict[int, Any]]:
    """(the parts, the fields). Raises Malformed; whose signature it is, and whether it holds, is not checked:
    `parts.to_be_signed(AAD)` is what it covers."""
    if len(document) > MAX_DOCUMENT:
        raise Malformed("enrolment: %d bytes, at most %d" % (len(document), MAX_DOCUMENT))
    parts = sign1_parse(document)
    return parts, _check(cbor.decode(parts.payload))


def _check(fields: Any) -> dict[int, Any]:
    if not isinstance(fields, dict):
        raise Malformed("enrolment: not a map")
    for key in fields:
        if isinstance(key, bool) or key not in NAMES:
            raise Malformed("enrolment: unknown field %r" % (key,))
    for key in NAMES:
        if key not in fields:
            if key == REASON:
                continue
            raise Malformed("enrolment: %s is missing" % NAMES[key])
        _check_value(key, fields[key])
    return fields


def _check_value(key: int, value: Any) -> None:
    name = NAMES[key]
    if key in _BYTES:
        if not isinstance(value, bytes) or len(value) != _BYTES[key]:
            raise Malformed("enrolment %s: not %d bytes" % (name, _BYTES[key]))
    elif key == MADE_MS:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LATEST_MS:
            raise Malformed("enrolment %s: %r" % (name, value))
    elif not isinstance(value, str) or not 1 <= len(value) <= MAX_TEXT:
        raise Malformed("enrolment %s: not 1 to %d characters" % (name, MAX_TEXT))
