"""OSCORE (RFC 8613), both roles, with AES-CCM-16-64-128 and HKDF-SHA-256; the AEAD is passed in.

An `aead` has `seal(key, nonce, aad, plaintext) -> ciphertext || tag` and `open(key, nonce, aad, ciphertext)
-> plaintext`, which raises Unauthentic. Outer block-wise transfer and proxies are not supported.
"""

from protocol import coap
from protocol.cbor import encode
from protocol.coap import Message
from protocol.compat import Any, const
from protocol.cose import AES_CCM_16_64_128, enc_structure
from protocol.errors import Malformed, Misuse, Unauthentic
from protocol.kdf import hkdf_expand, hkdf_extract
from protocol.limits import AEAD_KEY, AEAD_NONCE, AEAD_TAG, MAX_OSCORE_ID, MAX_PARTIAL_IV, MAX_SEQUENCE
from protocol.replay import Replayed as Replayed
from protocol.replay import ReplayWindow as ReplayWindow

_FLAG_KID = const(0x08)
_FLAG_CONTEXT = const(0x10)
_FLAGS_RESERVED = const(0xE0)
_PIV_BITS = const(0x07)

# RFC 8613 figure 5, and Hop-Limit (16) of RFC 8768: what travels outside. Everything else is class E,
# unknown options too (4.1).
_OUTSIDE = (coap.URI_HOST, coap.URI_PORT, 16, coap.PROXY_SCHEME)


class Binding:
    """Ties responses to their request. Made by protect_request and unprotect_request, kept by the owner."""

    def __init__(self, kid: bytes, piv: bytes, nonce: bytes, observe: bool) -> None:
        self.kid = kid
        self.piv = piv
        self.nonce = nonce
        self.observe = observe
        # Server: the request's nonce has been spent on a response.
        self.answered = False
        self.notification = -1  # client: highest Partial IV among the notifications (RFC 8613 4.1.3.5.2)


class Unreadable(Malformed):
    """Authentic, and no request inside. `binding`: what protects the answer that says so."""

    def __init__(self, text: str, binding: Binding) -> None:
        super().__init__(text)
        self.binding = binding


