"""Handshakes with lakers, an EDHOC that we did not write: many keys, and every bit of every message."""

import random

import lakers
import pytest

from protocol import edhoc
from protocol.errors import Malformed, Misuse, ProtocolError, Unauthentic
from tests.protocol.lakers_peer import Gateway, Key, Terminal, on_curve, pair

C_R = b"\x9a\x02\xfe\x33"


def check_handshake(terminal: Terminal, gateway: Gateway, c_r: bytes = C_R) -> None:
    message_2 = gateway.message_2(terminal.message_1(), c_r)
    assert terminal.read_message_2(message_2) == c_r
    terminal.edhoc.read_message_4(gateway.message_4(terminal.message_3()))
    assert gateway.c_i == b"\x01" and gateway.kid == terminal.own.kid
    assert terminal.edhoc.oscore() == gateway.oscore()


def test_many_keys():
    rng = random.Random(1)
    for _ in range(150):
        check_handshake(*pair(rng))


def test_a_coordinate_that_begins_with_zeros():
    """32 bytes on the wire, always: one in 256 begins with a zero byte, of G_X, G_Y or a shared secret."""
    rng = random.Random(2)
    own, key = Key(rng), Key(rng)
    short = [one for one in (Key(rng) for _ in range(1500)) if one.x[0] == 0]
    assert len(short) >= 3
    for ephemeral in short:
        check_handshake(Terminal(own, key, ephemeral), Gateway(key, {own.kid: own}))
    for identity in short[:2]:
        check_handshake(*pair(rng, own=identity))
        check_handshake(*pair(rng, key=identity))


@pytest.mark.parametrize("length", range(8))
def test_every_length_of_c_r(length):
    rng = random.Random(length)
    for _ in range(12):
        c_r = rng.randbytes(length)
        if c_r != b"\x01":
            check_handshake(*pair(rng), c_r)


def test_every_c_r_of_one_byte():
    rng = random.Random(3)
    own, key = Key(rng), Key(rng)
    for value in range(256):
        if value != 1:
            check_handshake(*pair(rng, own, key), bytes([value]))


@pytest.mark.parametrize("c_r", [b"\x01", b"eight888", b"a longer one"])
def test_a_c_r_that_cannot_be_an_oscore_id_ends_it(c_r):
    terminal, gateway = pair(random.Random(4))
    message_2 = gateway.message_2(terminal.message_1(), c_r)
    with pytest.raises(Malformed, match="C_R"):
        terminal.read_message_2(message_2)
    assert terminal.edhoc.over


def test_external_authorization_data_both_ways():
    rng = random.Random(5)
    for label in (0, 1, 5, 23, 24, 300):
        terminal, gateway = pair(rng)
        items = [lakers.EADItem(label, False, b"some bytes"), lakers.EADItem(label, False)]
        message_1 = terminal.message_1(ead_1=(label, b"value", 7))
        message_2 = gateway.message_2(message_1, C_R, items)
        assert [(one.label(), bytes(one.value() or b"")) for one in gateway.ead_1] == [
            (label, b"value"),
            (7, b""),
        ]
        assert terminal.read_message_2(message_2) == C_R
        terminal.edhoc.read_message_4(gateway.message_4(terminal.message_3(), items))
        assert terminal.edhoc.oscore() == gateway.oscore()


def test_critical_external_authorization_data_ends_it():
    rng = random.Random(6)
    critical = [lakers.EADItem(5, True, b"must be understood")]
    terminal, gateway = pair(rng)
    message_2 = gateway.message_2(terminal.message_1(), C_R, critical)
    with pytest.raises(Malformed, match="EAD"):
        terminal.read_message_2(message_2)
    assert terminal.edhoc.over
    terminal, gateway = pair(rng)
    terminal.read_message_2(gateway.message_2(terminal.message_1(), C_R))
    with pytest.raises(Malformed, match="EAD"):
        terminal.edhoc.read_message_4(gateway.message_4(terminal.message_3(), critical))
    assert terminal.edhoc.over
    with pytest.raises(Misuse):
        terminal.edhoc.oscore()


