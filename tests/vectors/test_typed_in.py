# runs on: both
"""A small set of values typed in from the RFCs: they prove the core where the folder of vectors is absent."""

from binascii import hexlify, unhexlify

from protocol import cbor, coap, cose, oscore
from protocol.cbor import Tag
from protocol.coap import ACK, CON
from protocol.errors import Malformed, Unauthentic
from protocol.kdf import hkdf_expand, hkdf_extract, hmac_sha256
from protocol.nmea import Parser
from protocol.oscore import Context
from tests.portable import raises
from tests.vectors import ours

# RFC 8949 appendix A, what is in our subset and what is beyond it; appendix F.
ITEMS = (
    (0, "00"),
    (23, "17"),
    (24, "1818"),
    (1000, "1903e8"),
    (18446744073709551615, "1bffffffffffffffff"),
    (-1, "20"),
    (-18446744073709551616, "3bffffffffffffffff"),
    (False, "f4"),
    (None, "f6"),
    (b"\x01\x02\x03\x04", "4401020304"),
    ('"\\', "62225c"),
    ("\u6c34", "63e6b0b4"),
    ([1, [2, 3], [4, 5]], "8301820203820405"),
    ({"a": 1, "b": [2, 3]}, "a26161016162820203"),
    (Tag(1, 1363896240), "c11a514b67b0"),
    (Tag(23, b"\x01\x02\x03\x04"), "d74401020304"),
)
BEYOND = "f93c00 fb3ff199999999999a f7 f0 f8ff 5f42010243030405ff 9f018202039f0405ffff bf61610161629f0203ffff"
NOT_WELL_FORMED = (
    "18 1b01020304050607 61 5affffffff00 81 a1 a201 c0 5f4100 9f 1c 3e f800 f81f 5f00ff ff a1ff 1f df"
)

# RFC 8392 A.2.3 and A.3: the key, and a CWT signed with it. RFC 9052 C.2.1 and C.4.1 with the keys of C.7.
CWT_PUBLIC = unhexlify(
    "143329cce7868e416927599cf65a34f3ce2ffda55a7eca69ed8919a394d42f0f"
    "60f7f1a780d8a783bfb7a2dd6b2796e8128dbbcef9d3d168db9529971a36e7b9"
)
CWT_PRIVATE = unhexlify("6c1382765aec5358f117733d281c1c7bdc39884d04a45a1e6c67c858bc206c19")
CWT = unhexlify(
    "d28443a10126a104524173796d6d657472696345434453413235365850a70175636f61703a2f2f61732e6578616d706c652e636f6d"
    "02656572696b77037818636f61703a2f2f6c696768742e6578616d706c652e636f6d041a5612aeb0051a5610d9f0061a5610d9f0"
    "07420b7158405427c1ff28d23fbad1f29c4c7c6a555e601d6fa29f9179bc3d7438bacaca5acd08c8d4d4f96131680c429a01f859"
    "51ecee743a52b9b63632c57209120e1c9e30"
)
SIGN1_PUBLIC = unhexlify(
    "bac5b11cad8f99f9c72b05cf4b9e26d244dc189f745228255a219a86d6a09eff"
    "20138bf82dc1b6d562be0fa54ab7804a3a64b6d72ccfed6b6fb6ed28bbfc117e"
)
SIGN1 = unhexlify(
    "d28443a10126a10442313154546869732069732074686520636f6e74656e742e58408eb33e4ca31d1c465ab05aac34cc6b23d58f"
    "ef5c083106c4d25a91aef0b0117e2af9a291aa32e14ab834dc56ed2a223444547e01f11d3b0916e5a4c345cacb36"
)
ENCRYPT0_KEY = unhexlify("849b5786457c1491be3a76dcea6c4271")
ENCRYPT0 = unhexlify(
    "d08343a1010aa1054d89f52f65a1c580933b5261a78c581c5974e1b99a3a4cc09a659aa2e9e7fff161d38ce71cb45ce460ffb569"
)

