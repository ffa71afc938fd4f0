# runs on: both
"""What the EDHOC initiator refuses. A refusal ends nothing unless it was the responder's own word."""

from protocol import edhoc
from protocol.cbor import encode
from protocol.errors import Malformed, Misuse, Unauthentic
from tests.portable import raises
from tests.protocol.edhoc_peer import (
    C_I,
    C_R,
    G_IY,
    G_RX,
    G_X,
    G_XY,
    KID_I,
    KID_R,
    Responder,
    begun,
    initiator,
)


def check_refused(kind, message_2, one):
    with raises(kind) as caught:
        one.read_message_2(message_2, G_XY, G_RX)
    assert type(caught.value) is kind, caught.value


def test_a_c_r_that_cannot_be_an_oscore_id():
    """Too long, the gateway's own (C_I), or not in the one form that 3.3.2 allows."""
    for raw in (
        b"\x48abcdefgh",
        b"\x01",
        b"\x41\x00",
        b"\x41\x37",
        b"\x18\x18",
        b"\x38\x18",
        b"\x61a",
        b"\xf6",
        b"\x81\x00",
    ):
        one, peer = begun()
        check_refused(Malformed, peer.message_2(raw), one)


def test_the_wrong_credential():
    for raw in (encode(KID_I), b"\x48gateway?", b"\x47gateway", b"\x00"):
        one, peer = begun()
        check_refused(Unauthentic, peer.message_2(raw_kid=raw), one)
    # Proved by its MAC, under a name that is not the gateway's.
    for other in (KID_I, b"gateway?", b"\x00"):
        one, peer = begun()
        message_2 = peer.message_2(raw_kid=edhoc.identifier(other), id_cred=encode({4: other}))
        check_refused(Unauthentic, message_2, one)
    for raw in (encode({4: KID_R}), b"\x68gateway!", b"\xf4"):
        one, peer = begun()
        check_refused(Malformed, peer.message_2(raw_kid=raw), one)


def test_mac_2_stands_for_everything_before_it():
    one, peer = begun()
    good = peer.message_2()
    mac = peer.plaintext_2[-8:]
    for i in range(64):
        one, peer = begun()
        wrong = bytearray(mac)
        wrong[i >> 3] ^= 1 << (i & 7)
        check_refused(Unauthentic, peer.message_2(mac=encode(bytes(wrong))), one)
    for raw in (encode(mac[:7]), encode(mac + b"\0"), encode(b""), b"\x68abcdefgh", b"\x00", b""):
        one, peer = begun()
        check_refused(Malformed, peer.message_2(mac=raw), one)
    for secrets in ((G_RX, G_RX), (G_XY, G_XY)):
        one, peer = begun()
        with raises(Malformed):
            one.read_message_2(good, secrets[0], secrets[1])
    one, peer = begun()
    other = Responder(initiator().message_1(G_X, b"\x02"))  # of another message_1
    with raises(Malformed):
        one.read_message_2(other.message_2(), G_XY, G_RX)


def test_external_authorization_data():
    """What is not critical is ignored, padding too; what is critical ends the session (3.8)."""
    for ead in (
        b"\x00",
        b"\x00\x40",
        b"\x00\x41\xe9",
        b"\x05\x43abc\x06",
        b"\x19\x01\x00\x58\x20" + bytes(32),
    ):
        one, peer = begun()
        assert one.read_message_2(peer.message_2(ead=ead), G_XY, G_RX) == C_R
        peer.read_message_3(one.message_3(G_IY))
        one.read_message_4(peer.message_4(ead))
        assert one.oscore()[0] == peer.exporter(0, b"", 16)
    for ead in (
        b"\x20",
        b"\x24\x41a",
        b"\x00\x20",
        b"\x00\x40\x20",
        b"\x41a",
        b"\xf5",
        b"\x00\x61a",
        b"\x00\x58",
        b"\x00\x40\x40",
    ):
        one, peer = begun()
        check_refused(Malformed, peer.message_2(ead=ead), one)
        assert one.over, "the responder said so himself"
        one, peer = begun()
        one.read_message_2(peer.message_2(), G_XY, G_RX)
        peer.read_message_3(one.message_3(G_IY))
        with raises(Malformed):
            one.read_message_4(peer.message_4(ead))
        assert one.over
    one = initiator()
    assert one.message_1(G_X, C_I, (0, b"\0\0")) == initiator().message_1(G_X, C_I) + b"\x00\x42\0\0"


def test_a_plaintext_of_any_length_and_no_message_of_more():
    one, peer = begun()
    for n in range(40):
        one, peer = begun()
        with raises(Malformed):
            one.read_message_2(peer.seal_2(bytes(n)), G_XY, G_RX)
    one, peer = begun()
    padding = b"\x00\x58" + bytes(
        [
            256
            - 32
            - len(
                peer.message_2(),
            )
            + 32
        ]
    )
    spare = 256 - (len(peer.message_2()) - 2)
    padding = b"\x00\x58" + bytes([spare - 3]) + bytes(spare - 3)
    longest = peer.message_2(ead=padding)
    assert len(longest) == 3 + 256
    assert one.read_message_2(longest, G_XY, G_RX) == C_R
    one, peer = begun()
    padding = b"\x00\x58" + bytes([spare - 2]) + bytes(spare - 2)
    with raises(Malformed):
        one.g_y(peer.message_2(ead=padding))


def test_forged_messages_end_nothing_and_guessing_has_an_end():
    """9.7 allows it; a MAC of 64 bits bears few guesses, and each costs two point multiplications."""
    one, peer = begun()
    forged = peer.message_2(mac=encode(bytes(8)))
    for _ in range(20):
        with raises(Malformed):
            one.g_y(b"\x40")  # costs nothing and guesses nothing
    for _ in range(3):
        check_refused(Unauthentic, forged, one)
    assert not one.over
    assert one.read_message_2(peer.message_2(), G_XY, G_RX) == C_R
    peer.read_message_3(one.message_3(G_IY))
    for _ in range(3):
        with raises(Unauthentic):
            one.read_message_4(encode(bytes(8)))
    assert not one.over
    one.read_message_4(peer.message_4())
    assert one.oscore()[0] == peer.exporter(0, b"", 16)

    one, peer = begun()
    for _ in range(4):
        assert not one.over
        check_refused(Unauthentic, forged, one)
    assert one.over
    for call in (
        lambda: one.message_1(G_X, C_I),
        lambda: one.g_y(forged),
        lambda: one.read_message_2(peer.message_2(), G_XY, G_RX),
        one.oscore,
    ):
        with raises(Misuse):
            call()


def test_no_keys_before_message_4_and_only_the_true_one():
    one, peer = begun()
    one.read_message_2(peer.message_2(), G_XY, G_RX)
    peer.read_message_3(one.message_3(G_IY))
    true = peer.message_4()
    for wrong in (
        b"",
        b"\x40",
        true[:-1],
        true + b"\0",
        b"\x47" + true[1:-1],
        b"\x49" + true[1:] + b"\0",
        b"\x68" + true[1:],
    ):
        one._refused = 0
        with raises(Malformed):
            one.read_message_4(wrong)
        with raises(Misuse):
            one.oscore()
    one.read_message_4(true)
