"""Runs under MicroPython: the terminal's CoAP, OSCORE and AES-CCM, its datagrams as lines of hex.

    micropython tests/peers/micropython_link.py SECRET SALT SENDER_ID RECIPIENT_ID PAYLOAD

Observes `/c` and posts PAYLOAD to `/f`. Standard output: `> HEX` is a datagram to send, `= CODE HEX` an
authenticated response, `! text` a refusal. Standard input: a received datagram in hex a line.
"""

import sys

sys.path.insert(0, ".")

from binascii import hexlify, unhexlify  # noqa: E402

from firmware.ccm import AesCcm  # noqa: E402
from protocol import coap  # noqa: E402
from protocol.errors import ProtocolError  # noqa: E402
from protocol.exchange import URGENT, Client  # noqa: E402
from protocol.oscore import Context  # noqa: E402


def hexa(data):
    return hexlify(data).decode()


class Link:
    def __init__(self, context):
        self.context = context
        self.state = 7
        self.client = Client(self.random16)
        self.bindings = {}

    def random16(self):
        self.state = (self.state * 25173 + 13849) & 0xFFFF
        return self.state

    def ask(self, message):
        outer, binding = self.context.protect_request(message)
        handle = self.client.request(outer, URGENT, 0)
        self.bindings[handle.token] = binding

    def flush(self):
        for data, _ in self.client.due(0):
            print("> " + hexa(data))

    def take(self, data):
        for _, handle, message in self.client.receive(data, 0):
            try:
                inner = self.context.unprotect_response(message, self.bindings[handle.token])
            except ProtocolError as error:
                print("! " + str(error))
                continue
            self.client.done(handle)
            print("= %s %s" % (coap.code_text(inner.code), hexa(inner.payload)))


def main(secret, salt, sender, recipient, payload):
    link = Link(Context(secret, salt, sender, recipient, AesCcm()))
    observe = [(coap.OBSERVE, b""), (coap.URI_PATH, b"c")]
    link.ask(coap.Message(coap.CON, coap.GET, 0, b"", observe, b""))
    link.ask(coap.Message(coap.CON, coap.POST, 0, b"", [(coap.URI_PATH, b"f")], payload))
    link.flush()
    while True:
        line = sys.stdin.readline()
        if not line:
            return
        link.take(unhexlify(line.strip()))
        link.flush()


main(*[unhexlify(argument) for argument in sys.argv[1:6]])
