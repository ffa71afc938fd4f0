"""What the bench's own headquarters has of updates: releases served in blocks, and what terminals say."""

from protocol import coap, update
from protocol.errors import Malformed


class Offers:
    """`served`: {name below /u: bytes}. `said`: (kid, version, state, reason) of each `POST /u`. `answer`:
    called with (kid, path, inner request), it may give another answer."""

    def __init__(self):
        self.served = {}
        self.said = []
        self.blocks = []  # (kid, name, number) of each block that was asked for
        self.answer = None

    def serve(self, kid, path, inner):
        """The answer to a request below /u."""
        if self.answer is not None:
            message = self.answer(kid, path, inner)
            if message is not None:
                return message
        try:
            if path == "/u":
                self.said.append((kid, *update.decode_progress(inner.payload)))
                return coap.Message(coap.ACK, coap.CHANGED)
            name = path.removeprefix("/u/")
            number, _, szx = update.read_block(inner.option(update.BLOCK2) or b"")
        except Malformed as error:
            return coap.Message(coap.ACK, coap.BAD_REQUEST, payload=str(error).encode())
        self.blocks.append((kid, name, number))
        data = self.served.get(name)
        if data is None:
            return coap.Message(coap.ACK, coap.NOT_FOUND)
        begin = number << szx + 4
        part = data[begin : begin + (16 << szx)]
        more = begin + len(part) < len(data)
        options = [(update.BLOCK2, update.block_option(number, more, szx))]
        return coap.Message(coap.ACK, coap.CONTENT, options=options, payload=part)
