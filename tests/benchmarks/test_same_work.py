"""Both sides of a figure do the same: their results are equal. And every piece of work runs on its Python."""

import hashlib

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from benchmarks import plain_comb, timing
from benchmarks.places import Absent, Places
from benchmarks.suites import cbor as cbor_suite
from benchmarks.suites import firmware, nmea
from benchmarks.work import frames, p256, peers_aead, peers_ecdsa, peers_nmea
from benchmarks.work import nmea as nmea_work
from firmware import p256 as curve
from protocol.nmea import Parser


def test_signatures_are_the_same_to_the_byte():
    nonces, h = p256.Nonces(), p256.digest()
    for _ in range(5):
        k = nonces.next()
        r, k_inv = curve.nonce_point(k)
        ours = curve.sign_with(p256.D, h, k_inv, r)
        assert plain_comb.sign(p256.D, h, k) == ours
        theirs = peers_ecdsa._key().privkey.sign(h, k)
        assert int(theirs.r).to_bytes(32, "big") + int(theirs.s).to_bytes(32, "big") == ours


def test_the_plain_comb_signs_as_rfc_6979_says_and_verifies():
    """A.2.5, SHA-256, "sample"."""
    h = int.from_bytes(hashlib.sha256(b"sample").digest(), "big")
    k = 0xA6E3C57DD01ABE90086538398355DD4C3B17AA873382B0F24D6129493D8AAD60
    signature = plain_comb.sign(p256.D, h, k)
    assert signature.hex().upper() == (
        "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
        "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"
    )
    public = plain_comb.times_base(p256.D)
    assert plain_comb.verify(public, h, signature)
    assert not plain_comb.verify(public, h + 1, signature)
    assert not plain_comb.verify(public, h, signature[:63] + bytes([signature[63] ^ 1]))


def test_shared_secrets_are_the_same():
    x = curve.public_key(p256.OTHER)[:32]
    ours = [piece for piece in curve_shared_secret(p256.D, x) if piece is not None]
    expected = plain_comb.times(p256.D, plain_comb.times_base(p256.OTHER))[0].to_bytes(32, "big")
    assert ours == [expected]


def curve_shared_secret(d, x):
    return p256.p256_point.shared_secret(d, x)


def test_encryption_is_the_same():
    short = frames.NONCE[:12]  # tlslite knows no other length
    theirs = peers_aead._tlslite().seal(short, frames.PLAINTEXT, frames.AAD)
    assert bytes(theirs) == AESCCM(frames.KEY, tag_length=8).encrypt(short, frames.PLAINTEXT, frames.AAD)


def test_the_fields_taken_of_a_sentence_are_the_same():
    lines = peers_nmea.common()
    kinds = set()
    parser = Parser()
    for line in lines:
        name = parser.feed(line)
        kinds.add(name)
        if name in ("RMC", "GGA", "GLL") and parser.lat_e7 is not None:
            message = peers_nmea.pynmea2.parse(line.decode())
            assert parser.lat_e7 == pytest.approx(message.latitude * 1e7, abs=1)
            assert parser.lon_e7 == pytest.approx(message.longitude * 1e7, abs=1)
    assert kinds == set(nmea_work.FIELDS) == set(peers_nmea.PYNMEA2) == set(peers_nmea.PYNMEAGPS)


def test_the_typed_in_log_stands_in_where_there_are_no_recordings(monkeypatch, tmp_path):
    monkeypatch.setenv("PATROLA_VECTORS", str(tmp_path))
    monkeypatch.setattr(nmea_work, "_lines", [])
    peers_nmea.common.cache_clear()
    assert nmea_work.recordings() == []
    lines = nmea_work.recorded_lines()
    parser = Parser()
    assert all(parser.feed(line) for line in lines)
    assert len(peers_nmea.common()) == len(lines) >= 10
    peers_nmea.common.cache_clear()


class Once:
    """Stands in for `Bench`: does each piece of work once, and times nothing."""

    def __init__(self, places):
        self.places = places
        self.done = set()

    def figure(self, name, ours, peer, *_, **__):
        for side in (ours, peer):
            if (side.place.name, side.work) not in self.done:
                side.place.run(side.work, 1)
                self.done.add((side.place.name, side.work))

    def heap(self, name, ours, peer):
        for side in (ours, peer):
            asked, left = side.place.heap(side.work)
            assert asked > 0 and left > 0

    def remark(self, text):
        pass


@pytest.fixture
def once():
    places = Places()
    yield Once(places)
    places.close()


@pytest.mark.parametrize("suite", [firmware, nmea], ids=lambda suite: suite.NAME)
def test_every_piece_of_work_runs(suite, once):
    suite.run(once)
    assert len(once.done) >= 8


def test_every_piece_of_cbor_runs_where_the_peers_are(once):
    try:
        cbor_suite.run(once)
    except Absent as absent:
        pytest.skip(str(absent))
    assert len(once.done) == 6


def test_work_says_how_many_units_it_does():
    assert timing.run("benchmarks.work.frames:encode", 4)[1] == 12
