# runs on: both
"""The signer's pool, and the promise on which the private key rests: no nonce ever comes twice."""

import hashlib

from firmware import p256, p256_point
from firmware.signer import BATCH, POOL, Signer, key_id
from protocol.errors import Misuse
from tests.portable import raises

PRIVATE = bytes.fromhex("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721")
PUBLIC = p256.public_key(PRIVATE)


def constant(n):
    """The weakest hardware generator there is."""
    return bytes(n)


def make(boot=1, uid=b"chip", entropy=constant, pool=POOL, batch=BATCH):
    return Signer(PRIVATE, PUBLIC, entropy, boot, uid, pool, batch)


def fits(message, signature, public=PUBLIC):
    return p256_point.verify(public, hashlib.sha256(message).digest(), signature)


def fill(signer):
    """Until there is no more work; the points ready after each piece."""
    ready = []
    while signer.prepare():
        ready.append(signer.ready)
    return ready


def test_signs_with_a_full_and_with_an_empty_pool():
    signer = make()
    assert signer.kid == hashlib.sha256(PUBLIC).digest()[:8] == key_id(PUBLIC)
    assert signer.public == PUBLIC
    assert signer.ready == 0
    assert fits(b"pool empty", signer.sign(b"pool empty"))
    fill(signer)
    assert signer.ready == POOL and not signer.prepare()
    for i in range(POOL + 2):
        message = b"frame %d" % i
        signature = signer.sign(message)
        assert len(signature) == 64 and fits(message, signature)
        assert not fits(message + b".", signature)
        assert signer.ready == max(0, POOL - 1 - i)


def test_a_prepared_point_costs_no_curve_operation():
    signer = make(pool=1)
    fill(signer)
    real = p256.half_point
    p256.half_point = None  # whoever calls it now raises TypeError
    try:
        signature = signer.sign(b"panic")
        with raises(TypeError):
            signer.sign(b"the pool is empty now")
    finally:
        p256.half_point = real
    assert fits(b"panic", signature)
    assert fits(b"works again", signer.sign(b"works again"))


def test_points_are_wiped_as_they_are_used():
    signer = make()
    assert not any(signer._points)
    while signer.prepare():
        pass
    assert any(signer._points)
    for left in range(POOL - 1, -1, -1):
        signer.sign(b"x")
        assert not any(signer._points[96 * left :])
    assert not any(signer._points)


def test_a_point_is_gone_even_if_signing_fails():
    signer = make(pool=1)
    fill(signer)
    first = bytes(signer._points[:32])
    assert any(first)
    with raises(TypeError):
        signer.sign(None)
    # Hashing came first: nothing was taken, and what is taken later is taken once.
    assert signer.ready == 1
    assert signer.sign(b"a")[:32] == first
    fill(signer)
    assert bytes(signer._points[:32]) != first


def rs_of(signer, count):
    rs = []
    for i in range(count):
        if i % 3 == 0:  # some from the pool, some on the spot
            signer.prepare()
        rs.append(signer.sign(b"%d" % i)[:32])
    return rs


def test_no_nonce_comes_twice_across_reboots_without_any_entropy():
    seen = set()
    total = 0
    for boot in (1, 2, 3, 256, 257, 65536, (1 << 32) + 1):
        seen.update(rs_of(make(boot=boot), 6))
        total += 6
    for uid in (b"", b"chip0", b"chipp", b"\1chip"):
        seen.update(rs_of(make(uid=uid), 6))
        total += 6
    assert len(seen) == total


def test_the_same_inputs_do_repeat():
    """The other side of the promise: without this the test above would prove nothing."""
    assert rs_of(make(), 4) == rs_of(make(), 4)


def test_a_boot_counter_gone_back_repeats_nothing_if_entropy_is_fresh():
    count = [0]

    def counting(n):
        count[0] += 1
        return count[0].to_bytes(n, "big")

    seen = set(rs_of(make(entropy=counting), 5) + rs_of(make(entropy=counting), 5))
    assert len(seen) == 10


def test_fresh_entropy_enters_with_each_point():
    """Even after a boot without any, as when the generator of a chip is not warm yet."""
    count = [0]

    def warming(n):
        count[0] += 1
        return bytes(n) if count[0] % 100 == 1 else count[0].to_bytes(n, "big")

    first = make(entropy=warming)
    a = first.sign(b"x")[:32]
    count[0] = 100
    second = make(entropy=warming)
    assert second.sign(b"x")[:32] != a


def test_another_key_makes_other_nonces():
    """Who knows boot counter, uid and the weak generator still lacks the private key."""
    other = (12345).to_bytes(32, "big")
    signer = Signer(other, p256.public_key(other), constant, 1, b"chip")
    assert set(rs_of(signer, 5)).isdisjoint(rs_of(make(), 5))


def test_a_generator_that_fails_later_does_not_stop_a_panic():
    state = [True]

    def failing(n):
        if not state[0]:
            raise OSError(5)
        return bytes(n)

    signer = make(entropy=failing)
    state[0] = False
    first, second = signer.sign(b"panic"), signer.sign(b"panic")
    assert fits(b"panic", first) and fits(b"panic", second) and first[:32] != second[:32]


def test_a_pair_that_does_not_belong_together_is_refused_at_boot():
    other = p256.public_key(5)
    with raises(Misuse) as caught:
        Signer(PRIVATE, other, constant, 1, b"chip")
    assert "public key" in str(caught.value)
    with raises(Misuse):
        Signer(PRIVATE, PUBLIC[:63] + bytes([PUBLIC[63] ^ 1]), constant, 1, b"chip")
    with raises(Misuse):
        Signer(PRIVATE[:31], PUBLIC, constant, 1, b"chip")
    with raises(Misuse):
        Signer(PRIVATE, PUBLIC, constant, 1, b"chip", 0)
    with raises(Misuse):
        Signer(PRIVATE, PUBLIC, lambda n: bytes(4), 1, b"chip")


def damaged(name, damage):
    real = getattr(p256, name)
    setattr(p256, name, lambda *args: damage(real(*args)))
    try:
        with raises(Misuse):
            make()
    finally:
        setattr(p256, name, real)
    make()


def test_a_damaged_first_signature_never_leaves():
    """Broken arithmetic is found by the self-check at boot: a wrong inverse, a wrong point, a wrong key."""
    damaged("nonce_points", lambda points: [(r, k_inv + 1) for r, k_inv in points])
    damaged("half_point", lambda half: (half[0] + 1, half[1]))
    damaged("public_key", lambda public: public[:63] + bytes([public[63] ^ 1]))
    damaged("invert", lambda inverse: inverse ^ 2)
