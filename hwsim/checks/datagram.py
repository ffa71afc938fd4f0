"""CoAP as a listener needs it (RFC 7252, 3): header, token, options, payload. Nothing is refused that can be
read: judging is the rules' work."""

from dataclasses import dataclass

URI_PATH, OBSERVE, OSCORE = 11, 6, 9
GET, POST = 1, 2
CHANGED, CONTENT = 0x44, 0x45
_VERSION = 1
_PAYLOAD_FOLLOWS = 0xFF


@dataclass
class Datagram:
    kind: int  # 0 confirmable, 1 non-confirmable, 2 acknowledgement, 3 reset
    code: int
    message_id: int
    token: bytes
    options: list  # (number, value), in their order
    payload: bytes

    @property
    def is_request(self):
        return 0 < self.code < 0x20

    @property
    def is_response(self):
        return 0x40 <= self.code < 0xC0

    def option(self, number):
        """The first value of that option, or None."""
        for found, value in self.options:
            if found == number:
                return value
        return None

    @property
    def path(self):
        return "/" + "/".join(value.decode("utf-8", "replace") for n, value in self.options if n == URI_PATH)


def read(data):
    """The Datagram, or None when these bytes are no CoAP message."""
    if len(data) < 4 or data[0] >> 6 != _VERSION:
        return None
    length = data[0] & 0x0F
    if length > 8 or len(data) < 4 + length:
        return None
    try:
        options, payload = read_options(data, 4 + length)
    except (IndexError, ValueError):
        return None
    message_id = int.from_bytes(data[2:4], "big")
    return Datagram(data[0] >> 4 & 3, data[1], message_id, data[4 : 4 + length], options, payload)


def read_options(data, at):
    """(options, payload) from `at` on (3.1). Raises IndexError or ValueError."""
    options = []
    number = 0
    while at < len(data):
        head = data[at]
        at += 1
        if head == _PAYLOAD_FOLLOWS:
            if at == len(data):
                raise ValueError("a payload marker and no payload")
            return options, data[at:]
        delta, at = _extended(head >> 4, data, at)
        length, at = _extended(head & 15, data, at)
        if at + length > len(data):
            raise ValueError("an option longer than the message")
        number += delta
        options.append((number, data[at : at + length]))
        at += length
    return options, b""


def _extended(nibble, data, at):
    if nibble == 13:
        return data[at] + 13, at + 1
    if nibble == 14:
        return int.from_bytes(data[at : at + 2], "big") + 269, at + 2
    if nibble == 15:
        raise ValueError("15 stands for the payload marker only")
    return nibble, at
