"""EDHOC (RFC 9528), the initiator: method 3 (both sides by static Diffie-Hellman keys), cipher suite 2,
credentials by `kid`. Sans-IO: bytes in, bytes out.

The P-256 work is the caller's, who may do it in pieces: x-coordinates of 32 bytes come in, `g_xy` = X * G_Y,
`g_rx` = X * R and `g_iy` = I * G_Y, with X the ephemeral private key, I the own static one and R the peer's
public one. I * G_Y may be computed only after `read_message_2` (docs/adr/0011). The AEAD is passed in as in
`oscore`.

What proves nothing ends nothing, as 9.7 allows: a refused message leaves the initiator waiting for the true
one, but only _PATIENCE times each, for the length of the MACs counts on few guesses (9.1). Then it is `over`.

Secrets are dropped as soon as they are used; neither Python can overwrite them.
"""

import hashlib

from protocol.cbor import decode_prefix, decode_sequence, encode
from protocol.compat import Any, const
from protocol.cose import enc_structure
from protocol.errors import Malformed, Misuse, Unauthentic
from protocol.kdf import hkdf_expand, hkdf_extract
from protocol.limits import AEAD_KEY, AEAD_NONCE, AEAD_TAG, MAX_OSCORE_ID

METHOD = const(3)
SUITE = const(2)  # AES-CCM-16-64-128, SHA-256, MAC of 8 bytes, P-256, ES256

_HASH = const(32)
_COORDINATE = const(32)
_MAC = const(8)

# What has happened, and so what may come next.
_NEW = const(0)
_SENT_1 = const(1)
_READ_2 = const(2)
_SENT_3 = const(3)
_DONE = const(4)
_OVER = const(5)

_PATIENCE = const(4)  # refusals of one message
_PROVED = const(3)  # what is refused now was not forged (3.8: the session is aborted)
assert _PROVED == _PATIENCE - 1
_LONGEST = const(256)  # of a message; each 32 bytes of it cost an HMAC before anything is proved


