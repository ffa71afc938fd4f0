"""What goes to the broker and is no frame: stages of alarms, results of commands, silent cars, and reminders
of alarms that nobody acknowledged."""

from collections import deque

from gateway.journal.base import Journal
from gateway.journal.records import Notice
from gateway.northbound import GEOJSON_TYPE, JSON_TYPE, Publication
from gateway.outgoing import Outgoing

_PAGE = 500


class Announcements:
    """Notices are in the journal until the broker confirms them; reminders are best effort."""

    def __init__(self, journal: Journal, prefix: str) -> None:
        self._journal = journal
        self._prefix = prefix
        self._notices: deque[Notice] = deque()
        self._reminders: deque[Publication] = deque()
        self._taken: set[int] = set()
        self._cursor = 0
        self._left = True

    @property
    def ready(self) -> bool:
        return bool(self._left or self._notices or self._reminders)

    @property
    def wants_read(self) -> bool:
        return self._left and not self._notices

    @property
    def waiting(self) -> bool:
        """Something that must not be lost has not been sent yet."""
        return bool(self._left or self._notices)

    def more(self) -> None:
        """Some were committed."""
        self._left = True

    def remind(self, reminders: list[tuple[str, bytes]]) -> None:
        """(topic, payload) of alarms to tell once more."""
        self._reminders.extend(Publication(topic, "panic", body, GEOJSON_TYPE) for topic, body in reminders)

    @property
    def reminding(self) -> bool:
        """Some of those were not sent yet."""
        return bool(self._reminders)

    def restart(self) -> None:
        """A new connection: from the first that is not confirmed."""
        self._notices.clear()
        self._taken.clear()
        self._reminders.clear()
        self.reread()

    def reread(self) -> None:
        """There may be some before the cursor that were another node's."""
        self._cursor = 0
        self._left = True

    def forget(self, ids: list[int]) -> None:
        """These are confirmed, and not in the journal any more."""
        self._taken.difference_update(ids)

    async def read(self) -> None:
        if not self._left or self._notices:
            return
        after = self._cursor
        self._left = False  # before the read: what is committed during it must not be forgotten
        notices = await self._journal.read(lambda tx: tx.notices(after, _PAGE))
        for notice in notices:
            if notice.id not in self._taken:
                self._taken.add(notice.id)
                self._notices.append(notice)
        if len(notices) == _PAGE:
            self._left = True
        if notices and self._cursor == after:  # nobody asked for a reread meanwhile
            self._cursor = notices[-1].id

    def pump(self, outgoing: Outgoing) -> None:
        """Send while there is room: reminders are alarms, and go first."""
        while outgoing.room and self._reminders:
            outgoing.send("reminder", None, [self._reminders.popleft()])
        while outgoing.room and self._notices:
            notice = self._notices.popleft()
            kind = GEOJSON_TYPE if notice.topic.endswith(("/panic", "/presence")) else JSON_TYPE
            # Who comes later is to know which cars are silent, and how far their updates are.
            own = notice.topic.startswith(self._prefix + "/")
            retain = own and notice.topic.endswith(("/presence", "/update"))
            message = Publication(notice.topic, "notice", notice.payload, kind, retain, notice.correlation)
            outgoing.send("notice", notice, [message])
