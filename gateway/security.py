"""OSCORE at the gateway: contexts in memory, their state in the journal, cryptography by `cryptography`.

A Partial IV is claimed in the journal before its answer leaves, so a replay is refused after any crash and
by every node that shares the journal. The nonce of a request is spent on one answer only, and only by the
process whose claim is durable; every other answer takes a Partial IV of our own from a block that the journal
gave to this process alone.
"""

import math
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from cryptography.hazmat.primitives.hashes import SHA256

from gateway.contexts import GRACE_MS, Entry
from gateway.journal.base import ContextError, Journal, T, Transaction
from gateway.journal.records import NEXT, Claim, Claimed, Terminal, made
from protocol.coap import Message
from protocol.errors import Malformed, Unauthentic
from protocol.limits import AEAD_NONCE
from protocol.oscore import Binding, Context
from protocol.oscore import _aad as additional_data

RESERVE = 256
_LOW = 64
_ANSWERS = 8

# SEC 2, secp256r1: the field's prime and the group's order.
P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

_ECDSA = ec.ECDSA(SHA256())
_ZERO, _ORDER = bytes(32), N.to_bytes(32, "big")
# DER: an INTEGER of 32 bytes; a zero keeps one from being negative.
_PLAIN, _PADDED = b"\x02\x20", b"\x02\x21\x00"