class Initiator:
    """One handshake. `cred_i` and `cred_r` are what `ccs` gives for the own and for the peer's public key."""

    def __init__(self, aead: Any, cred_i: bytes, kid_i: bytes, cred_r: bytes, kid_r: bytes) -> None:
        if cred_i == cred_r or kid_i == kid_r:
            raise Misuse("edhoc: both credentials are %s" % kid_i.hex())
        self._aead = aead
        self._cred_i = cred_i
        self._kid_i = kid_i
        self._cred_r = cred_r
        self._kid_r = kid_r
        self._c_i = b""
        self._th = b""  # H(message_1), then TH_2, TH_3 and TH_4
        self._prk = b""  # PRK_3e2m, then PRK_4e3m, then PRK_exporter
        self._state = _NEW
        self._refused = 0

    @property
    def over(self) -> bool:
        """Too many messages were refused: begin another handshake."""
        return bool(self._state == _OVER)

    def message_1(
        self, g_x: bytes, c_i: bytes, ead_1: tuple[object, ...] = (), suites: tuple[int, ...] = (SUITE,)
    ) -> bytes:
        """5.2.2. The last of `suites` is the selected one; with any but 2 only an error can come back, and
        then another message_1 follows. `ead_1`: labels and values, flat."""
        self._at(_NEW)
        if len(g_x) != _COORDINATE or not suites:
            raise Misuse("edhoc message_1: G_X of %d bytes, %d suites" % (len(g_x), len(suites)))
        message = encode(METHOD) + encode(suites[0] if len(suites) == 1 else list(suites))
        message += encode(g_x) + identifier(c_i)
        for item in ead_1:
            message += encode(item)
        if suites[-1] == SUITE:
            self._c_i = c_i
            self._th = _hash(message)
            self._state = _SENT_1
        return message

    def g_y(self, message_2: bytes) -> bytes:
        """The responder's ephemeral x-coordinate. Raises Malformed for what is no message_2."""
        self._at(_SENT_1)
        return _split(message_2)[0]

    def read_message_2(self, message_2: bytes, g_xy: bytes, g_rx: bytes) -> bytes:
        """C_R (5.3.3), once MAC_2 has proved the responder. Raises Unauthentic or Malformed."""
        self._at(_SENT_1)
        c_r: bytes = self._judged(self._read_2, message_2, g_xy, g_rx)
        return c_r

    def _read_2(self, message_2: bytes, g_xy: bytes, g_rx: bytes) -> bytes:
        g_y, sealed = _split(message_2)
        th_2 = _hash(encode(g_y) + encode(self._th))
        prk_2e = hkdf_extract(th_2, g_xy)
        plain = bytearray(_kdf(prk_2e, 0, th_2, len(sealed)))
        for i in range(len(plain)):
            plain[i] ^= sealed[i]
        plaintext = bytes(plain)

        c_r, end_c_r = _identifier(plaintext, 0)
        kid, end = _identifier(plaintext, end_c_r)
        mac, end = decode_prefix(plaintext, end)
        if not isinstance(mac, bytes) or len(mac) != _MAC:
            raise Malformed("edhoc MAC_2: not %d bytes" % _MAC)
        if kid != self._kid_r:
            raise Unauthentic("edhoc ID_CRED_R: %s" % kid.hex())

        prk = hkdf_extract(_kdf(prk_2e, 1, th_2, _HASH), g_rx)
        context = plaintext[:end_c_r] + encode({4: kid}) + encode(th_2) + self._cred_r + plaintext[end:]
        if not _same(mac, _kdf(prk, 2, context, _MAC)):
            raise Unauthentic("edhoc MAC_2")
        self._refused = _PROVED
        _check_ead(plaintext[end:])
        # Appendix A.1: the two become OSCORE's Sender and Recipient ID.
        if c_r == self._c_i or len(c_r) > MAX_OSCORE_ID:
            raise Malformed("edhoc C_R: %s" % c_r.hex())
        self._th = _hash(encode(th_2) + plaintext + self._cred_r)
        self._prk = prk
        self._refused = 0
        self._state = _READ_2
        return c_r

    def message_3(self, g_iy: bytes) -> bytes:
        """5.4.2."""
        self._at(_READ_2)
        th_3 = self._th
        prk_3e2m = self._prk
        prk_4e3m = hkdf_extract(_kdf(prk_3e2m, 5, th_3, _HASH), g_iy)
        mac = _kdf(prk_4e3m, 6, encode({4: self._kid_i}) + encode(th_3) + self._cred_i, _MAC)
        plaintext = identifier(self._kid_i) + encode(mac)
        key, nonce = _kdf(prk_3e2m, 3, th_3, AEAD_KEY), _kdf(prk_3e2m, 4, th_3, AEAD_NONCE)
        sealed = self._aead.seal(key, nonce, enc_structure(b"", th_3), plaintext)
        self._th = _hash(encode(th_3) + plaintext + self._cred_i)
        self._prk = prk_4e3m
        self._state = _SENT_3
        return encode(sealed)

    def read_message_4(self, message_4: bytes) -> None:
        """5.5.3: the responder has the same keys and knows who we are. Raises Unauthentic or Malformed."""
        self._at(_SENT_3)
        self._judged(self._read_4, message_4)

    def _read_4(self, message_4: bytes) -> None:
        th_4 = self._th
        prk_4e3m = self._prk
        sealed = _string(message_4, AEAD_TAG)
        key, nonce = _kdf(prk_4e3m, 8, th_4, AEAD_KEY), _kdf(prk_4e3m, 9, th_4, AEAD_NONCE)
        ead_4 = self._aead.open(key, nonce, enc_structure(b"", th_4), sealed)
        self._refused = _PROVED
        _check_ead(ead_4)
        self._prk = _kdf(_kdf(prk_4e3m, 7, th_4, _HASH), 10, b"", _HASH)
        self._th = b""
        self._state = _DONE

    def exporter(self, label: int, context: bytes, length: int) -> bytes:
        """EDHOC_Exporter (4.2.1), after message_4."""
        self._at(_DONE)
        return _kdf(self._prk, label, context, length)

    def oscore(self) -> tuple[bytes, bytes]:
        """OSCORE's master secret and master salt (appendix A.1)."""
        return self.exporter(0, b"", 16), self.exporter(1, b"", 8)

    def _at(self, state: int) -> None:
        if self._state != state:
            raise Misuse("edhoc: state %d where %d is needed" % (self._state, state))

    def _judged(self, read: Any, *arguments: bytes) -> Any:
        try:
            return read(*arguments)
        except Malformed:
            self._refused += 1
            if self._refused == _PATIENCE:
                self._prk = self._th = b""
                self._state = _OVER
            raise


