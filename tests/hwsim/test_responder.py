"""The bench's EDHOC responder against lakers' initiator, which knows nothing of ours."""

import hashlib
import random

import lakers
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from hwsim.responder import EdhocResponder
from protocol.edhoc import ccs


class Party:
    def __init__(self, number):
        key = ec.derive_private_key(number, ec.SECP256R1())
        point = key.public_key().public_numbers()
        self.private = number.to_bytes(32, "big")
        self.public = point.x.to_bytes(32, "big") + point.y.to_bytes(32, "big")
        self.kid = hashlib.sha256(self.public).digest()[:8]
        self.ccs = ccs(self.kid, self.public)
        self.credential = lakers.Credential(self.ccs)


def shake(seed, c_r, believed=None):
    rng = random.Random(seed)
    car, house = Party(rng.getrandbits(200)), Party(rng.getrandbits(200))
    initiator = lakers.EdhocInitiator()
    responder = EdhocResponder(house.private, house.ccs, house.kid, rng)
    message_1 = initiator.prepare_message_1(c_i=b"\x01")
    responder.process_message_1(message_1)
    message_2 = responder.prepare_message_2(None, c_r, None)
    got, named, _ = initiator.parse_message_2(message_2)
    assert bytes(got) == c_r and bytes(named) == b"\xa1\x04\x48" + house.kid
    initiator.verify_message_2(car.private, car.credential, house.credential)
    message_3, _ = initiator.prepare_message_3(lakers.CredentialTransfer.ByReference, None)
    named, _ = responder.parse_message_3(bytes(message_3))
    assert named == b"\xa1\x04\x48" + car.kid
    responder.verify_message_3((believed or car).credential)
    initiator.process_message_4(responder.prepare_message_4(None))
    for label, length in ((0, 16), (1, 8)):
        assert bytes(initiator.edhoc_exporter(label, b"", length)) == responder.edhoc_exporter(
            label, b"", length
        )
    return message_2[:34]


@pytest.mark.parametrize("c_r", [b"\x05", b"\x18", b"abc", b"\xca\xfe\x00\x07"])
def test_lakers_takes_its_messages_and_both_have_the_same_keys(c_r):
    for seed in range(20):
        shake(seed, c_r)


def test_one_generator_one_ephemeral_key():
    assert shake(7, b"abc") == shake(7, b"abc") != shake(8, b"abc")


def test_a_terminal_with_another_key_is_refused():
    with pytest.raises(ValueError, match="MAC_3"):
        shake(3, b"abc", believed=Party(12345))