def test_a_gateway_with_another_key():
    """A stranger under his own kid, and one who claims the gateway's."""
    rng = random.Random(7)
    terminal, _ = pair(rng)
    stranger = Key(rng)
    with pytest.raises(Unauthentic, match="ID_CRED_R"):
        terminal.read_message_2(Gateway(stranger, {}).message_2(terminal.message_1(), C_R))
    terminal, _ = pair(rng)
    stranger.kid = terminal.gateway.kid
    stranger.cred = edhoc.ccs(stranger.kid, stranger.public)
    with pytest.raises(Unauthentic, match="MAC_2"):
        terminal.read_message_2(Gateway(stranger, {}).message_2(terminal.message_1(), C_R))
    terminal, _ = pair(rng)
    stranger.cred = terminal.gateway.cred  # the true credential, without its private key
    with pytest.raises(Unauthentic, match="MAC_2"):
        terminal.read_message_2(Gateway(stranger, {}).message_2(terminal.message_1(), C_R))


def test_a_terminal_with_another_key():
    """Who claims a terminal's kid without its private key is refused by message_3, and gets no message_4."""
    rng = random.Random(8)
    own = Key(rng)
    thief = Key(rng)
    thief.kid, thief.cred = own.kid, own.cred
    key = Key(rng)
    terminal, gateway = Terminal(thief, key, Key(rng)), Gateway(key, {own.kid: own})
    terminal.read_message_2(gateway.message_2(terminal.message_1(), C_R))
    with pytest.raises(ValueError, match="Mac"):
        gateway.message_4(terminal.message_3())


def flips(message: bytes):
    for i in range(8 * len(message)):
        wrong = bytearray(message)
        wrong[i >> 3] ^= 1 << (i & 7)
        yield i >> 3, bytes(wrong)


def cuts(message: bytes):
    for n in range(len(message)):
        yield message[:n]
    for tail in (b"\0", b"\x40", message, bytes(64)):
        yield message + tail


def refusal(function, *arguments):
    """The class of a refusal: exactly Malformed or Unauthentic, nothing else."""
    with pytest.raises(ProtocolError) as caught:
        function(*arguments)
    assert type(caught.value) in (Malformed, Unauthentic), caught.value
    return type(caught.value)


def test_every_bit_of_message_1():
    """What the gateway read otherwise than it was sent gives a message_2 that the terminal refuses."""
    rng = random.Random(9)
    own, key = Key(rng), Key(rng)
    answered = 0
    terminal = Terminal(own, key, Key(rng))
    message_1 = terminal.message_1()
    assert len(message_1) == 37
    for _, wrong in flips(message_1):
        # A G_X on no point makes lakers panic: the gateway looks first, and so does this test.
        if len(wrong) >= 36 and wrong[2:4] == b"\x58\x20" and not on_curve(wrong[4:36]):
            continue
        try:
            message_2 = Gateway(key, {}).message_2(wrong, C_R)
        except ValueError:
            continue
        answered += 1
        terminal.edhoc._refused = 0
        assert refusal(terminal.read_message_2, message_2) in (Malformed, Unauthentic)
    assert answered > 100
    assert terminal.read_message_2(Gateway(key, {}).message_2(message_1, C_R)) == C_R


def test_every_bit_of_message_2():
    rng = random.Random(10)
    terminal, gateway = pair(rng)
    message_2 = gateway.message_2(terminal.message_1(), C_R)
    assert len(message_2) == 57
    off_curve = classes = 0
    for at, wrong in flips(message_2):
        terminal.edhoc._refused = 0
        if 2 <= at < 34 and not on_curve(wrong[2:34]):
            off_curve += 1
            continue
        kind = refusal(terminal.read_message_2, wrong)
        if at < 2:
            assert kind is Malformed  # no byte string of that length
        elif at >= 49:
            assert kind is Unauthentic  # the last eight bytes are MAC_2
            classes += 1
    assert 70 < off_curve < 190 and classes == 64
    for wrong in cuts(message_2):
        assert refusal(terminal.read_message_2, wrong) is Malformed
    terminal.edhoc._refused = 0
    assert terminal.read_message_2(message_2) == C_R


