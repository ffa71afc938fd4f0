# runs on: both
from protocol.backoff import Backoff
from protocol.errors import Misuse
from tests.portable import raises


def test_longest_pauses_double_up_to_the_cap_and_start_again():
    pauses = Backoff(1000, 60000)
    assert [pauses.next(0) for _ in range(8)] == [1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000]
    pauses.reset()
    assert pauses.next(0) == 1000


def test_every_draw_lies_in_the_upper_half_of_its_step():
    for first, cap in ((1, 1), (7, 7), (500, 500), (1000, 1000), (300000, 300000), (3600000, 3600000)):
        for random16 in (0, 1, 255, 256, 32767, 32768, 65534, 65535):
            pause = Backoff(first, cap).next(random16)
            assert first - (first >> 1) <= pause <= first, (first, random16, pause)


def test_draws_spread_over_the_whole_half():
    drawn = [Backoff(60000, 60000).next(n) for n in range(0, 65536, 16)]
    assert min(drawn) <= 30100 and max(drawn) == 60000
    assert sum(drawn) // len(drawn) in range(44800, 45200)


def test_no_product_leaves_the_small_integers_of_a_chip():
    """30 bits and a sign: the largest term, for the longest pause in use."""
    half = 3600000 >> 1
    assert (half >> 8) * 65535 < 1 << 30 and 0xFF * 65535 < 1 << 30


def test_senseless_bounds_are_the_callers_fault():
    for first, cap in ((0, 10), (-1, 10), (11, 10)):
        with raises(Misuse):
            Backoff(first, cap)
