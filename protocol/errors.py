"""Whose fault it is. Each error is built as `Malformed("what is wrong: value")`."""


class ProtocolError(Exception):
    """Base: caught at the boundary, never inside a codec."""


class Malformed(ProtocolError):
    """The peer's bytes are wrong: count, drop, carry on."""


class Misuse(ProtocolError):
    """Our own caller is wrong: let the supervisor see it."""


class Unauthentic(Malformed):
    """A tag, a signature or a sequence number does not hold. The air never learns which."""
