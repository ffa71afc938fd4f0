"""The firmware's cryptography under MicroPython against OpenSSL (`cryptography`) and against `hmac`."""

import hashlib
import hmac
import json
import random
import subprocess

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from cryptography.hazmat.primitives.hashes import SHA256

from tests.conftest import ROOT, micropython

N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@pytest.fixture
def ask(tmp_path):
    def run(calls):
        rows = [[name, *(item.hex() for item in data)] for name, *data in calls]
        path = tmp_path / "calls.json"
        path.write_text(json.dumps(rows))
        command = [micropython(), "-X", "heapsize=4m", "tests/firmware/crypto_peer.py", str(path)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
        answers = done.stdout.splitlines()
        assert len(answers) == len(calls)
        return answers

    return run


def key_of(d: int):
    private = ec.derive_private_key(d, ec.SECP256R1())
    numbers = private.public_key().public_numbers()
    return private, numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


def scalars(random_, count):
    yield from (1, 2, N - 1, N - 2, 1 << 255, (1 << 128) - 1)
    for _ in range(count):
        yield random_.randrange(1, N)


def test_public_keys(ask):
    ds = list(scalars(random.Random(1), 40))
    answers = ask([("public", d.to_bytes(32, "big")) for d in ds])
    assert answers == [key_of(d)[1].hex() for d in ds]


def test_our_signatures_satisfy_openssl(ask):
    random_ = random.Random(2)
    cases = [(d, random_.randbytes(random_.randrange(200))) for d in scalars(random_, 30)]
    answers = ask([("sign", d.to_bytes(32, "big"), message) for d, message in cases])
    for (d, message), signature in zip(cases, answers, strict=True):
        raw = bytes.fromhex(signature)
        assert len(raw) == 64
        der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        public = key_of(d)[0].public_key()
        public.verify(der, message, ec.ECDSA(SHA256()))
        with pytest.raises(InvalidSignature):
            public.verify(der, message + b"\0", ec.ECDSA(SHA256()))


def test_openssl_signatures_satisfy_us_and_changed_ones_do_not(ask):
    random_ = random.Random(3)
    calls, expected = [], []
    for d in scalars(random_, 25):
        private, public = key_of(d)
        message = random_.randbytes(50)
        r, s = decode_dss_signature(private.sign(message, ec.ECDSA(SHA256())))
        digest = hashlib.sha256(message).digest()
        signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        changed = bytearray(signature)
        changed[random_.randrange(64)] ^= 1 << random_.randrange(8)
        other = key_of(random_.randrange(1, N))[1]
        calls += [
            ("verify", public, digest, signature),
            ("verify", public, digest, bytes(changed)),
            ("verify", other, digest, signature),
        ]
        expected += ["yes", "no", "no"]
    assert ask(calls) == expected


def test_aes_ccm_both_ways(ask):
    random_ = random.Random(4)
    calls, expected = [], []
    for length in [*range(0, 50), 255, 256, 440, 1087, 1152]:
        key, nonce = random_.randbytes(16), random_.randbytes(13)
        aad = random_.randbytes(random_.choice((0, 1, 13, 14, 15, 29, 30, 31, 200)))
        text = random_.randbytes(length)
        sealed = AESCCM(key, tag_length=8).encrypt(nonce, text, aad)
        changed = bytearray(sealed)
        changed[random_.randrange(len(changed))] ^= 1 << random_.randrange(8)
        calls += [
            ("seal", key, nonce, aad, text),
            ("open", key, nonce, aad, sealed),
            ("open", key, nonce, aad, bytes(changed)),
        ]
        expected += [sealed.hex(), text.hex() or "empty", "unauthentic"]
    assert ask(calls) == expected


class Reference:
    """SP 800-90A 10.1.2 once more, written from the standard with Python's own `hmac`."""

    def __init__(self, seed):
        self.k, self.v = b"\0" * 32, b"\1" * 32
        self.update(seed)

    def mac(self, data):
        return hmac.digest(self.k, data, "sha256")

    def update(self, data):
        for mark in (b"\0", b"\1") if data else (b"\0",):
            self.k = self.mac(self.v + mark + data)
            self.v = self.mac(self.v)

    def generate(self, n, additional=b""):
        if additional:
            self.update(additional)
        out = b""
        while len(out) < n:
            self.v = self.mac(self.v)
            out += self.v
        self.update(additional)
        return out[:n]


def test_drbg(ask):
    random_ = random.Random(5)
    calls, expected = [], []
    for i in range(40):
        entropy, personalisation = random_.randbytes(32 + i), random_.randbytes(i)
        extra, additional = random_.randbytes(32), random_.randbytes(i % 3)
        calls.append(("drbg", entropy, personalisation, extra, additional))
        reference = Reference(entropy + personalisation)
        first = reference.generate(40)
        reference.update(extra + additional)
        expected.append((first + reference.generate(70, additional)).hex())
    assert ask(calls) == expected
