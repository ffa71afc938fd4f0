"""What a rule says when a promise was broken."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Violation:
    at_us: int
    rule: str
    text: str

    def __str__(self):
        return f"{self.at_us / 1e6:.3f} s, {self.rule}: {self.text}"