# RFC 6979 A.2.5, SHA-256
D = unhexlify("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721")
RFC6979 = (
    (
        b"sample",
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
        "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
    ),
    (
        b"test",
        "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"
        "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083",
    ),
)

# RFC 8613 C.1.1, C.4, C.7 and C.8
SECRET = unhexlify("0102030405060708090a0b0c0d0e0f10")
SALT = unhexlify("9e7ca92223786340")
REQUEST = "44015d1f00003974396c6f63616c686f737483747631"
PROTECTED_REQUEST = "44025d1f00003974396c6f63616c686f7374620914ff612f1092f1776f1c1668b3825e"
RESPONSE = "64455d1f00003974ff48656c6c6f20576f726c6421"
PROTECTED_RESPONSE = "64445d1f0000397490ffdbaad1e9a7e7b2a813d3c31524378303cdafae119106"
PROTECTED_WITH_PIV = "64445d1f00003974920100ff4d4c13669384b67354b2b6175ff4b8658c666a6cf88e"

# sentence, then what it says
SENTENCES = (
    (
        b"$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A",
        {"lat_e7": 481173000, "lon_e7": 115166667, "speed_cm_s": 1152, "course_cdeg": 8440, "year": 1994},
    ),
    (
        b"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47",
        {"lat_e7": 481173000, "alt_dm": 5454, "sats_used": 8, "hdop_tenths": 9, "quality": 1, "valid": True},
    ),
    (b"$GPGLL,4916.45,N,12311.12,W,225444,A,*1D", {"lat_e7": 492741667, "lon_e7": -1231853333, "hour": 22}),
    (b"$GPVTG,054.7,T,034.4,M,005.5,N,010.2,K*48", {"speed_cm_s": 283, "course_cdeg": 5470}),
    (b"$GPGSA,A,3,04,05,,09,12,,,24,,,,,2.5,1.3,2.1*39", {"fix_type": 3, "hdop_tenths": 13}),
    (b"$GPGSV,2,1,08,01,40,083,46,02,17,308,41,12,07,344,39,14,22,228,45*75", {"sats_view": 8}),
)


def test_cbor_of_rfc_8949():
    for value, text in ITEMS:
        assert cbor.encode(value) == unhexlify(text), text
        assert cbor.decode(unhexlify(text)) == value, text
    for text in BEYOND.split():
        assert cbor.skip(unhexlify(text)) == len(text) // 2, text
        with raises(Malformed):
            cbor.decode(unhexlify(text))
    for text in NOT_WELL_FORMED.split():
        for reader in (cbor.decode, cbor.skip):
            with raises(Malformed):
                reader(unhexlify(text))


def test_a_signed_cwt_of_rfc_8392_and_a_sign1_of_rfc_9052():
    assert ours.p256.public_key(CWT_PRIVATE) == CWT_PUBLIC
    for data, public, kid in ((CWT, CWT_PUBLIC, b"AsymmetricECDSA256"), (SIGN1, SIGN1_PUBLIC, b"11")):
        read = cose.sign1_read(data)
        assert read.kid == kid
        assert ours.verify(public, read.to_be_signed(), read.signature)
        assert not ours.verify(public, read.to_be_signed(b"x"), read.signature)
    assert cbor.decode(cose.sign1_read(CWT).payload)[1] == "coap://as.example.com"
    read = cose.sign1_read(CWT)
    assert ours.sign_rfc6979(CWT_PRIVATE, read.to_be_signed()) == read.signature


def test_encrypt0_of_rfc_9052():
    read = cose.encrypt0_parse(ENCRYPT0)
    assert hexlify(read.aad()) == b"8368456e63727970743043a1010a40"
    for aead in ours.ccms(8, 13):
        nonce = read.unprotected[cose.IV]
        assert aead.open(ENCRYPT0_KEY, nonce, read.aad(), read.ciphertext) == b"This is the content."
        with raises(Unauthentic):
            aead.open(ENCRYPT0_KEY, nonce, read.aad(b"x"), read.ciphertext)


