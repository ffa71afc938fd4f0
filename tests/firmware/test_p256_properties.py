"""P-256 against OpenSSL for whatever hypothesis thinks of, and the order of its operations for any secret."""

import hashlib
import sys

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware import p256, p256_point
from protocol.errors import Malformed
from tests.firmware import curve

N = p256.N
# Anything in range, with a liking for the ends, for single bits and for runs of them.
scalars = st.one_of(
    st.integers(1, N - 1),
    st.integers(1, 300),
    st.integers(1, 300).map(lambda k: N - k),
    st.integers(0, 254).map(lambda i: 1 << i),
    st.tuples(st.integers(0, 255), st.integers(0, 255)).map(lambda ij: abs((1 << ij[0]) - (1 << ij[1])) or 1),
)


def openssl(d):
    private = ec.derive_private_key(d, ec.SECP256R1())
    numbers = private.public_key().public_numbers()
    return private, numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


@given(scalars, scalars, st.binary(max_size=40))
@settings(max_examples=150, deadline=None)
def test_signatures_hold_for_openssl_and_for_us(d, k, message):
    private, public = openssl(d)
    assert p256.public_key(d) == public
    h = hashlib.sha256(message).digest()
    r, k_inv = p256.nonce_point(k)
    signature = p256.sign_with(d, h, k_inv, r)
    s = int.from_bytes(signature[32:], "big")
    private.public_key().verify(encode_dss_signature(r, s), message, ec.ECDSA(SHA256()))
    table = p256_point.prepared(public)
    assert p256_point.verify(public, h, signature) and p256_point.verify_with(table, h, signature)


@given(scalars, scalars, scalars, st.binary(max_size=8))
@settings(max_examples=150, deadline=None)
def test_any_pair_of_numbers_is_judged_as_openssl_judges_it(d, r, s, message):
    """Digests and numbers that nobody signed: chance and edges alone must not pass here and fail there."""
    private, public = openssl(d)
    h = hashlib.sha256(message).digest()
    try:
        private.public_key().verify(encode_dss_signature(r, s), message, ec.ECDSA(SHA256()))
        holds = True
    except InvalidSignature:
        holds = False
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    assert p256_point.verify(public, h, signature) is holds
    assert p256_point.verify_with(p256_point.prepared(public), h, signature) is holds


@given(scalars, st.integers(1, N - 1), scalars)
@settings(max_examples=150, deadline=None)
def test_signatures_made_backwards_hold(u, v, k):
    """A digest, a signature and a key for any multiples u, v: what honest signing meets once in 2^256."""
    point = curve.times(k, curve.G)
    # Q = (R - u G) / v, r = x of R, s = r / v, h = u s
    q = curve.times(pow(v, -1, N), curve.add(point, curve.negative(curve.times(u, curve.G))))
    r = point[0] % N
    s = r * pow(v, -1, N) % N
    h = (u * s % N).to_bytes(32, "big")
    if q is None or not r:
        return
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    assert p256_point.verify(curve.raw(q), h, signature)
    wrong = bytes([h[0] ^ 1]) + h[1:]
    assert not p256_point.verify(curve.raw(q), wrong, signature)


def agreed(d, x):
    return list(p256_point.shared_secret(d, x))[-1]


@given(scalars, scalars)
@settings(max_examples=150, deadline=None)
def test_shared_secrets_are_those_of_openssl(mine, theirs):
    private, _ = openssl(mine)
    peer, public = openssl(theirs)
    assert agreed(mine, public[:32]) == private.exchange(ec.ECDH(), peer.public_key())


@given(st.binary(min_size=32, max_size=32))
@settings(max_examples=150, deadline=None)
def test_any_32_bytes_are_an_x_of_the_curve_or_refused(x):
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\2" + x)
        known = True
    except ValueError:
        known = False
    try:
        agreed(3, x)
        assert known
    except Malformed:
        assert not known


# --- the order of operations. Big integers, Euclid after the mask, and table indices are what it cannot show.


def steps(work):
    """The instructions of our arithmetic that `work` runs, in order; not those of the masked inversion."""
    files = (p256.__file__, p256_point.__file__)
    seen = []

    def local(frame, event, _):
        if event == "opcode":
            seen.append((frame.f_code.co_name, frame.f_lasti))
        return local

    def entered(frame, _, __):
        if frame.f_code.co_filename not in files or frame.f_code.co_name == "invert":
            return None
        frame.f_trace_lines = False
        frame.f_trace_opcodes = True  # lines would not show a conditional expression
        return local

    before = sys.gettrace()
    sys.settrace(entered)
    try:
        work()
    finally:
        sys.settrace(before)
    return seen


# Not 2 and n - 2 (see p256_point).
SECRETS = [1, 3, 4, 5, 15, 16, 1 << 128, (1 << 255) - 1, N - 1, N - 3, N // 2, N // 3, 0x1234567 << 200]
X = p256.public_key(12345)[:32]
WORK = {
    "shared_secret": lambda d: agreed(d, X),
    "public_key": p256.public_key,
    "half_point": p256.half_point,
    "nonce_point": p256.nonce_point,
    "sign_with": lambda d: p256.sign_with(d, 5, 7, 9),
}


@pytest.mark.parametrize("name", WORK)
def test_every_secret_takes_the_same_steps(name):
    expected = steps(lambda: WORK[name](0x1F2E3D4C5B6A79880123456789ABCDEF))
    assert len(expected) > 3
    for d in SECRETS:
        assert steps(lambda d=d: WORK[name](d)) == expected, hex(d)


def test_the_steps_of_a_public_scalar_do_differ():
    """The other side: the look sees a branch where there is one."""
    table = p256_point.prepared(p256.public_key(5))
    seen = [len(steps(lambda v=v: p256_point._with_key(3, v, *curve.G))) for v in (1, 33, N // 3)]
    assert len(set(seen)) == 3
    assert steps(lambda: p256_point._with_table(3, 5, table, None))


def test_the_pieces_of_a_shared_secret_are_small():
    """No more than an eighth of the whole in one piece, so that others get their turn."""
    counts = []
    pieces = p256_point.shared_secret(N // 3, X)
    while True:
        seen = steps(lambda: counts.append(next(pieces, b"")))
        last = counts.pop()
        if last == b"":
            break
        counts.append(len(seen))
    assert len(counts) >= 10 and max(counts) <= sum(counts) // 8
    assert sum(counts) > 20000
