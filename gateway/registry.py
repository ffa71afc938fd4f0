"""Who may speak: the registry in memory, kept in step with the file that `enroll` and `revoke` write."""

from collections.abc import Awaitable, Callable

from gateway.journal.base import Journal, JournalError
from gateway.journal.records import REVOKED, Terminal
from gateway.log import Log

# Revocation is to work within a second.
POLL_S = 0.25
_FEW = 8


class Registry:
    """Terminals by every name they have. `refresh` is called each POLL_S; it is one small read when nothing
    changed.

    `changed` is called with each terminal that is new or different, `commanded` with each that got a command
    from another process.
    """

    def __init__(self, journal: Journal, log: Log) -> None:
        self._journal = journal
        self._log = log
        self._revision = 0
        self._commands = 0
        self._by_kid: dict[bytes, Terminal] = {}
        self._by_unit: dict[tuple[str, str, str], Terminal] = {}
        self._revoked: dict[tuple[str, str, str], list[Terminal]] = {}
        self.changed: Callable[[Terminal], Awaitable[None]] | None = None
        self.commanded: Callable[[Terminal], None] = lambda terminal: None

    def __len__(self) -> int:
        return len(self._by_kid)

    def by_kid(self, kid: bytes) -> Terminal | None:
        return self._by_kid.get(kid)

    def by_unit(self, directorate: str, station: str, unit: str) -> Terminal | None:
        """The terminal that is this unit now, or was the last to be it: its alarms may still be open."""
        return self._by_unit.get((directorate, station, unit))

    def before(self, terminal: Terminal) -> list[Terminal]:
        """Who was this unit and was revoked, newest first, a few."""
        place = (terminal.directorate, terminal.station, terminal.unit)
        return [one for one in self._revoked.get(place, ()) if one.kid != terminal.kid][:_FEW]

    async def load(self) -> None:
        """Raises JournalError."""
        self._revision, self._commands, terminals = await self._journal.read(
            lambda tx: (*tx.revision(), tx.terminals())
        )
        for terminal in terminals:
            self._put(terminal)

    async def refresh(self) -> None:
        """Take in what other processes changed. A failure is logged; what is known stays in force."""
        try:
            registry, commands = await self._journal.read(lambda tx: tx.revision())
            if registry != self._revision:
                since = self._revision
                revision, terminals = await self._journal.read(
                    lambda tx: (tx.revision()[0], tx.terminals(since))
                )
                for terminal in terminals:
                    self._put(terminal)
                    self._log.info("registry.changed", kid=terminal.kid, state=terminal.state)
                    if self.changed is not None:
                        await self.changed(terminal)
                self._revision = revision
            if commands != self._commands:
                after = self._commands
                for kid in await self._journal.read(lambda tx: tx.commanded_since(after)):
                    known = self.by_kid(kid)
                    if known is not None:
                        self.commanded(known)
                self._commands = commands
        except JournalError as error:
            self._log.seldom("error", "registry.unreadable", error=str(error))

    def _put(self, terminal: Terminal) -> None:
        before = self._by_kid.get(terminal.kid)
        if before is not None:
            place = (before.directorate, before.station, before.unit)
            if self._by_unit.get(place) is before:
                del self._by_unit[place]
        self._by_kid[terminal.kid] = terminal
        place = (terminal.directorate, terminal.station, terminal.unit)
        if terminal.state == REVOKED:
            others = [one for one in self._revoked.get(place, ()) if one.kid != terminal.kid]
            self._revoked[place] = [terminal, *others]
        holder = self._by_unit.get(place)
        if terminal.state != REVOKED or holder is None or holder.state == REVOKED:
            self._by_unit[place] = terminal