class Context:
    """A security context (RFC 8613 3), in either role or both.

    `sequence` is the next Partial IV to be used. Protecting raises Misuse when it reaches `limit`: the owner
    stores a higher limit first, then raises it, so that no number is used twice whatever happens to power.
    """

    def __init__(
        self,
        secret: bytes,
        salt: bytes,
        sender_id: bytes,
        recipient_id: bytes,
        aead: Any,
        id_context: bytes | None = None,
        sequence: int = 0,
        limit: int | None = None,
        window: ReplayWindow | None = None,
    ) -> None:
        if len(sender_id) > MAX_OSCORE_ID or len(recipient_id) > MAX_OSCORE_ID:
            raise Misuse("oscore id: longer than %d bytes" % MAX_OSCORE_ID)
        if sender_id == recipient_id:
            raise Misuse("oscore ids: both %s" % sender_id.hex())
        self.sender_id = sender_id
        self.recipient_id = recipient_id
        self.id_context = id_context
        self.sequence = sequence
        self.limit = limit
        self.window = ReplayWindow() if window is None else window
        self._aead = aead
        prk = hkdf_extract(salt, secret)
        self.sender_key = _derive(prk, sender_id, id_context, "Key", AEAD_KEY)
        self.recipient_key = _derive(prk, recipient_id, id_context, "Key", AEAD_KEY)
        self.common_iv = _derive(prk, b"", id_context, "IV", AEAD_NONCE)

    def protect_request(self, msg: Message) -> tuple[Message, Binding]:
        """The request as it goes on the air, and what its responses will be checked with (8.1)."""
        if not msg.is_request():
            raise Misuse("oscore request: code %s" % coap.code_text(msg.code))
        piv = self._next_piv()
        nonce = self._nonce(self.sender_id, piv)
        observe = msg.option(coap.OBSERVE)
        binding = Binding(self.sender_id, piv, nonce, msg.uint(coap.OBSERVE) == 0)
        value = _option(piv, self.sender_id, self.id_context)
        code = coap.POST if observe is None else coap.FETCH
        return self._seal(msg, code, value, nonce, binding, observe), binding

    def unprotect_request(self, outer: Message) -> tuple[Message, Binding]:
        """The request inside (8.2). Raises Malformed, Unreadable, Replayed or Unauthentic.

        Only an authenticated request is marked in the window.
        """
        kid, kid_context, piv = peek(outer)
        if not outer.is_request():
            raise Malformed("oscore request: outer code %s" % coap.code_text(outer.code))
        if kid is None or piv is None:
            raise Malformed("oscore request: without kid or Partial IV")
        if kid != self.recipient_id or (kid_context is not None and kid_context != self.id_context):
            raise Unauthentic("oscore kid: %s" % kid.hex())
        sequence = int.from_bytes(piv, "big")
        if self.window.seen(sequence):
            raise Replayed("oscore Partial IV: %d seen before" % sequence)
        nonce = self._nonce(kid, piv)
        binding = Binding(kid, piv, nonce, False)
        plaintext = self._open(outer, nonce, binding)
        self.window.mark(sequence)
        try:
            msg = _inner(outer, plaintext)
            if not msg.is_request():
                raise Malformed("oscore request: inner code %s" % coap.code_text(msg.code))
            binding.observe = msg.uint(coap.OBSERVE) == 0
        except Malformed as error:
            raise Unreadable(str(error), binding)
        return msg, binding

    def protect_response(self, msg: Message, binding: Binding, fresh: bool = False) -> Message:
        """The response as it goes on the air (8.3). `fresh` spends a Partial IV of our own: needed for each
        notification, and for every response after the first to one request."""
        if not msg.is_response():
            raise Misuse("oscore response: code %s" % coap.code_text(msg.code))
        if fresh:
            piv = self._next_piv()
            nonce = self._nonce(self.sender_id, piv)
            value = _option(piv, None, None)
        else:
            # A second message under one nonce would give both away.
            if binding.answered:
                raise Misuse("oscore response: the request's nonce is spent")
            binding.answered = True
            nonce = binding.nonce
            value = b""
        observe = msg.option(coap.OBSERVE)
        code = coap.CHANGED if observe is None else coap.CONTENT
        return self._seal(msg, code, value, nonce, binding, observe)

    def unprotect_response(self, outer: Message, binding: Binding) -> Message:
        """The response inside (8.4). Observe, if present, is the notification's number modulo 2^24.

        Raises Malformed, Unauthentic, or Replayed for a notification that is not newer than the last one.
        """
        kid, _, piv = peek(outer)
        if not outer.is_response():
            raise Malformed("oscore response: outer code %s" % coap.code_text(outer.code))
        if kid is not None and kid != self.recipient_id:
            raise Unauthentic("oscore kid: %s" % kid.hex())
        sequence = -1
        nonce = binding.nonce
        if piv is not None:
            sequence = int.from_bytes(piv, "big")
            nonce = self._nonce(self.recipient_id, piv)
        # The answer to the registration may do without a Partial IV; nothing after it may.
        stale = binding.notification >= 0 if piv is None else sequence <= binding.notification
        if binding.observe and stale:
            raise Replayed("oscore notification: %d after %d" % (sequence, binding.notification))
        msg = _inner(outer, self._open(outer, nonce, binding))
        if not msg.is_response():
            raise Malformed("oscore response: inner code %s" % coap.code_text(msg.code))
        if binding.observe:
            if piv is not None:
                binding.notification = sequence
            if msg.option(coap.OBSERVE) is not None:
                number = coap.uint_option(max(sequence, 0) & 0xFFFFFF)
                msg.options = [(n, number if n == coap.OBSERVE else value) for n, value in msg.options]
        return msg

    def _next_piv(self) -> bytes:
        sequence = self.sequence
        if sequence > MAX_SEQUENCE or (self.limit is not None and sequence >= self.limit):
            raise Misuse("oscore sequence: %d is not reserved" % sequence)
        self.sequence = sequence + 1
        return sequence.to_bytes(MAX_PARTIAL_IV, "big").lstrip(b"\0") or b"\0"

    def _nonce(self, id_piv: bytes, piv: bytes) -> bytes:
        # 5.2: length of the id, the id padded to 7, the Partial IV padded to 5, all over the Common IV.
        nonce = bytearray(self.common_iv)
        nonce[0] ^= len(id_piv)
        at = 1 + MAX_OSCORE_ID - len(id_piv)
        for byte in id_piv:
            nonce[at] ^= byte
            at += 1
        at = AEAD_NONCE - len(piv)
        for byte in piv:
            nonce[at] ^= byte
            at += 1
        return bytes(nonce)

    def _seal(
        self, msg: Message, code: int, value: bytes, nonce: bytes, binding: Binding, observe: bytes | None
    ) -> Message:
        inside = []
        outside = [(coap.OSCORE, value)]
        for number, content in msg.options:
            if number == coap.PROXY_URI or number == coap.OSCORE:
                raise Misuse("oscore: cannot protect option %d" % number)
            if number in _OUTSIDE:
                outside.append((number, content))
            elif number == coap.OBSERVE:
                # 4.1.3.5: outside for those between, inside for the peer; empty in a response.
                outside.append((number, content))
                inside.append((number, content if msg.is_request() else b""))
            else:
                inside.append((number, content))
        plaintext = bytes([msg.code]) + coap.encode_options(inside)
        if msg.payload:
            plaintext += b"\xff" + msg.payload
        sealed = self._aead.seal(self.sender_key, nonce, _aad(binding), plaintext)
        return Message(msg.type, code, msg.message_id, msg.token, outside, sealed)

    def _open(self, outer: Message, nonce: bytes, binding: Binding) -> bytes:
        if len(outer.payload) <= AEAD_TAG:
            raise Malformed("oscore ciphertext: %d bytes" % len(outer.payload))
        plaintext: bytes = self._aead.open(self.recipient_key, nonce, _aad(binding), outer.payload)
        return plaintext


