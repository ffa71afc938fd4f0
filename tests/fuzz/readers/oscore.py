"""OSCORE: the option, whole datagrams nobody sealed, and fuzzed contents sealed with the right keys."""

from protocol import coap, oscore
from protocol.coap import Message
from protocol.errors import Malformed, Misuse, Unauthentic
from protocol.oscore import Replayed, ReplayWindow, Unreadable
from tests.fuzz.readers.coap import TOKENS as COAP
from tests.fuzz.readers.coap import look
from tests.fuzz.readers.source import Source
from tests.protocol.pair import AEAD, GATEWAY, TERMINAL, answer, gateway, over_the_air, post, terminal

TOKENS = COAP + (
    b"\x09\x00" + TERMINAL,
    b"\x19\x00\x01c" + TERMINAL,
    b"\x99\x09\x00" + TERMINAL,
    b"\x0a\x01\x00",
    b"\x01\x05",
    b"\x20",
)

_TERMINAL = terminal()
_GATEWAY = gateway()
# What was sealed here and may therefore be opened: a request, a registration, and an answer to each.
_REQUEST, _BINDING = _TERMINAL.protect_request(post())
_REGISTER, _OBSERVING = _TERMINAL.protect_request(post(code=coap.GET, options=[(coap.OBSERVE, b"")]))


# Of a datagram and of what is sealed in it, each has its own limit.
_MOST_OPTIONS = 128


def _answered(outer, fresh, options=()):
    binding = _GATEWAY.unprotect_request(over_the_air(outer))[1]
    return _GATEWAY.protect_response(answer(outer, coap.CONTENT, options=options), binding, fresh)


_ANSWER = _answered(_REQUEST, False)
_NOTIFICATION = _answered(_REGISTER, True, [(coap.OBSERVE, b"")])
SEEDS = tuple([bytes((n,)) + m.encode() for n, m in enumerate((_REQUEST, _ANSWER, _NOTIFICATION, _REGISTER))])


def oscore_option(data):
    """`peek`: an option that is taken is written again the same way."""
    try:
        kid, kid_context, piv = oscore.peek(
            Message(coap.CON, coap.POST, 1, b"t", [(coap.OSCORE, data)], b"c")
        )
    except Malformed:
        return None
    if not data:
        assert kid is None and kid_context is None and piv is None
        return b"empty"
    assert oscore._option(piv or b"", kid, kid_context) == data
    return data


def oscore_datagram(data):
    """A datagram as request (first byte even) or response (odd): only what was sealed here opens."""
    source = Source(data)
    role = source.byte()
    try:
        outer = coap.decode(source.rest())
    except Malformed:
        return None
    _GATEWAY.window = ReplayWindow()
    try:
        if role & 1:
            msg = _TERMINAL.unprotect_response(outer, _BINDING)
            assert outer.payload == _ANSWER.payload
        elif role & 2:
            _OBSERVING.notification = -1
            msg = _TERMINAL.unprotect_response(outer, _OBSERVING)
            assert outer.payload == _NOTIFICATION.payload
        else:
            msg, _ = _GATEWAY.unprotect_request(outer)
            assert outer.payload in (_REQUEST.payload, _REGISTER.payload)
    except Unreadable:
        raise AssertionError("authentic, and nobody sent it")
    except Malformed as error:
        assert _GATEWAY.window.state() == (-1, 0), "a datagram that is not authentic moved the window"
        return b"unauthentic" if isinstance(error, Unauthentic) else None
    return look(msg, _MOST_OPTIONS)


def oscore_request(data):
    """A plaintext of any bytes, sealed by the terminal: read, or Unreadable; never accepted twice."""
    source = Source(data)
    piv = source.take(source.byte() % 7)
    outside = _options(source.short())
    nonce_piv = piv[:5]
    outer = _sealed(
        _TERMINAL, TERMINAL, nonce_piv, oscore.Binding(TERMINAL, nonce_piv, b"", False), source.rest()
    )
    outer.options = [(coap.OSCORE, oscore._option(piv, TERMINAL, None))] + outside
    outer.code = coap.POST
    try:
        outer = over_the_air(outer)
    except Misuse:
        return None
    _GATEWAY.window = ReplayWindow()
    try:
        msg, binding = _GATEWAY.unprotect_request(outer)
    except Unreadable as error:
        assert error.binding.kid == TERMINAL
        _refused_again(outer)
        return b"unreadable"
    except Malformed:
        assert _GATEWAY.window.state() == (-1, 0)
        return None
    _refused_again(outer)
    said = look(msg, _MOST_OPTIONS)
    # The answer goes back, and opens.
    back = _GATEWAY.protect_response(Message(coap.ACK, coap.CHANGED, 1, b"tok", [], b"yes"), binding)
    assert (
        _TERMINAL.unprotect_response(back, oscore.Binding(TERMINAL, piv, binding.nonce, False)).payload
        == b"yes"
    )
    return said


def oscore_response(data):
    """An answer of any bytes, sealed by the gateway, to a plain request or to an observation."""
    source = Source(data)
    flags = source.byte()
    piv = source.take(flags & 7)[:5]
    outside = _options(source.short())
    binding = _OBSERVING if flags & 8 else _BINDING
    binding.notification = source.byte() - 1
    outer = _sealed(_GATEWAY, GATEWAY, piv, binding, source.rest(), binding.nonce if not piv else None)
    kid = GATEWAY if flags & 16 else None
    outer.options = [(coap.OSCORE, oscore._option(piv, kid, None) if piv or kid else b"")] + outside
    outer.code = coap.CONTENT
    before = binding.notification
    try:
        msg = _TERMINAL.unprotect_response(over_the_air(outer), binding)
    except (Malformed, Misuse) as error:
        assert isinstance(error, Malformed) or "coap option" in str(error)
        assert binding.notification == before, "a notification that was refused moved the order"
        return b"replayed" if isinstance(error, Replayed) else None
    assert binding.notification >= before and (
        not binding.observe or not piv or binding.notification > before
    )
    return look(msg, _MOST_OPTIONS)


def _options(data):
    try:
        return coap.decode_options(data)[0]
    except Malformed:
        return []


def _sealed(context, kid, piv, binding, plaintext, nonce=None):
    nonce = context._nonce(kid, piv) if nonce is None else nonce
    payload = AEAD.seal(context.sender_key, nonce, oscore._aad(binding), plaintext)
    return Message(coap.CON, coap.POST, 1, b"tok", [], payload)


def _refused_again(outer):
    try:
        _GATEWAY.unprotect_request(outer)
    except Replayed:
        return
    raise AssertionError("taken twice")
