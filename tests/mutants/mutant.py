"""One planted bug."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    name: str
    file: str
    old: str
    new: str
    says: str  # what is wrong now
    checks: tuple
    quick: bool = False  # part of the short run in CI
    more: tuple = ()  # further (file, old, new) that belong to it

    @property
    def edits(self):
        return ((self.file, self.old, self.new), *self.more)

    @property
    def room(self):
        return self.file.split("/", maxsplit=1)[0]
