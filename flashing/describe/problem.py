"""One thing that is wrong with a description."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """`where`: the entry; `what` is wrong with it; what to `do`."""

    where: str
    what: str
    do: str

    def __str__(self) -> str:
        return f"{self.where} {self.what}: {self.do}"
