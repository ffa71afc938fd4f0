"""MicroPython's `cryptolib`, as far as firmware/ccm.py needs it, so that CPython can run that file too."""

import sys

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_ECB = 1
_CBC = 2


class aes:  # named as in MicroPython
    def __init__(self, key, mode, iv=None):
        self._mode = {_ECB: modes.ECB, _CBC: modes.CBC}[mode](*([] if iv is None else [iv]))
        self._key = algorithms.AES(bytes(key))

    def encrypt(self, data, into):
        encryptor = Cipher(self._key, self._mode).encryptor()
        into[:] = encryptor.update(bytes(data)) + encryptor.finalize()


def install():
    sys.modules.setdefault("cryptolib", sys.modules[__name__])
