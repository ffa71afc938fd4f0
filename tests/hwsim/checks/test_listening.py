"""What the checkers read with: CoAP, OSCORE and COSE of their own, held to the standards' own examples."""

import cbor2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from hwsim.checks import datagram, signed
from hwsim.checks.shield import Keys, Mark

# RFC 8613 C.1.1, C.4 and C.7: the client's Sender ID is empty, its Partial IV 0x14.
SECRET, SALT = bytes.fromhex("0102030405060708090a0b0c0d0e0f10"), bytes.fromhex("9e7ca92223786340")
REQUEST = "44025d1f00003974396c6f63616c686f7374620914ff612f1092f1776f1c1668b3825e"
RESPONSE = "64445d1f0000397490ffdbaad1e9a7e7b2a813d3c31524378303cdafae119106"


def test_oscore_as_in_the_rfc():
    keys = Keys(SECRET, SALT, b"", b"\x01")
    request = datagram.read(bytes.fromhex(REQUEST))
    mark = Mark(request.option(datagram.OSCORE))
    assert (mark.kid, mark.piv) == (b"", b"\x14")
    nonce = keys.nonce(mark.kid, mark.piv)
    assert nonce.hex() == "4622d4dd6d944168eefb549868"
    plain = keys.open(b"", nonce, mark.kid, mark.piv, request.payload)
    assert plain.hex() == "01b3747631"
    assert datagram.read_options(plain, 1) == ([(datagram.URI_PATH, b"tv1")], b"")
    response = datagram.read(bytes.fromhex(RESPONSE))
    assert Mark(response.option(datagram.OSCORE)).piv is None
    plain = keys.open(b"\x01", nonce, mark.kid, mark.piv, response.payload)
    assert plain == b"\x45\xffHello World!"


def test_what_is_not_authentic_is_not_opened():
    keys = Keys(SECRET, SALT, b"", b"\x01")
    sealed = bytearray(datagram.read(bytes.fromhex(REQUEST)).payload)
    nonce = keys.nonce(b"", b"\x14")
    assert keys.open(b"", keys.nonce(b"", b"\x15"), b"", b"\x14", bytes(sealed)) is None
    assert keys.open(b"", nonce, b"", b"\x15", bytes(sealed)) is None
    sealed[0] ^= 1
    assert keys.open(b"", nonce, b"", b"\x14", bytes(sealed)) is None
    assert keys.open(b"", nonce, b"", b"\x14", b"short") is None


def test_coap_as_in_the_rfc():
    # RFC 7252 appendix A, figure 16, with extended option numbers and lengths added.
    message = datagram.read(bytes.fromhex("4001 7d34 bb74656d7065726174757265".replace(" ", "")))
    assert (message.kind, message.code, message.message_id, message.token) == (0, datagram.GET, 0x7D34, b"")
    assert message.path == "/temperature" and message.is_request and not message.is_response
    long = bytes([0x40, 0x45, 0, 1, 0xDD, 247, 2]) + bytes(15) + b"\xe1\x00\x05x" + b"\xffy"
    assert datagram.read(long).options == [(260, bytes(15)), (534, b"x")]
    assert datagram.read(long).payload == b"y" and datagram.read(long).is_response


@pytest.mark.parametrize(
    "text", ["", "40", "80010001", "49010001", "4401000101", "40010001ff", "40010001f0", "40010001b1"]
)
def test_what_is_no_coap(text):
    assert datagram.read(bytes.fromhex(text)) is None


class Terminal:
    """Signs as RFC 9052 says, with OpenSSL."""

    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        numbers = self.key.public_key().public_numbers()
        self.public = numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")

    def frame(self, report, kid=b"terminal", context="Signature1"):
        protected, payload = cbor2.dumps({1: -7, 4: kid}), cbor2.dumps(report)
        der = self.key.sign(cbor2.dumps([context, protected, b"", payload]), ec.ECDSA(hashes.SHA256()))
        signature = b"".join(part.to_bytes(32, "big") for part in decode_dss_signature(der))
        return cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload, signature]))


def test_a_frame_is_read_and_verified():
    terminal = Terminal()
    frame = signed.read(terminal.frame({0: 3, 1: 7, 3: 3, 6: {0: 65537, 1: 1}}))
    assert frame.name == (b"terminal".hex(), 3, 7)
    assert frame.panic == (65537, 1) and frame.raises
    assert signed.verifies(frame, terminal.public)
    assert not signed.verifies(frame, Terminal().public)
    assert not signed.verifies(signed.read(terminal.frame({0: 3, 1: 7, 3: 1}, context="x")), terminal.public)
    assert frame.brief().panic == frame.panic and frame.brief().signature == b""


def test_what_is_no_frame():
    terminal = Terminal()
    good = terminal.frame({0: 3, 1: 7, 3: 1})
    assert signed.read(good) is not None
    assert signed.read(good[:-1]) is None
    assert signed.read(good[1:]) is None
    assert signed.read(terminal.frame({0: 3, 3: 1})) is None
    assert signed.read(b"\xff") is None and signed.read(b"") is None


def test_a_sequence_is_split_into_the_bytes_it_came_in():
    items = [Terminal().frame({0: 1, 1: number, 3: 1}) for number in range(3)] + [b"\xf6", b"\x18\x20"]
    assert signed.split(b"".join(items)) == items
    assert signed.split(b"") == []
    for wrong in (items[0][:-1], b"\x9f", b"\x1b\x00"):
        with pytest.raises(ValueError):
            signed.split(wrong)
