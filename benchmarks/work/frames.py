"""Reports, frames and datagrams as the terminal makes them. Runs under both Pythons."""

import json

from benchmarks.timing import Work
from protocol import cbor, coap, cose, report
from protocol.at import Reader
from protocol.at_fields import extended_signal
from protocol.oscore import Context

KID = bytes(range(8))
_FIX = [450500123, 191100456, 1234, 1389, 27155, 9, 11, 0]
_TIME = 1790000000000
POSITION = {
    report.BOOT: 17,
    report.SEQ: 4711,
    report.TIME: _TIME,
    report.KIND: report.KIND_POSITION,
    report.FIX: _FIX,
    report.STATUS: 1,
}
PANIC = {
    report.BOOT: 17,
    report.SEQ: 4712,
    report.TIME: _TIME,
    report.KIND: report.KIND_PANIC,
    report.FIX: _FIX,
    report.STATUS: 1,
    report.PANIC: {report.PANIC_ID: 17 * 65536 + 1, report.PANIC_STATE: 1, report.PANIC_SOURCE: 1},
}
HEALTH = {
    report.BOOT: 17,
    report.SEQ: 4713,
    report.TIME: _TIME,
    report.KIND: report.KIND_HEALTH,
    report.HEALTH: {0: 13800, 1: 312, 2: -97, 3: 12, 4: 51200, 5: 256, 6: 1, 7: 1, 8: 86400, 9: 0},
}
REPORTS = (POSITION, PANIC, HEALTH)


def _signature(_):
    return bytes(64)


def frame(fields):
    """A frame as it is on the air; its signature is of zeros, which no codec looks at."""
    return cose.sign1_encode(KID, report.encode(fields), _signature)


PAYLOADS = [report.encode(fields) for fields in REPORTS]
FRAMES = [frame(fields) for fields in REPORTS]


class Cipher:
    """Neither secret nor authentic: leaves of OSCORE what is not AES-CCM."""

    def seal(self, key, nonce, aad, plaintext):
        return bytes(plaintext) + bytes(8)

    def open(self, key, nonce, aad, ciphertext):
        return bytes(ciphertext[:-8])


def datagram_request():
    return coap.Message(
        coap.CON,
        coap.POST,
        1,
        b"token678",
        [(coap.URI_PATH, b"f"), (coap.CONTENT_FORMAT, b"\x3f")],
        FRAMES[0],
    )


# --- encoding and decoding of the three kinds of report, per frame


def encode():
    """Report to payload bytes, every range checked."""

    def once():
        for fields in REPORTS:
            report.encode(fields)

    return Work(once, len(REPORTS))


def encode_json():
    def once():
        for fields in REPORTS:
            json.dumps(fields)

    return Work(once, len(REPORTS))


def decode():
    """Payload bytes to the report, every range checked."""

    def once():
        for payload in PAYLOADS:
            report.decode(payload)

    return Work(once, len(PAYLOADS))


def decode_json():
    texts = [json.dumps(fields) for fields in REPORTS]

    def once():
        for text in texts:
            json.loads(text)

    return Work(once, len(texts))


def cbor_encode():
    """Whole frames: tag, header, payload, signature, and the report inside as a map."""
    values = [cbor.decode(f) for f in FRAMES] + list(REPORTS)

    def once():
        for value in values:
            cbor.encode(value)

    return Work(once, len(FRAMES))


def cbor_decode():
    data = FRAMES + PAYLOADS

    def once():
        for item in data:
            cbor.decode(item)

    return Work(once, len(FRAMES))


# --- OSCORE, CoAP, AT: one each


def _context(aead):
    return Context(b"\x01" * 16, b"salt5678", b"\x02" * 7, b"\x01", aead)


def _aes_ccm():
    from firmware.ccm import AesCcm  # cryptolib: MicroPython only

    return AesCcm()


def protect():
    """A request with one frame, from message to datagram."""
    context, message = _context(_aes_ccm()), datagram_request()

    def once():
        return context.protect_request(message)[0].encode()

    return Work(once)


KEY, NONCE = bytes(range(16)), bytes(range(13))
AAD = bytes(24)  # Enc_structure of a request is about as long
PLAINTEXT = b"\x02\xb1f\x11\x3f\xff" + FRAMES[0]


def seal():
    aead = _aes_ccm()
    return Work(lambda: aead.seal(KEY, NONCE, AAD, PLAINTEXT))


def open_sealed():
    aead = _aes_ccm()
    sealed = aead.seal(KEY, NONCE, AAD, PLAINTEXT)
    return Work(lambda: aead.open(KEY, NONCE, AAD, sealed))


def coap_decode():
    data = datagram_request().encode()
    return Work(lambda: coap.decode(data))


def coap_copy():
    """The least a decoder can do: the options and the payload copied out."""
    data = datagram_request().encode()
    return Work(lambda: [data[4:12], data[13:14], data[15:16], data[17:]])


_LINE = b"+CESQ: 99,99,255,255,20,48"


def at_line():
    """From the modem's bytes to two integers: the line that comes most often."""
    reader, chunk = Reader(), b"\r\n" + _LINE + b"\r\n"

    def once():
        reader.feed(chunk, 0, len(chunk))
        while reader.next_event():
            extended_signal(reader.line)

    return Work(once)


def at_split():
    return Work(lambda: _LINE[7:].split(b","))