def ccs(kid: bytes, public: bytes) -> bytes:
    """The credential (3.5.2) of the public key X || Y: a CWT claims set with a COSE key and no subject. It is
    never sent; both sides build the same bytes."""
    if len(public) != 2 * _COORDINATE:
        raise Misuse("edhoc key: %d bytes" % len(public))
    return encode({8: {1: {1: 2, 2: kid, -1: 1, -2: public[:_COORDINATE], -3: public[_COORDINATE:]}}})


def identifier(value: bytes) -> bytes:
    """A connection identifier or `kid` as it stands in a message (3.3.2): a byte that is the encoding of an
    integer from -24 to 23 stands for itself."""
    return value if _is_small(value) else encode(value)


def error(data: bytes) -> tuple[int, object] | None:
    """(code, information) of an EDHOC error message (6), None if it is none. Nobody vouches for it."""
    try:
        items = decode_sequence(data, 2)
    except Malformed:
        return None
    if len(items) != 2 or not _is_int(items[0]):
        return None
    return items[0], items[1]  # type: ignore[return-value]


def _kdf(prk: bytes, label: int, context: bytes, length: int) -> bytes:
    # 4.1.2: info is a CBOR sequence.
    return hkdf_expand(prk, encode(label) + encode(context) + encode(length), length)


def _hash(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _is_int(value: object) -> bool:
    return isinstance(value, int) and value is not True and value is not False


def _is_small(value: bytes) -> bool:
    return len(value) == 1 and value[0] & 0xDF < 0x18


def _identifier(data: bytes, at: int) -> tuple[bytes, int]:
    """(value, offset behind it) of the identifier at `at`."""
    value, end = decode_prefix(data, at)
    raw = data[at:end]
    if _is_small(raw):
        return raw, end
    if not isinstance(value, bytes) or _is_small(value):
        raise Malformed("edhoc identifier: %s" % raw.hex())
    return value, end


def _string(data: bytes, least: int) -> bytes:
    """The content of the byte string that is the whole of `data`."""
    value, end = decode_prefix(data)
    if end != len(data) or not isinstance(value, bytes) or not least <= len(value) <= _LONGEST:
        raise Malformed("edhoc message: %d bytes" % len(data))
    return value


def _split(message_2: bytes) -> tuple[bytes, bytes]:
    """(G_Y, CIPHERTEXT_2)"""
    both = _string(message_2, _COORDINATE + 1)
    return both[:_COORDINATE], both[_COORDINATE:]


def _check_ead(data: bytes) -> None:
    """3.8: what is critical (a negative label) and not known ends the session; we know none."""
    at = 0
    while at < len(data):
        label, at = decode_prefix(data, at)
        if not _is_int(label) or label < 0:  # type: ignore[operator]
            raise Malformed("edhoc EAD: %r" % (label,))
        if at < len(data) and data[at] >> 5 == 2:
            _, at = decode_prefix(data, at)


def _same(a: bytes, b: bytes) -> bool:
    difference = 0
    for i in range(_MAC):
        difference |= a[i] ^ b[i]
    return not difference
