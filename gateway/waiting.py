"""What waits for the broker, and which of it is read from the journal next: frames, notices, replays."""

from gateway.announcements import Announcements
from gateway.journal.base import Journal
from gateway.queues import Backlog
from gateway.replay import Replays

PAGE = 500


class Waiting:
    """`read` is called by the relay's task alone, when nothing is being marked: a read would bring again what
    is."""

    def __init__(
        self, journal: Journal, backlog: Backlog, announcements: Announcements, replays: Replays
    ) -> None:
        self._journal = journal
        self._backlog = backlog
        self._announcements = announcements
        self._replays = replays
        self._lapses = 0
        self._handed = False  # there may be rows for us before the cursor

    @property
    def ready(self) -> bool:
        """There may be something to send or to read, replays aside."""
        backlog = self._backlog
        return self._announcements.ready or backlog.ready or backlog.wants_read or self._handed

    @property
    def any(self) -> bool:
        """Something that must not be lost has not been sent yet."""
        return self._announcements.waiting or self._backlog.ready or self._backlog.wants_read

    @property
    def wants_read(self) -> bool:
        """What goes next is in the journal."""
        backlog = self._backlog
        if self._handed or self._announcements.wants_read or backlog.express is not None:
            return True
        return not backlog.ready and (backlog.wants_read or self._replays.wants_read)

    def restart(self, first: int | None, marked: list[int]) -> None:
        """A new connection: everything from the first row on that is not relayed, but for those of which the
        broker has told us already."""
        self._backlog.restart(first, marked)
        self._announcements.restart()
        self._replays.restart()

    def stir(self) -> None:
        """There may be rows for us that nobody offered."""
        self._handed = True
        self._backlog.stir()
        self._announcements.reread()

    def lapsed(self) -> None:
        """What waits here may be another node's, or older rows than those became ours: only what the journal
        says now, from the first row on."""
        self._lapses += 1
        self._backlog.drop()
        self.stir()

    async def read(self) -> None:
        """Raises JournalError. Alarms' terminals first; replays when nothing else waits."""
        lapses = self._lapses
        if self._handed:
            self._handed = False
            self._backlog.reread(await self._journal.read(lambda tx: tx.first_unrelayed()))
            if self._handed:
                self._backlog.stir()  # more were stored for us meanwhile: that read did not see them
        await self._announcements.read()
        # What is read after a lapse may be newer than rows before the cursor: then the next read begins anew.
        while lapses == self._lapses and (express := self._backlog.express) is not None:
            await self._read_express(*express)
        if lapses != self._lapses:
            return
        if self._backlog.wants_read and not self._backlog.ready:
            after, committed = self._backlog.cursor, self._backlog.committed
            rows = await self._journal.read(lambda tx: tx.frames(after, PAGE, unrelayed=True))
            if lapses == self._lapses:
                self._backlog.page([(row, None) for row in rows], len(rows) < PAGE, committed)
        elif not self._backlog.ready:
            await self._replays.read()

    async def _read_express(self, kid: bytes, after: int) -> None:
        self._backlog.reading(kid)
        lapses = self._lapses
        rows = await self._journal.read(lambda tx: tx.frames(after, PAGE, kid, unrelayed=True))
        if lapses == self._lapses:
            self._backlog.express_page(kid, [(row, None) for row in rows], len(rows) < PAGE)
