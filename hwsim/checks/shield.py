"""OSCORE for a listener who has the keys (RFC 8613, AES-CCM-16-64-128 and HKDF-SHA-256): opens what either
side has sealed, and says under which nonce."""

import cbor2
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_ALGORITHM = 10  # AES-CCM-16-64-128
_KEY, _NONCE, _TAG = 16, 13, 8
_ID_ROOM = _NONCE - 6


class Mark:
    """What the OSCORE option says (6.1): kid and Partial IV, None where absent."""

    def __init__(self, value):
        self.kid = self.piv = None
        if not value:
            return
        flags, at = value[0], 1
        length = flags & 7
        if length:
            self.piv = value[at : at + length]
            at += length
        if flags & 0x10:
            at += 1 + value[at]
        if flags & 0x08:
            self.kid = value[at:]


class Keys:
    """One security context. `who` in its methods is the Sender ID of the side that sealed."""

    def __init__(self, secret, salt, terminal_id, gateway_id):
        self.made_of = (secret, salt)
        self.terminal_id = terminal_id
        self.gateway_id = gateway_id
        self.identity = _derive(secret, salt, b"", "Key", 16)  # names the context, and gives nothing away
        self._ciphers = {
            an_id: AESCCM(_derive(secret, salt, an_id, "Key", _KEY), tag_length=_TAG)
            for an_id in (terminal_id, gateway_id)
        }
        self._iv = _derive(secret, salt, b"", "IV", _NONCE)

    def nonce(self, an_id, piv):
        """5.2."""
        plain = bytes([len(an_id)]) + an_id.rjust(_ID_ROOM, b"\0") + piv.rjust(5, b"\0")
        return bytes(a ^ b for a, b in zip(plain, self._iv, strict=True))

    def open(self, who, nonce, kid, piv, sealed):
        """The plaintext, or None when it is not authentic. `kid` and `piv` are the REQUEST's (5.4)."""
        aad = cbor2.dumps([1, [_ALGORITHM], kid, piv, b""])
        aad = cbor2.dumps(["Encrypt0", b"", aad])
        try:
            return self._ciphers[who].decrypt(nonce, sealed, aad)
        except (InvalidTag, ValueError):
            return None


def _derive(secret, salt, an_id, kind, length):
    info = cbor2.dumps([an_id, None, _ALGORITHM, kind, length])
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)