def test_ecdsa_of_rfc_6979():
    public = ours.p256.public_key(D)
    assert hexlify(public[:32]) == b"60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
    for message, signature in RFC6979:
        assert ours.sign_rfc6979(D, message) == unhexlify(signature)
        assert ours.verify(public, message, unhexlify(signature))
        assert not ours.verify(public, message + b"x", unhexlify(signature))


def test_ccm_of_rfc_3610_packet_1():
    key = unhexlify("c0c1c2c3c4c5c6c7c8c9cacbcccdcecf")
    nonce = unhexlify("00000003020100a0a1a2a3a4a5")
    plain = unhexlify("08090a0b0c0d0e0f101112131415161718191a1b1c1d1e")
    sealed = unhexlify("588c979a61c663d2f066d0c2c0f989806d5f6b61dac38417e8d12cfdf926e0")
    for aead in ours.ccms(8, 13):
        assert aead.seal(key, nonce, bytes(range(8)), plain) == sealed
        assert aead.open(key, nonce, bytes(range(8)), sealed) == plain
        with raises(Unauthentic):
            aead.open(key, nonce, bytes(range(9)), sealed)


def test_hkdf_of_rfc_5869_case_1_and_hmac_of_rfc_4231_case_2():
    prk = hkdf_extract(bytes(range(13)), b"\x0b" * 22)
    assert hexlify(prk) == b"077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5"
    okm = hkdf_expand(prk, bytes(range(0xF0, 0xFA)), 42)
    assert (
        hexlify(okm)
        == b"3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    )
    digest = hmac_sha256(b"Jefe", b"what do ya want for nothing?")
    assert hexlify(digest) == b"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


def test_oscore_of_rfc_8613():
    for aead in ours.ccms(8, 13):
        client = Context(SECRET, SALT, b"", b"\x01", aead, sequence=20)
        server = Context(SECRET, SALT, b"\x01", b"", aead)
        assert (
            hexlify(client.sender_key) == hexlify(server.recipient_key) == b"f0910ed7295e6ad4b54fc793154302ff"
        )
        assert hexlify(client.recipient_key) == b"ffb14e093c94c9cac9471648b4f98710"
        assert hexlify(client.common_iv) == b"4622d4dd6d944168eefb54987c"
        plain = coap.decode(unhexlify(REQUEST))
        outer, asked = client.protect_request(plain)
        assert outer.encode() == unhexlify(PROTECTED_REQUEST)
        assert oscore.peek(outer) == (b"", None, b"\x14")
        inner, binding = server.unprotect_request(coap.decode(unhexlify(PROTECTED_REQUEST)))
        assert inner == plain
        answer = coap.decode(unhexlify(RESPONSE))
        for fresh, text in ((False, PROTECTED_RESPONSE), (True, PROTECTED_WITH_PIV)):
            assert server.protect_response(answer, binding, fresh).encode() == unhexlify(text)
            assert client.unprotect_response(coap.decode(unhexlify(text)), asked) == answer


def test_coap_of_rfc_7252_figures_16_and_17():
    for text, kind, code, token, path, payload in (
        ("40017d34bb74656d7065726174757265", CON, "0.01", b"", "/temperature", b""),
        ("60457d34ff32322e332043", ACK, "2.05", b"", "/", b"22.3 C"),
        ("41017d3520bb74656d7065726174757265", CON, "0.01", b"\x20", "/temperature", b""),
        ("61457d3520ff32322e332043", ACK, "2.05", b"\x20", "/", b"22.3 C"),
    ):
        message = coap.decode(unhexlify(text))
        said = (message.type, coap.code_text(message.code), message.token, message.path(), message.payload)
        assert said == (kind, code, token, path, payload) and message.message_id in (0x7D34, 0x7D35)
        assert message.encode() == unhexlify(text)


def test_sentences():
    for line, said in SENTENCES:
        p = Parser()
        assert p.feed(line) == line[3:6].decode()
        for field in said:
            assert getattr(p, field) == said[field], (line, field)
        changed = bytearray(line)
        changed[12] ^= 1
        assert p.feed(changed) is None and p.bad_checksum == 1