def peek(outer: Message) -> tuple[bytes | None, bytes | None, bytes | None]:
    """(kid, kid context, Partial IV) of the OSCORE option, None where absent; raises Malformed (6.1).

    Unauthentic when there is no such option: the message is not protected.
    """
    value = None
    for number, content in outer.options:
        if number == coap.OSCORE:
            if value is not None:
                raise Malformed("oscore option: twice")
            value = content
    if value is None:
        raise Unauthentic("oscore: option missing")
    kid = kid_context = piv = None
    if not value:
        return kid, kid_context, piv
    flags = value[0]
    n = flags & _PIV_BITS
    if flags == 0 or flags & _FLAGS_RESERVED or n > MAX_PARTIAL_IV:
        raise Malformed("oscore flags: 0x%02x" % flags)
    at = 1
    if n:
        piv = value[at : at + n]
        at += n
        if len(piv) != n or (n > 1 and piv[0] == 0):
            raise Malformed("oscore Partial IV: %s" % piv.hex())
    if flags & _FLAG_CONTEXT:
        n = value[at] if at < len(value) else 0xFF
        at += 1
        kid_context = value[at : at + n]
        at += n
        if len(kid_context) != n:
            raise Malformed("oscore kid context: cut short")
    if flags & _FLAG_KID:
        kid = value[at:]
        at = len(value)
    if at != len(value):
        raise Malformed("oscore option: %d bytes, %d used" % (len(value), at))
    return kid, kid_context, piv


def _option(piv: bytes, kid: bytes | None, kid_context: bytes | None) -> bytes:
    flags = len(piv)
    tail = b""
    if kid_context is not None:
        flags |= _FLAG_CONTEXT
        tail = bytes([len(kid_context)]) + kid_context
    if kid is not None:
        flags |= _FLAG_KID
        tail += kid
    return bytes([flags]) + piv + tail


def _derive(prk: bytes, an_id: bytes, id_context: bytes | None, kind: str, n: int) -> bytes:
    return hkdf_expand(prk, encode([an_id, id_context, AES_CCM_16_64_128, kind, n]), n)


def _aad(binding: Binding) -> bytes:
    # 5.4: version 1, the algorithm, the REQUEST's kid and Partial IV, no class I options.
    return enc_structure(b"", encode([1, [AES_CCM_16_64_128], binding.kid, binding.piv, b""]))


def _inner(outer: Message, plaintext: bytes) -> Message:
    if not plaintext:
        raise Malformed("oscore plaintext: empty")
    inside, payload = coap.decode_options(plaintext, 1)
    options = inside
    for number, content in outer.options:
        # 8.2 step 2: what belongs inside and stands outside is discarded; nobody vouches for it.
        if number in _OUTSIDE:
            options = options + [(number, content)]
    return Message(outer.type, plaintext[0], outer.message_id, outer.token, options, payload)
