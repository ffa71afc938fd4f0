"""The wrapper round lakers: whatever comes in, a HandshakeError and nothing else comes out."""

import asyncio
import tempfile
from pathlib import Path

import lakers
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import key
from gateway.handshake import HandshakeError, Hello, P, Responder, _contained, identifier
from protocol import cbor, edhoc
from protocol.errors import Malformed
from tests.gateway.initiator import Lakers, Ours
from tests.gateway.terminal import Terminal

OWN = key.GatewayKey(ec.generate_private_key(ec.SECP256R1()))
TERMINAL = Terminal()


@pytest.mark.parametrize("initiator", [Ours, Lakers])
def test_both_sides_agree(initiator):
    one = initiator(TERMINAL, OWN.public)
    responder = Responder(OWN)
    c_r, message_3 = one.message_3(responder.message_2(Hello(one.message_1), b"abc"))
    assert c_r == b"abc"
    assert responder.message_3(message_3) == TERMINAL.kid
    message_4, *secrets = responder.finish(edhoc.ccs(TERMINAL.kid, TERMINAL.public_key))
    assert one.secrets(message_4) == tuple(secrets)
    assert [len(secret) for secret in secrets] == [16, 8]


def test_sizes_are_those_the_answers_rely_on():
    """message_2 behind a Content-Format is as long as message_1 behind the path: with 56 and 37 bytes."""
    one = Ours(TERMINAL, OWN.public)
    assert len(one.message_1) == 37
    assert len(Responder(OWN).message_2(Hello(one.message_1), b"abc")) == 56


def test_what_panics_in_lakers_never_gets_there_and_would_be_contained(monkeypatch, capfd):
    one = Ours(TERMINAL, OWN.public)
    off = Hello(one.message_1.replace(one.message_1[4:36], bytes(31) + b"\x01"))
    with pytest.raises(HandshakeError, match="no point") as caught:
        Responder(OWN).message_2(off, b"abc")
    assert caught.value.reason == "point"
    assert "panicked" not in capfd.readouterr().err
    monkeypatch.setattr(ec.EllipticCurvePublicKey, "from_encoded_point", lambda *_: None)
    with pytest.raises(HandshakeError) as caught:
        Responder(OWN).message_2(off, b"abc")
    assert caught.value.reason == "panic"


@pytest.mark.parametrize("x", [P, P + 5, (1 << 256) - 1])
def test_a_coordinate_that_is_not_reduced(x):
    """x + p would name the same point a second time."""
    message = Ours(TERMINAL, OWN.public).message_1
    hello = Hello(message.replace(message[4:36], x.to_bytes(32, "big")))
    with pytest.raises(HandshakeError, match="not reduced"):
        Responder(OWN).message_2(hello, b"abc")


@pytest.mark.parametrize("other", [KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError])
def test_what_is_not_a_panic_goes_through(other):
    with pytest.raises(other), _contained("x"):
        raise other


def test_out_of_order_is_an_error_and_no_crash():
    with pytest.raises(HandshakeError):
        Responder(OWN).message_3(b"\x41a")
    with pytest.raises(HandshakeError):
        Responder(OWN).finish(edhoc.ccs(TERMINAL.kid, TERMINAL.public_key))


def survives(work, *arguments):
    try:
        work(*arguments)
    except HandshakeError as error:
        assert error.reason != "panic"


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_any_message_1(data):
    """Random bytes, and the true one with something changed, cut or added."""
    true = Ours(TERMINAL, OWN.public).message_1
    message = bytearray(data.draw(st.one_of(st.just(true), st.binary(max_size=80))))
    for _ in range(data.draw(st.integers(0, 3))):
        if message:
            at = data.draw(st.integers(0, len(message) - 1))
            message[at] = data.draw(st.integers(0, 255))
    message += data.draw(st.binary(max_size=8))

    def work():
        hello = Hello(bytes(message))
        assert len(hello.g_x) == 32 and len(hello.c_i) <= 7
        Responder(OWN).message_2(hello, b"abc")

    survives(work)


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_any_message_3(data):
    one = Ours(TERMINAL, OWN.public)
    responder = Responder(OWN)
    _, true = one.message_3(responder.message_2(Hello(one.message_1), b"abc"))
    sealed = st.binary(max_size=300).map(cbor.encode)
    message = bytearray(data.draw(st.one_of(st.just(true), st.binary(max_size=300), sealed)))
    if message and data.draw(st.booleans()):
        message[data.draw(st.integers(0, len(message) - 1))] ^= data.draw(st.integers(1, 255))
    message = message[: data.draw(st.integers(0, 400))] + data.draw(st.binary(max_size=3))
    if bytes(message) == true:
        return
    with pytest.raises(HandshakeError) as caught:
        responder.message_3(bytes(message))
        responder.finish(edhoc.ccs(TERMINAL.kid, TERMINAL.public_key))
    assert caught.value.reason != "panic"


