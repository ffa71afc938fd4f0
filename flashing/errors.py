"""What a technician gets to see when something cannot be done."""


class FlashError(Exception):
    """`what` is wrong, `where`, and what to `do` about it, each a sentence or less; `command` can be pasted
    into a shell, or `add` is what the same command lacks. `reason` is one word for programs."""

    def __init__(
        self,
        what: str,
        where: str = "",
        do: str = "",
        command: str = "",
        reason: str = "failed",
        add: str = "",
    ):
        super().__init__(what)
        self.what = what
        self.where = where
        self.do = do
        self.command = command
        self.reason = reason
        self.add = add

    def as_json(self) -> dict[str, str]:
        return {
            "reason": self.reason,
            "what": self.what,
            "where": self.where,
            "do": self.do,
            "command": self.command,
        }

    def lines(self) -> list[str]:
        """As it is printed, what was asked for apart."""
        lines = [self.what]
        lines += [f"  where:  {self.where}"] if self.where else []
        lines += [f"  do:     {self.do}"] if self.do else []
        lines += [f"  run:    {self.command}"] if self.command else []
        return lines


class Usage(FlashError):
    """The command line itself is wrong: exit code 2."""

    def __init__(self, what: str, do: str = "", command: str = ""):
        super().__init__(what, "", do, command, "usage")
