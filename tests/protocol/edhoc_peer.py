"""An EDHOC responder for tests that send what an honest one never does: any plaintext, properly sealed.

It knows no curve; both ends are given the same "shared secrets". What proves the initiator right are the
trace of RFC 9529 and lakers, not this.
"""

from protocol.cbor import decode, encode
from protocol.cose import enc_structure
from protocol.edhoc import Initiator, ccs, identifier
from protocol.kdf import hashlib, hkdf_expand, hkdf_extract
from tests.protocol.pair import AEAD

G_X = bytes(range(32))
G_Y = bytes(range(32, 64))
G_XY, G_RX, G_IY = b"\x11" * 32, b"\x22" * 32, b"\x33" * 32
C_I = b"\x01"
C_R = b"\xca\xfe\x00\x07"
KID_I, KID_R = b"terminal", b"gateway!"
CRED_I, CRED_R = ccs(KID_I, bytes(64)), ccs(KID_R, b"\x01" * 64)


def kdf(prk, label, context, n):
    return hkdf_expand(prk, encode(label) + encode(context) + encode(n), n)


def sha(data):
    return hashlib.sha256(data).digest()


def initiator():
    return Initiator(AEAD, CRED_I, KID_I, CRED_R, KID_R)


def begun():
    """An initiator that waits for message_2, and its responder."""
    one = initiator()
    return one, Responder(one.message_1(G_X, C_I))


class Responder:
    def __init__(self, message_1, g_xy=G_XY, g_rx=G_RX):
        self.th_2 = sha(encode(G_Y) + encode(sha(message_1)))
        self.prk_2e = hkdf_extract(self.th_2, g_xy)
        self.prk_3e2m = hkdf_extract(kdf(self.prk_2e, 1, self.th_2, 32), g_rx)

    def message_2(self, raw_c_r=None, raw_kid=None, ead=b"", mac=None, id_cred=None):
        """`raw_*`, `ead` and `mac` as they stand in the plaintext, right or wrong."""
        raw_c_r = identifier(C_R) if raw_c_r is None else raw_c_r
        raw_kid = encode(KID_R) if raw_kid is None else raw_kid
        id_cred = encode({4: KID_R}) if id_cred is None else id_cred
        context = raw_c_r + id_cred + encode(self.th_2) + CRED_R + ead
        mac = encode(kdf(self.prk_3e2m, 2, context, 8)) if mac is None else mac
        return self.seal_2(raw_c_r + raw_kid + mac + ead)

    def seal_2(self, plaintext):
        self.plaintext_2 = plaintext
        mask = kdf(self.prk_2e, 0, self.th_2, max(1, len(plaintext)))
        sealed = bytes([plaintext[i] ^ mask[i] for i in range(len(plaintext))])
        return encode(G_Y + sealed)

    def read_message_3(self, message_3):
        """Checks all of it; the plaintext."""
        th_3 = sha(encode(self.th_2) + self.plaintext_2 + CRED_R)
        key, nonce = kdf(self.prk_3e2m, 3, th_3, 16), kdf(self.prk_3e2m, 4, th_3, 13)
        plaintext = AEAD.open(key, nonce, enc_structure(b"", th_3), decode(message_3))
        self.prk_4e3m = hkdf_extract(kdf(self.prk_3e2m, 5, th_3, 32), G_IY)
        mac = kdf(self.prk_4e3m, 6, encode({4: KID_I}) + encode(th_3) + CRED_I, 8)
        assert plaintext == encode(KID_I) + encode(mac)
        self.th_4 = sha(encode(th_3) + plaintext + CRED_I)
        return plaintext

    def message_4(self, ead=b""):
        key, nonce = kdf(self.prk_4e3m, 8, self.th_4, 16), kdf(self.prk_4e3m, 9, self.th_4, 13)
        return encode(AEAD.seal(key, nonce, enc_structure(b"", self.th_4), ead))

    def exporter(self, label, context, n):
        prk = kdf(kdf(self.prk_4e3m, 7, self.th_4, 32), 10, b"", 32)
        return kdf(prk, label, context, n)
