"""AES-CCM (RFC 3610, NIST SP 800-38C) over `cryptolib`, which has ECB and CBC but no CTR.

The CBC-MAC is one CBC call over the whole padded input, the key stream one ECB call over all
counter blocks, and the exclusive-or one operation on big integers: the interpreter's share of a
frame is the same for 10 bytes and for 1,000.

Protected: the tag is compared in full, whatever its first differing byte. Not protected: timing
of AES itself is that of the port's library (a chip's AES unit, or tables), of the exclusive-or
that of MicroPython's big integers; both depend on lengths, which are public, and slightly on data.
"""

import cryptolib

from protocol.errors import Misuse, Unauthentic

_ECB = 1
_CBC = 2


class AesCcm:
    """CCM with a fixed tag and nonce length; the default is AES-CCM-16-64-128 (COSE algorithm 10).

    `seal` and `open` take the key at each call, as OSCORE has one for each direction.
    """

    def __init__(self, tag_length=8, nonce_length=13):
        if tag_length not in (4, 6, 8, 10, 12, 14, 16):
            raise Misuse("ccm: tag length %d" % tag_length)
        if not 7 <= nonce_length <= 13:
            raise Misuse("ccm: nonce length %d" % nonce_length)
        self.tag_length = tag_length
        self.nonce_length = nonce_length

    def seal(self, key, nonce, aad, plaintext):
        """Return ciphertext || tag."""
        self._check(key, nonce, len(plaintext))
        mac = self._mac(key, nonce, aad, plaintext)
        return self._apply_stream(key, nonce, plaintext, mac)

    def open(self, key, nonce, aad, ciphertext):
        """Return the plaintext; raise Unauthentic if the tag is wrong or missing."""
        tag_length = self.tag_length
        length = len(ciphertext) - tag_length
        if length < 0:
            raise Unauthentic("ccm: %d bytes cannot hold a tag" % len(ciphertext))
        self._check(key, nonce, length)
        view = memoryview(ciphertext)
        both = self._apply_stream(key, nonce, view[:length], view[length:])
        plaintext = both[:length]
        mac = self._mac(key, nonce, aad, plaintext)
        difference = 0
        for i in range(tag_length):
            difference |= mac[i] ^ both[length + i]
        if difference:
            raise Unauthentic("ccm: tag")
        return plaintext

    def _check(self, key, nonce, length):
        # A wrong key or nonce length is our caller's mistake, never the peer's.
        if len(key) != 16:
            raise Misuse("ccm: key of %d bytes" % len(key))
        if len(nonce) != self.nonce_length:
            raise Misuse("ccm: nonce of %d bytes" % len(nonce))
        if length >> (8 * (15 - self.nonce_length)):
            raise Misuse("ccm: message of %d bytes" % length)

    def _mac(self, key, nonce, aad, plaintext):
        """CBC-MAC over B_0, the encoded aad and the plaintext (RFC 3610 section 2.2)."""
        aad_length = len(aad)
        length = len(plaintext)
        if not aad_length:
            head = b""
        elif aad_length < 0xFF00:
            head = aad_length.to_bytes(2, "big")
        else:
            head = b"\xff\xfe" + aad_length.to_bytes(4, "big")
        aad_end = 16 + len(head) + aad_length
        start = (aad_end + 15) & ~15
        blocks = bytearray((start + length + 15) & ~15)
        size_bytes = 15 - self.nonce_length
        blocks[0] = (64 if aad_length else 0) | ((self.tag_length - 2) << 2) | (size_bytes - 1)
        blocks[1 : 1 + self.nonce_length] = nonce
        blocks[1 + self.nonce_length : 16] = length.to_bytes(size_bytes, "big")
        blocks[16 : 16 + len(head)] = head
        blocks[16 + len(head) : aad_end] = aad
        blocks[start : start + length] = plaintext
        cryptolib.aes(key, _CBC, bytes(16)).encrypt(blocks, blocks)
        return memoryview(blocks)[-16:]

    def _apply_stream(self, key, nonce, text, tag):
        """Encrypt or decrypt: text with blocks A_1.., tag with A_0. Returns text || tag."""
        length = len(text)
        tag_length = self.tag_length
        count = 1 + (length + 15) // 16
        stream = bytearray(16 * count)
        size_bytes = 15 - self.nonce_length
        first = bytes([size_bytes - 1]) + bytes(nonce) + bytes(size_bytes)
        for i in range(count):
            at = 16 * i
            stream[at : at + 16] = first
            stream[at + 15] = i & 255
            stream[at + 14] |= (i >> 8) & 255
            if i > 65535:  # only nonces of 12 bytes and fewer leave room for a longer message
                stream[at + 13] |= (i >> 16) & 255
        cryptolib.aes(key, _ECB).encrypt(stream, stream)
        # Text and tag side by side, so that one exclusive-or serves both.
        result = bytearray(length + tag_length)
        result[:length] = text
        result[length:] = tag[:tag_length]
        mask = bytes(stream[16 : 16 + length]) + bytes(stream[:tag_length])
        mixed = int.from_bytes(result, "big") ^ int.from_bytes(mask, "big")
        return mixed.to_bytes(length + tag_length, "big")