def test_every_bit_of_message_3():
    """lakers refuses each: what the terminal says of itself cannot be changed on the way. The two bytes of
    the head are left out: lakers hardly looks at them (and panics), so the gateway checks them before."""
    own, key = Key(random.Random(15)), Key(random.Random(16))
    for bit in range(2 * 8, 28 * 8):
        # lakers keeps no session after a refusal, and draws a key of its own: another handshake for each bit.
        terminal, gateway = pair(random.Random(11), own, key)
        terminal.read_message_2(gateway.message_2(terminal.message_1(), C_R))
        wrong = bytearray(terminal.message_3())
        assert len(wrong) == 28 and wrong[:2] == b"\x58\x1a"
        wrong[bit >> 3] ^= 1 << (bit & 7)
        with pytest.raises(ValueError):
            gateway.message_4(bytes(wrong))


def test_every_bit_of_message_4():
    rng = random.Random(12)
    terminal, gateway = pair(rng)
    terminal.read_message_2(gateway.message_2(terminal.message_1(), C_R))
    message_4 = gateway.message_4(terminal.message_3())
    assert len(message_4) == 9
    for at, wrong in flips(message_4):
        terminal.edhoc._refused = 0
        assert refusal(terminal.edhoc.read_message_4, wrong) is (Unauthentic if at else Malformed)
        with pytest.raises(Misuse):
            terminal.edhoc.oscore()
    for wrong in cuts(message_4):
        terminal.edhoc._refused = 0
        assert refusal(terminal.edhoc.read_message_4, wrong) is Malformed
    terminal.edhoc._refused = 0
    terminal.edhoc.read_message_4(message_4)
    assert terminal.edhoc.oscore() == gateway.oscore()


def test_messages_of_other_sessions_and_in_the_wrong_place():
    rng = random.Random(13)
    own, key = Key(rng), Key(rng)
    first, gateway = pair(rng, own, key)
    old_2 = gateway.message_2(first.message_1(), C_R)
    first.read_message_2(old_2)
    old_4 = gateway.message_4(first.message_3())

    second, gateway = pair(rng, own, key)
    message_2 = gateway.message_2(second.message_1(), C_R)
    for early in (old_4, b"\x01\x61x", b"\x02\x02", b"\x03\xf5", b"", second.gateway.cred):
        assert refusal(second.read_message_2, early) is Malformed
    assert refusal(second.read_message_2, old_2) in (Malformed, Unauthentic)
    assert second.read_message_2(message_2) == C_R
    with pytest.raises(Misuse):
        second.read_message_2(message_2)  # a repeat
    message_3 = second.message_3()
    with pytest.raises(Misuse):
        second.message_3()  # never sealed twice with one key and nonce
    assert refusal(second.edhoc.read_message_4, old_4) is Unauthentic
    assert refusal(second.edhoc.read_message_4, message_2) is Unauthentic
    assert refusal(second.edhoc.read_message_4, b"\x03\xf5") is Malformed
    second.edhoc.read_message_4(gateway.message_4(message_3))
    with pytest.raises(Misuse):
        second.edhoc.read_message_4(old_4)
    assert second.edhoc.oscore() == gateway.oscore()


def test_a_wrong_suite_is_answered_by_an_error_that_we_can_read():
    """lakers raises instead of building the message; what RFC 9528 6.3 says it would be is read."""
    terminal, gateway = pair(random.Random(14))
    with pytest.raises(ValueError):
        gateway.message_2(terminal.edhoc.message_1(terminal.ephemeral.x, b"\x01", suites=(6,)), C_R)
    assert edhoc.error(b"\x02\x02") == (2, 2)
    terminal, gateway = pair(random.Random(14))
    message_1 = terminal.edhoc.message_1(terminal.ephemeral.x, b"\x01", suites=(6, 2))
    assert terminal.read_message_2(gateway.message_2(message_1, C_R)) == C_R
