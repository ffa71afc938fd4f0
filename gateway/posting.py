"""The short way of an ordinary `POST /f`: from the datagram to the intake and back to 2.04, without a task,
a message object or an option list. All that is not ordinary is left, untouched, to `exchange`: a request it
does not know, a terminal that may not speak or is not in memory, what cannot be read. Only what is seldom may
be left, since it costs more there: strangers, forgeries, copies and repeats are dealt with here.

What it sends is what `exchange` would send: a test puts the same datagrams through both.
"""

import hashlib
from collections.abc import Callable
from typing import Any

from cryptography.exceptions import InvalidTag

from gateway.admission import MAX_BUSY, Admission
from gateway.clock import Clock
from gateway.contexts import Contexts
from gateway.frames import URGENT
from gateway.intake import Intake, Posted
from gateway.journal.records import ENROLLED
from gateway.observers import Observers
from gateway.ordinary import ANSWER, CHANGED, INSIDE, frames, is_bulk, outer
from gateway.peers import Peers
from gateway.refusals import Refusals
from gateway.registry import Registry
from gateway.security import Answer, Peer
from gateway.strangers import address
from protocol import coap
from protocol.oscore import Binding

# What is not taken comes again, in an overload some ten thousand of it: so many are known by their bytes, if
# they have no more than that: a repeat costs 1 us instead of 10.
_MOST = 32768
_SHORT = 512

# (peer, answer, binding, datagram, payload inside, what happened)
Fell = Callable[[Peer, Answer, Binding, bytes, bytes, Exception], None]


