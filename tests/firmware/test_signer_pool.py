# runs on: both
"""Nonce points are made in batches and in pieces: what is ready is whole at any moment, each is used once."""

from firmware import p256
from firmware.signer import BATCH, POOL
from tests.firmware.test_signer import fill, fits, make


def test_a_batch_is_made_in_pieces_and_none_of_it_is_ready_before_all_is():
    assert (POOL, BATCH) == (8, 4)
    assert fill(make()) == [0, 0, 0, 0, 4, 4, 4, 4, 4, 8]
    assert fill(make(pool=1)) == [0, 1]
    assert fill(make(pool=3, batch=2)) == [0, 0, 2]
    # What is left over is less than a batch: it waits for company.
    signer = make()
    fill(signer)
    for used in range(1, BATCH):
        signer.sign(b"x")
        assert not signer.prepare() and signer.ready == POOL - used
    signer.sign(b"x")
    assert fill(signer) == [4, 4, 4, 4, 8]


class Counted:
    """Counts the calls of functions of `p256`, and what they were called with."""

    def __init__(self, *names):
        self.calls = []
        self._real = {name: getattr(p256, name) for name in names}

    def __enter__(self):
        for name, real in self._real.items():
            setattr(p256, name, self._counter(name, real))
        return self

    def _counter(self, name, real):
        def counting(*args):
            self.calls.append((name, args))
            return real(*args)

        return counting

    def __exit__(self, kind, value, trace):
        for name, real in self._real.items():
            setattr(p256, name, real)


def test_no_piece_is_more_than_one_multiple_and_a_batch_shares_its_inversions():
    signer = make()
    inversions = []
    with Counted("horner", "invert") as counted:
        while signer.prepare():
            done = [name for name, _ in counted.calls]
            assert done in (["horner"], ["invert", "invert"]), done
            inversions += [args[1] for name, args in counted.calls if name == "invert"]
            counted.calls.clear()
    assert signer.ready == POOL
    assert sorted(inversions) == sorted((p256.P, p256.N) * (POOL // BATCH))


def test_a_key_pressed_at_any_moment_of_a_batch():
    """Whatever is half made: a ready point is taken if there is one, else what is half made is finished."""
    pieces = len(fill(make()))
    for at in range(pieces + 1):
        for presses in (1, 3, POOL + 3):
            signer = make()
            for _ in range(at):
                assert signer.prepare()
            seen = set()
            for i in range(presses):
                had, half = signer.ready, signer._begun
                with Counted("horner", "invert") as counted:
                    message = b"pressed %d" % i
                    signature = signer.sign(message)
                done = [name for name, _ in counted.calls]
                expected = [] if had else ([] if half else ["horner"]) + ["invert", "invert"]
                assert done == expected, (at, i, done)
                assert fits(message, signature)
                seen.add(signature[:32])
            fill(signer)
            for i in range(POOL):
                signature = signer.sign(b"%d" % i)
                assert fits(b"%d" % i, signature)
                seen.add(signature[:32])
            assert len(seen) == presses + POOL


def test_a_batch_goes_on_while_points_are_used():
    signer = make()
    seen = set()
    for i in range(60):
        signer.prepare()
        if i % 3 == 2:
            signature = signer.sign(b"%d" % i)
            assert fits(b"%d" % i, signature)
            seen.add(signature[:32])
        assert signer.ready + signer._begun <= POOL
    assert len(seen) == 20


def slots(signer):
    """The r of each ready point."""
    return [bytes(signer._points[96 * i : 96 * i + 32]) for i in range(signer.ready)]


def failing(real, fail_at, count):
    def put(slot, *numbers):
        count[0] += 1
        if count[0] == fail_at:
            raise MemoryError
        real(slot, *numbers)

    return put


def test_no_point_comes_twice_or_half_made_when_memory_runs_out():
    """MemoryError at each write to the pool in turn, in the middle of what prepare does."""
    for fail_at in range(1, 17):
        signer = make()
        signer._put = failing(signer._put, fail_at, count := [0])
        failed = 0
        while True:
            try:
                if not signer.prepare():
                    break
            except MemoryError:
                failed += 1
            assert len(set(slots(signer))) == signer.ready
            assert all([any(r) for r in slots(signer)]), "ready, and nothing there"
        assert failed == 1 and count[0] >= fail_at and signer.ready > POOL - BATCH and not signer._begun
        seen = set()
        for i in range(POOL + 1):
            signature = signer.sign(b"%d" % i)
            assert fits(b"%d" % i, signature)
            seen.add(signature[:32])
        assert len(seen) == POOL + 1


def test_nothing_of_a_point_stays_in_the_pool():
    """Nor of a half-made one, wherever in the pool it was made."""
    for used_meanwhile in range(BATCH + 1):
        signer = make()
        while signer.ready < BATCH:
            signer.prepare()
        for _ in range(used_meanwhile):
            signer.prepare()
            signer.sign(b"x")
        while signer._begun or signer.ready > BATCH:
            if signer._begun:
                signer.prepare()
            else:
                signer.sign(b"x")
        assert not any(signer._points[96 * signer.ready :]), used_meanwhile
        while signer.ready:
            signer.sign(b"x")
        assert not any(signer._points)
