"""Updates of the terminals' program, as the terminals see them: `GET /u/<name>` in blocks, `POST /u` for how
far they are; and what follows from that for the roll-out.

Block-wise inside OSCORE (RFC 8613 4.1.3.4.1): each block is sealed by itself, so the terminal writes nothing
to its flash that the gateway did not say, and nobody keeps state between two blocks. These parts run in the
journal's transaction of the request.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from gateway import audit
from gateway.clock import Clock
from gateway.frames import Refused
from gateway.journal.base import Journal, Transaction
from gateway.journal.records import OPEN_STATES, SUPERSEDED, Terminal
from gateway.journal.updates import PAUSED, RUNNING, Rollout, StoredRelease, Update
from gateway.log import Log, iso
from gateway.northbound import encode
from gateway.security import Peer, State
from gateway.topics import unit_topic
from protocol import coap, update
from protocol.coap import Message
from protocol.errors import Malformed

STATES = {
    update.ASKED: "asked",
    update.FETCHING: "fetching",
    update.READY: "ready",
    update.TRYING: "trying",
    update.DONE: "done",
    update.REFUSED: "refused",
    update.FELL_BACK: "fell_back",
}
# How long a terminal waits before it asks again: the roll-out is paused, or alarms have the way.
_PAUSED_S = 600
_BUSY_S = 30
# So many requests on their way to the disk, and a block waits for another time.
_BUSY = 64
# What is told northbound of a transfer under way: each quarter. The row follows each so many blocks.
_QUARTERS = 4
_KEPT = 4
_TAG = 4
_SUFFIX = {".suit": False, ".romfs": True}


@dataclass
class Answered:
    """What a request for an update comes to: the answer, and what is to be logged when it is durable."""

    code: int
    payload: bytes = b""
    options: list[tuple[int, bytes]] = field(default_factory=list)
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    told: bool = False


class Updater:
    """`waiting()`: how many requests are on their way to the disk; `on_notices()`: something waits for the
    broker."""

    def __init__(
        self, journal: Journal, log: Log, clock: Clock, prefix: str, waiting: Callable[[], int]
    ) -> None:
        self._journal = journal
        self._log = log
        self._clock = clock
        self._prefix = prefix
        self._waiting = waiting
        self._images: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self.on_notices: Callable[[], None] = lambda: None

    async def serve(self, peer: Peer, inner: Message, path: str, state: State) -> Answered:
        """Raises Refused, and what `state.write` does."""
        terminal = peer.terminal
        now_ms = self._clock.wall_ms()
        if path == "/u":
            if inner.code != coap.POST:
                raise Refused(coap.METHOD_NOT_ALLOWED, "POST only", "method")
            version, said, reason = update.decode_progress(inner.payload)
            # It ends in the database, and on somebody's screen.
            reason = "".join(one if one.isprintable() else "?" for one in reason)
            answer = await state.write(
                self._journal, lambda tx: progress(tx, self._prefix, terminal, version, said, reason, now_ms)
            )
            for event, facts in answer.events:
                level = self._log.error if event == "rollout.paused" else self._log.info
                level(event, kid=terminal.kid, **facts)
            if answer.told:
                self.on_notices()
            return answer
        if inner.code != coap.GET:
            raise Refused(coap.METHOD_NOT_ALLOWED, "GET only", "method")
        board, version, is_image = _named(path)
        block = inner.option(update.BLOCK2)
        number, _, szx = update.read_block(block) if block is not None else (0, False, update.SZX_MOST)
        if self._waiting() >= _BUSY:
            return await state.write(self._journal, lambda tx: _later(_BUSY_S))
        image = await self._image(board, version) if is_image else None
        offset = number << szx + 4

        def work(tx: Transaction) -> Answered:
            release = tx.release(board, version)
            if release is None or release.withdrawn_ms is not None:
                return Answered(coap.NOT_FOUND, b"no such release")
            own = tx.update_of(terminal.kid)
            if own is not None and own.version == version and _paused(tx, own):
                return _later(_PAUSED_S)
            told = False
            if image is not None and own is not None and own.version == version and not own.ended:
                told = _fetched(tx, self._prefix, terminal, own, offset, release.size, now_ms)
            if image is None:
                return _block(release.manifest, sha256(release.manifest).digest(), number, szx, told)
            return _block(image, release.digest, number, szx, told)

        answer = await state.write(self._journal, work)
        if answer.told:
            self.on_notices()
        return answer

    async def _image(self, board: str, version: int) -> bytes:
        name = (board, version)
        found = self._images.get(name)
        if found is None:
            found = await self._journal.read(lambda tx: tx.release_image(board, version)) or b""
            if not found:
                return found
            self._images[name] = found
            while len(self._images) > _KEPT:
                self._images.popitem(last=False)
        self._images.move_to_end(name)
        return found


def _named(path: str) -> tuple[str, int, bool]:
    """(board, version, image and not manifest) of /u/<board>-<version>.<suit or romfs>."""
    name = path.removeprefix("/u/")
    for suffix, is_image in _SUFFIX.items():
        if name.endswith(suffix):
            board, dash, version = name.removesuffix(suffix).rpartition("-")
            try:
                number = update.version_number(version)
            except Malformed:
                break
            # PostgreSQL cannot even look for some of what is not printable.
            if dash and board.isprintable() and board and "/" not in board:
                return board, number, is_image
    raise Refused(coap.NOT_FOUND, path[:40], "path")


def _later(seconds: int) -> Answered:
    return Answered(coap.SERVICE_UNAVAILABLE, options=[(coap.MAX_AGE, coap.uint_option(seconds))])


def _block(data: bytes, digest: bytes, number: int, szx: int, told: bool) -> Answered:
    """One block of it (RFC 7959 2.4); its entity tag tells two representations apart."""
    size = 16 << szx
    begin = number * size
    if begin >= len(data):
        raise Refused(coap.BAD_REQUEST, f"block {number}: past the end", "option")
    more = begin + size < len(data)
    options = [
        (update.ETAG, digest[:_TAG]),
        (update.BLOCK2, update.block_option(number, more, szx)),
    ]
    if number == 0:
        options.append((update.SIZE2, coap.uint_option(len(data))))
    return Answered(coap.CONTENT, data[begin : begin + size], options, told=told)


def _paused(tx: Transaction, own: Update) -> bool:
    rollout = tx.rollout(own.rollout)
    return rollout is not None and rollout.state == PAUSED


def _fetched(
    tx: Transaction, prefix: str, terminal: Terminal, own: Update, offset: int, size: int, now_ms: int
) -> bool:
    """A block is on its way: how far it is, told each quarter."""
    before, after = (at * _QUARTERS // max(size, 1) for at in (own.done, offset))
    if after <= before and own.size == size:
        return False
    now = replace(own, done=offset, size=size, changed_ms=now_ms)
    tx.put_update(now)
    tell(tx, prefix, terminal, now, now_ms)
    return True


def progress(
    tx: Transaction, prefix: str, terminal: Terminal, version: int, state: int, reason: str, now_ms: int
) -> Answered:
    """What a terminal says of its update. 2.04: go on; 4.04: it is not wanted any more; 5.03: wait."""
    own = tx.update_of(terminal.kid)
    if own is None or own.version != version:
        # By cable, or from before a restored copy: nothing here waits for it, and it need not say so again.
        gone = state in (update.FETCHING, update.READY)
        return Answered(coap.NOT_FOUND if gone else coap.CHANGED)
    if state == update.READY and _paused(tx, own):
        return _later(_PAUSED_S)
    answer = Answered(coap.CHANGED)
    if (own.state, own.reason) != (state, reason):
        done = own.size if state in (update.READY, update.TRYING, update.DONE) else own.done
        now = replace(own, state=state, reason=reason, done=done, changed_ms=now_ms)
        tx.put_update(now)
        tell(tx, prefix, terminal, now, now_ms)
        answer.told = True
        facts = {"version": update.version_text(version), "reason": reason, "rollout": own.rollout}
        answer.events.append((f"update.{STATES[state]}", facts))
        if state in update.FAILED:
            answer.events += _judge(tx, own.rollout, now_ms)
    if state in (update.FETCHING, update.READY) and _served(tx, version) is None:
        answer.code = coap.NOT_FOUND
    return answer


def _served(tx: Transaction, version: int) -> StoredRelease | None:
    for release in tx.releases():
        if release.version == version and release.withdrawn_ms is None:
            return release
    return None


def _judge(tx: Transaction, number: int, now_ms: int) -> list[tuple[str, dict[str, Any]]]:
    """One more has failed: is the roll-out to go on?"""
    rollout = tx.rollout(number)
    failed = tx.failed_updates(number)
    if rollout is None or rollout.state != RUNNING or failed <= rollout.most_failures:
        return []
    reason = f"{failed} terminals failed, {rollout.most_failures} may"
    pause(tx, rollout, reason, now_ms)
    audit.note(tx, now_ms, "gateway", audit.LOCAL, "rollout.paused", f"rollout {number}", "done", reason)
    return [("rollout.paused", {"rollout": number, "reason": reason})]


def pause(tx: Transaction, rollout: Rollout, reason: str, now_ms: int, state: str = PAUSED) -> None:
    """Nobody begins; who fetches waits, and nobody starts what lies ready."""
    tx.set_rollout(rollout.id, state, reason, now_ms)
    for own in tx.updates(rollout.id):
        if own.state == update.ASKED:
            for command in tx.open_commands(own.kid):
                if command.kind == update.COMMAND and command.state in OPEN_STATES:
                    tx.set_command(command.id, SUPERSEDED)


def refused_command(
    tx: Transaction, prefix: str, terminal: Terminal, reason: str, now_ms: int
) -> Answered | None:
    """The terminal did not take the notice itself: its program is from before updates, or its board has no
    room for a second one."""
    own = tx.update_of(terminal.kid)
    if own is None or own.state != update.ASKED:
        return None
    return progress(tx, prefix, terminal, own.version, update.REFUSED, reason, now_ms)


def tell(tx: Transaction, prefix: str, terminal: Terminal, own: Update, now_ms: int) -> None:
    """On the unit's topic `update`, retained: where its update stands."""
    body = {"kid": terminal.kid.hex(), **describe(own), "time": iso(now_ms)}
    tx.add_notice(terminal.kid, f"{unit_topic(prefix, terminal)}/update", encode(body), None, now_ms)


def describe(own: Update) -> dict[str, Any]:
    """An update as topics and `list` show it."""
    body = {
        "version": update.version_text(own.version),
        "state": STATES[own.state],
        "rollout": own.rollout,
        "bytes": own.done,
        "of": own.size,
        "changed": iso(own.changed_ms),
    }
    if own.reason:
        body["reason"] = own.reason
    return body
