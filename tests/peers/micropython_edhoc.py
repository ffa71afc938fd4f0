"""Runs under MicroPython: the terminal's EDHOC, its P-256 and its AES-CCM, a command and an answer a line.

    micropython tests/peers/micropython_edhoc.py OWN_PRIVATE EPHEMERAL_PRIVATE GATEWAY_PUBLIC

Standard input, all in hex: `1` - message_1 please; `2 HEX` - here is message_2; `4 HEX` - here is message_4.
Standard output: `1 MESSAGE_1`, `3 C_R MESSAGE_3`, `k SECRET SALT`, or `! CLASS` for what was refused.
"""

import hashlib
import sys

sys.path.insert(0, ".")

from binascii import hexlify, unhexlify  # noqa: E402

from firmware.ccm import AesCcm  # noqa: E402
from firmware.p256 import public_key  # noqa: E402
from firmware.p256_point import shared_secret  # noqa: E402
from protocol import edhoc  # noqa: E402
from protocol.errors import ProtocolError  # noqa: E402


def hexa(data):
    return hexlify(data).decode()


def dh(d, x):
    return list(shared_secret(d, x))[-1]


class Terminal:
    def __init__(self, own, ephemeral, gateway):
        public = public_key(own)
        kids = [hashlib.sha256(key).digest()[:8] for key in (public, gateway)]
        creds = [edhoc.ccs(kids[0], public), edhoc.ccs(kids[1], gateway)]
        self.own, self.ephemeral, self.gateway = own, ephemeral, gateway
        self.edhoc = edhoc.Initiator(AesCcm(), creds[0], kids[0], creds[1], kids[1])

    def take(self, kind, data):
        if kind == "1":
            return "1 " + hexa(self.edhoc.message_1(public_key(self.ephemeral)[:32], b"\x01"))
        if kind == "2":
            g_y = self.edhoc.g_y(data)
            g_xy, g_rx = dh(self.ephemeral, g_y), dh(self.ephemeral, self.gateway[:32])
            c_r = self.edhoc.read_message_2(data, g_xy, g_rx)
            return "3 %s %s" % (hexa(c_r), hexa(self.edhoc.message_3(dh(self.own, g_y))))
        self.edhoc.read_message_4(data)
        return "k %s %s" % tuple([hexa(key) for key in self.edhoc.oscore()])


def main(own, ephemeral, gateway):
    terminal = Terminal(int.from_bytes(own, "big"), int.from_bytes(ephemeral, "big"), gateway)
    while True:
        line = sys.stdin.readline()
        if not line:
            return
        kind, data = (line.strip() + " ").split(" ", 1)
        try:
            print(terminal.take(kind, unhexlify(data.strip())))
        except ProtocolError as error:
            print("! " + type(error).__name__)


main(*[unhexlify(argument) for argument in sys.argv[1:4]])
