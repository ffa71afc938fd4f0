"""AES-CCM by others, on CPython: the same key, frame and tag length."""

from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from benchmarks.timing import Work
from benchmarks.work.frames import AAD, KEY, NONCE, PLAINTEXT


def openssl():
    aead = AESCCM(KEY, tag_length=8)
    return Work(lambda: aead.encrypt(NONCE, PLAINTEXT, AAD))


def openssl_open():
    aead = AESCCM(KEY, tag_length=8)
    sealed = aead.encrypt(NONCE, PLAINTEXT, AAD)
    return Work(lambda: aead.decrypt(NONCE, sealed, AAD))


def _tlslite():
    from tlslite.utils import python_aesccm

    return python_aesccm.new(KEY, 8)


def tlslite():
    # TLS has nonces of twelve bytes; the blocks are as many.
    aead = _tlslite()
    return Work(lambda: aead.seal(NONCE[:12], PLAINTEXT, AAD))


def tlslite_open():
    aead = _tlslite()
    sealed = aead.seal(NONCE[:12], PLAINTEXT, AAD)
    return Work(lambda: aead.open(NONCE[:12], sealed, AAD))
