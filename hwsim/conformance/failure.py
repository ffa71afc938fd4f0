"""What ends a story early."""


class Failure(AssertionError):
    """The terminal (or headquarters) did not do what the clause asks; the text says what, as a sentence."""