@pytest.mark.parametrize("size", [0, 1, 8, 9, 192, 193, 253, 254, 255, 256, 257, 600])
def test_sizes_of_message_3_that_lakers_would_not_stand(size, capfd):
    one = Ours(TERMINAL, OWN.public)
    responder = Responder(OWN)
    one.message_3(responder.message_2(Hello(one.message_1), b"abc"))
    with pytest.raises(HandshakeError) as caught:
        responder.message_3(cbor.encode(bytes(size)))
    assert caught.value.reason == ("unauthentic" if 9 <= size <= 192 else "malformed")
    assert "panicked" not in capfd.readouterr().err


def parts(kid, mac, more):
    return cbor.encode(kid) + cbor.encode(mac) + more


PLAIN = st.one_of(
    st.binary(max_size=60),
    st.builds(parts, st.binary(max_size=9), st.binary(max_size=9), st.binary(max_size=20)),
    st.just(cbor.encode({14: cbor.encode({1: 2})}) + cbor.encode(bytes(8))),
)


@settings(deadline=None, max_examples=200)
@given(PLAIN)
def test_any_plaintext_that_a_stranger_seals_properly(plaintext):
    """Whoever begins a handshake has the keys of message_3: only the MAC in it proves a terminal."""
    one = Ours(TERMINAL, OWN.public)
    responder = Responder(OWN)
    original = one._edhoc._aead

    class Other:
        def seal(self, key, nonce, aad, _):
            return original.seal(key, nonce, aad, plaintext)

    one._edhoc._aead = Other()
    _, message_3 = one.message_3(responder.message_2(Hello(one.message_1), b"abc"))
    with pytest.raises(HandshakeError) as caught:
        responder.message_3(message_3)
        responder.finish(edhoc.ccs(TERMINAL.kid, TERMINAL.public_key))
    assert caught.value.reason != "panic"


@given(st.binary(max_size=8))
def test_identifiers_go_there_and_back(value):
    assert identifier(edhoc.identifier(value) + b"rest") == (value, len(edhoc.identifier(value)))


@pytest.mark.parametrize("wrong", [b"", b"\x18\x18", b"\x41\x01", b"\x61a", b"\x43ab", b"\xf5", b"\x80"])
def test_what_is_no_identifier(wrong):
    with pytest.raises(Malformed):
        identifier(wrong)


def test_the_key_file_is_made_once_and_kept():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gateway.key"
        assert key.read(path) is None
        made = key.create(path)
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.read_text().startswith("-----BEGIN PRIVATE KEY-----")
        assert key.create(path).public == made.public == key.read(path).public
        assert [p.name for p in Path(folder).iterdir()] == ["gateway.key"]
        numbers = ec.derive_private_key(int.from_bytes(made.private, "big"), ec.SECP256R1()).public_key()
        assert numbers.public_numbers().x == int.from_bytes(made.public[:32], "big")
        assert made.kid == key.kid_of(made.public) and made.private.hex() not in repr(made)


def test_a_credential_that_is_sent_and_not_named_is_refused():
    """lakers would take the key out of the message: the registry alone says which keys there are."""
    one = Lakers(TERMINAL, OWN.public)
    responder = Responder(OWN)
    one._edhoc.parse_message_2(responder.message_2(Hello(one.message_1), b"abc"))
    one._edhoc.verify_message_2(one._static, one._own, one._peer)
    message_3, _ = one._edhoc.prepare_message_3(lakers.CredentialTransfer.ByValue, None)
    with pytest.raises(HandshakeError, match="ID_CRED_I") as caught:
        responder.message_3(message_3)
    assert caught.value.reason == "unknown"