class Posting:
    """`fell(...)` takes over what could not be stored; `peer.busy` still counts it. `answered(seconds)` is
    told how long each of the others took."""

    def __init__(
        self,
        registry: Registry,
        contexts: Contexts,
        peers: Peers,
        intake: Intake,
        observers: Observers,
        refusals: Refusals,
        clock: Clock,
        *,
        retry_after_s: int,
        admission: Admission,
        send: Callable[[bytes, Any], None],
    ) -> None:
        self._terminal = registry.by_kid
        self._contexts = contexts
        self._entry = contexts.get
        self._peer = peers.get
        self._intake = intake
        self._observers = observers
        self._refusals = refusals
        self._clock = clock
        self._busy = coap.encode_options([(coap.MAX_AGE, coap.uint_option(retry_after_s))])
        self._admission = admission
        self._send = send
        self._receipt_ms = -1
        self._inside = b""
        # Token and terminal of bulk that was not taken in this overload.
        self._put_off: dict[bytes, tuple[bytes, Peer]] = {}
        self.fell: Fell = _unhandled
        self.answered: Callable[[float], None] = lambda seconds: None

    def take(self, data: bytes, source: Any) -> bool:
        """False: this is for `exchange`, and nothing was done with it."""
        if self._put_off and self._still(data, source):
            return True
        read = outer(data)
        if read is None:
            return False
        kid, piv, token, sealed = read
        entry = self._entry(kid)
        terminal = None if entry is None else self._terminal(entry.kid)
        if entry is None and self._contexts.may_seek:
            return False
        if entry is None or terminal is None:
            self._refuse(data, token, source, address(source), "unknown", f"kid {kid.hex()}")
            return True
        if terminal.state != ENROLLED:
            return False
        peer = self._peer(entry, terminal)
        if peer is None:
            return False
        known = peer.answers.get(piv)
        if known is not None and known.digest == hashlib.sha256(data).digest():
            return self._repeated(known, source, len(data))
        waiting, busy = self._intake.waiting, peer.busy
        if busy >= MAX_BUSY:
            self._wait(data, token, source, peer)
            return True
        number = int.from_bytes(piv, "big")
        window = peer.context.window
        if window.seen(number):
            detail = f"oscore Partial IV: {number} seen before"
            self._refuse(data, token, source, terminal.kid.hex(), "replayed", detail)
            return True
        nonce, aad = peer.seal.bind(piv, number)
        try:
            inside = peer.seal.opener.decrypt(nonce, sealed, aad)
        except InvalidTag:
            self._refuse(data, token, source, terminal.kid.hex(), "unauthentic", "oscore tag")
            return True
        if not inside.startswith(INSIDE):
            return False
        crowded = self._admission.crowded(waiting, busy)
        if crowded and is_bulk(inside):
            if len(data) <= _SHORT and len(self._put_off) < _MOST:
                self._put_off[data] = token, peer
            self._wait(data, token, source, peer)
            return True
        checked = frames(inside[len(INSIDE) :], terminal.kid)
        if checked is None:
            return False
        urgent = checked[0].new.kind in URGENT or (
            len(checked) > 1 and any(one.new.kind in URGENT for one in checked)
        )
        # While there is room for bulk there is for all.
        if crowded and not self._admission.takes(urgent, waiting, busy):
            self._wait(data, token, source, peer)
            return True
        window.mark(number)
        answer = Answer(hashlib.sha256(data).digest(), source, None)
        peer.remember(piv, answer)
        peer.busy += 1
        state = peer.persist(self._clock.wall_ms(), number, source)
        under_way = (answer, kid, piv, nonce, aad, data, inside, token, self._clock.mono_ms())
        self._intake.put(Posted(peer, checked, state, urgent, self._done, under_way))
        return True

    def _still(self, data: bytes, source: Any) -> bool:
        """Bulk that was not taken before, and cannot be now: the same bytes need not be read again."""
        waiting = self._intake.waiting
        if not self._admission.pressed(waiting):
            self._put_off.clear()
            return False
        known = self._put_off.get(data)
        if known is None or not self._admission.crowded(waiting, 0):
            return False
        self._wait(data, known[0], source, known[1])
        return True

    def _wait(self, data: bytes, token: bytes, source: Any, peer: Peer) -> None:
        """Not taken: the number is not used up, and the same bytes may come again."""
        now_ms = self._clock.mono_ms()
        if not self._admission.tells(peer.told_ms, now_ms):
            return
        peer.told_ms = now_ms
        self._refusals.note(peer.terminal.kid.hex(), "overloaded", "5.03")
        self._send(_head(data, coap.SERVICE_UNAVAILABLE) + token + self._busy, source)

    def _repeated(self, answer: Answer, source: Any, size: int) -> bool:
        """The same bytes again. Whoever is to be tried or refused once more is for `exchange`."""
        if answer.failed:
            return False
        if answer.datagram is not None:
            if source != answer.source and len(answer.datagram) > size:
                return False
            self._send(answer.datagram, source)
        return True

    @property
    def pressed(self) -> bool:
        """More comes than can be done."""
        return self._admission.pressed(self._intake.waiting)

    @property
    def waiting(self) -> int:
        """Requests under way to the disk, whichever way they came."""
        return self._intake.waiting

    async def quiet(self) -> None:
        """Returns when there are none."""
        await self._intake.quiet()

    def _done(self, posted: Posted, error: Exception | None) -> None:
        answer, kid, piv, nonce, aad, data, inside, token, began_ms = posted.context
        peer = posted.peer
        if error is not None:
            self.fell(peer, answer, Binding(kid, piv, nonce, False), data, inside[len(INSIDE) :], error)
            return
        peer.busy -= 1
        # The nonce of the request is spent, on this: nobody gets to it any more.
        sealed = peer.seal.sealer.encrypt(nonce, self._receipt(), aad)
        answer.datagram = _head(data, coap.CHANGED) + token + ANSWER + sealed
        self._send(answer.datagram, answer.source)
        self._observers.seen(peer)
        self.answered((self._clock.mono_ms() - began_ms) / 1000)

    def _receipt(self) -> bytes:
        # Of one group all have the same, mostly.
        now_ms = self._clock.wall_ms()
        if now_ms != self._receipt_ms:
            self._receipt_ms = now_ms
            self._inside = CHANGED + self._intake.receipt()
        return self._inside

    def _refuse(self, data: bytes, token: bytes, source: Any, peer: str, reason: str, detail: str) -> None:
        self._refusals.note(peer, reason, "4.01", detail)
        if self._admission.answers(self._clock.mono_ms()):
            self._send(_head(data, coap.UNAUTHORIZED) + token, source)


def _head(data: bytes, code: int) -> bytes:
    """The first four bytes of the acknowledgement of this CON."""
    return bytes((data[0] | 0x20, code, data[2], data[3]))


def _unhandled(
    peer: Peer, answer: Answer, binding: Binding, data: bytes, payload: bytes, error: Exception
) -> None:
    raise error
