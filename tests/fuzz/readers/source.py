"""Fuzz bytes as small decisions: how a target builds a message that gets past a checksum or a tag.

Runs on both Pythons. An exhausted supply gives zeros, so any bytes make some message.
"""


class Source:
    """Takes from the front of `data`."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def left(self):
        return len(self.data) - self.at

    def byte(self):
        if self.at >= len(self.data):
            return 0
        self.at += 1
        return self.data[self.at - 1]

    def word(self):
        return self.byte() << 8 | self.byte()

    def take(self, n):
        """At most n bytes."""
        piece = bytes(self.data[self.at : self.at + n])
        self.at += len(piece)
        return piece

    def short(self):
        """A piece whose length stands before it, at most 63 bytes."""
        return self.take(self.byte() & 63)

    def rest(self):
        return self.take(len(self.data))

    def pick(self, choices):
        return choices[self.byte() % len(choices)]