class AesCcm:
    """AES-CCM-16-64-128 for `protocol.oscore`; the key schedules of one context are kept."""

    def __init__(self) -> None:
        self._ciphers: dict[bytes, AESCCM] = {}

    def cipher(self, key: bytes) -> AESCCM:
        cipher = self._ciphers.get(key)
        if cipher is None:
            cipher = self._ciphers[key] = AESCCM(key, tag_length=8)
        return cipher

    def seal(self, key: bytes, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
        return self.cipher(key).encrypt(nonce, plaintext, aad)

    def open(self, key: bytes, nonce: bytes, aad: bytes, ciphertext: bytes) -> bytes:
        try:
            return self.cipher(key).decrypt(nonce, ciphertext, aad)
        except InvalidTag:
            raise Unauthentic("oscore tag") from None


def load_public_key(xy: bytes) -> ec.EllipticCurvePublicKey:
    """X || Y. Raises ValueError when it is no point of P-256 in its only proper form."""
    if len(xy) != 64:
        raise ValueError(f"public key: {len(xy)} bytes, not 64")
    x, y = int.from_bytes(xy[:32], "big"), int.from_bytes(xy[32:], "big")
    # The library takes x + p for x: one terminal would have two ids.
    if x >= P or y >= P:
        raise ValueError("public key: coordinate not reduced modulo p")
    return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()


def verify(key: ec.EllipticCurvePublicKey, to_be_signed: bytes, signature: bytes) -> bool:
    """ES256: 64 bytes r || s over SHA-256. A high s is valid (RFC 9053 2.1 has no low-s rule)."""
    if len(signature) != 64:
        return False
    r, s = signature[:32], signature[32:]
    if not (_ZERO < r < _ORDER and _ZERO < s < _ORDER):
        return False
    # Nearly always all 32 bytes are needed.
    r = _PADDED + r if r[0] > 0x7F else _PLAIN + r if r[0] else _integer(r)
    s = _PADDED + s if s[0] > 0x7F else _PLAIN + s if s[0] else _integer(s)
    try:
        key.verify(bytes((0x30, len(r) + len(s))) + r + s, to_be_signed, _ECDSA)
    except InvalidSignature:
        return False
    return True


def _integer(number: bytes) -> bytes:
    """32 bytes, not all 0, as DER writes an INTEGER."""
    number = number.lstrip(b"\0")
    if number[0] & 0x80:
        return bytes((2, len(number) + 1, 0)) + number
    return bytes((2, len(number))) + number


# The request that was protected, or what is wrong with it although its seal is genuine.
Inside = tuple[Message | Malformed, Binding]


class Answer:
    """What became of one datagram: `datagram` is None while it is being worked on. `failed`: it got a 5.03,
    so the same bytes are worth another try, with the request that was inside; once answered, `inside` is let
    go. `tried`: it failed at least once."""

    __slots__ = ("datagram", "digest", "failed", "inside", "source", "tried")

    def __init__(self, digest: bytes, source: Any, inside: Inside | None) -> None:
        self.digest = digest
        self.source = source
        self.inside = inside
        self.datagram: bytes | None = None
        self.failed = False
        self.tried = False


class Seal:
    """What `protocol.oscore` works out anew for each request, from parts that are made once for a context.
    `opener` is for requests, `sealer` for the one answer that each has under its own nonce."""

    __slots__ = ("_aads", "_context", "_nonce", "opener", "sealer")

    def __init__(self, context: Context) -> None:
        aead: AesCcm = context._aead
        self.opener = aead.cipher(context.recipient_key)
        self.sealer = aead.cipher(context.sender_key)
        self._context = context
        self._nonce = int.from_bytes(context._nonce(context.recipient_id, b""), "big")
        self._aads: dict[int, bytes] = {}

    def bind(self, piv: bytes, number: int) -> tuple[bytes, bytes]:
        """(nonce, additional data) of the request with this Partial IV, for it and for its answer."""
        size = len(piv)
        begin = self._aads.get(size)
        if begin is None:
            # RFC 8613 5.4: the Partial IV and an empty string end it.
            binding = Binding(self._context.recipient_id, bytes(size), b"", False)
            begin = self._aads[size] = additional_data(binding)[: -size - 1]
        return (self._nonce ^ number).to_bytes(AEAD_NONCE, "big"), begin + piv + b"\x40"


class Peer:
    """A terminal's context in memory; `used(entry)` is told when its first request is durable, `heard(kid)`
    each time one is."""

    def __init__(
        self,
        terminal: Terminal,
        entry: Entry,
        context: Context,
        key: ec.EllipticCurvePublicKey,
        used: Callable[[Entry], None],
    ) -> None:
        self.terminal = terminal
        self.entry = entry
        self.context = context
        self.seal = Seal(context)
        self.used = used
        self.heard: Callable[[bytes], None] = lambda kid: None
        self.key = key
        self.source: Any = None
        self.newest = -1
        self.answers: OrderedDict[bytes, Answer] = OrderedDict()
        self.busy = 0  # while it is, the context stays in memory
        self.asking = False  # for more sequence numbers
        self.used_s = 0.0
        self.told_ms = -math.inf  # when it was last told to wait

    def note_source(self, source: Any, sequence: int) -> None:
        """Where to reach it: the address of its newest authentic datagram, not of one that came late, nor of
        a copy of one that another node got."""
        if sequence > self.newest:
            self.newest = sequence
            self.source = source

    def remember(self, piv: bytes, answer: Answer) -> None:
        self.answers[piv] = answer
        while len(self.answers) > _ANSWERS:
            self.answers.popitem(last=False)

    def persist(self, now_ms: int, number: int | None = None, source: Any = None) -> "State":
        """What has to be durable before anything more is sent. `number`: the Partial IV of the authentic
        request, from `source`, whose nonce is to be ours for one answer; without it none is."""
        limit = self.context.limit or 0
        block = RESERVE if limit - self.context.sequence < _LOW and not self.asking else 0
        self.asking = self.asking or block > 0
        entry = self.entry
        first_ms = now_ms if number is not None and entry.state == NEXT else None
        claim = made(Claim, (entry.oscore_id, entry.generation, number, block, first_ms, now_ms + GRACE_MS))
        return State(self, claim, source)

    def may_send(self) -> bool:
        """A Partial IV of our own is left."""
        return self.context.sequence < (self.context.limit or 0)


class State:
    """A step of a context, on its way to the journal: claim it in the transaction that does what the request
    asks for, then tell how it went."""

    __slots__ = ("_peer", "_source", "claim")

    def __init__(self, peer: Peer, claim: Claim, source: Any) -> None:
        self._peer = peer
        self._source = source
        self.claim = claim

    def save(self, tx: Transaction) -> Claimed:
        """Raises ContextError when this context may serve no longer, Spent when the request was answered
        before; then nothing may be done in its name."""
        (outcome,) = tx.claim([self.claim])
        if isinstance(outcome, ContextError):
            raise outcome
        return outcome

    def committed(self, claimed: Claimed) -> None:
        """Call on the loop when it is durable."""
        peer = self._peer
        if claimed.block is not None:
            # Other nodes take numbers too: these don't begin where ours end. What is left of ours is let go.
            peer.context.sequence, peer.context.limit = claimed.block
            peer.asking = False
        if self.claim.number is not None:
            peer.note_source(self._source, self.claim.number)
            peer.heard(peer.terminal.kid)
        if self.claim.first_ms is not None:
            peer.used(peer.entry)

    def failed(self) -> None:
        """Call on the loop when it came to nothing."""
        if self.claim.block:
            self._peer.asking = False

    async def write(self, journal: Journal, work: Callable[[Transaction], T]) -> T:
        """The claim and the work in one transaction. Raises what `save` does, and JournalError."""

        def both(tx: Transaction) -> tuple[Claimed, T]:
            return self.save(tx), work(tx)

        try:
            claimed, value = await journal.write(both)
        except BaseException:
            self.failed()
            raise
        self.committed(claimed)
        return value
