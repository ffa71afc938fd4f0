"""Both sides of CoAP exchanges as small programs: datagrams, time, and what an owner may call in between."""

from protocol import coap
from protocol.coap import Message
from protocol.exchange import BULK, NOTIFICATION, RESPONSE, URGENT, Client
from protocol.responder import Reply, Request, Server
from tests.fuzz.readers.coap import TOKENS as COAP
from tests.fuzz.readers.source import Source
from tests.protocol.lossy import PERIOD, ticks_diff

TOKENS = COAP + (b"\x00\x02\x05\x00", b"\x03\x01\xf4", b"\x05\x06", b"\x06\x00", b"\x01\x04", b"\x02\x04\x06")
_STEPS = 60
_LIMIT = 4
_CODES = (0, coap.POST, coap.CHANGED, coap.CONTENT, coap.UNAUTHORIZED, 0xA3, 0x20, 0xE0)


class _Counting:
    """A generator of numbers that is bad on purpose: tokens and message ids that nearly meet."""

    def __init__(self, step):
        self.value = 0xFFF0
        self.step = step

    def __call__(self):
        self.value = self.value + self.step & 0xFFFF
        return self.value


def _datagram(source, known):
    """A message near to those under way (`known`: pairs of message id and token), or plain bytes."""
    flags = source.byte()
    if flags & 7 == 7:
        return source.short()
    code = source.pick(_CODES)
    if flags >> 3 & 3 < len(known):
        message_id, token = known[flags >> 3 & 3]
    else:
        message_id, token = source.word(), source.take(flags & 3)
    if flags & 64:
        message_id = message_id + source.byte() & 0xFFFF
    if flags & 128:
        token = source.take(4)
    elif code == 0:
        token = b""
    options = coap.encode_options([(coap.OBSERVE, source.take(1))]) if flags & 32 else b""
    payload = source.take(source.byte() & 7) if code else b""
    head = bytes((0x40 | (flags & 3) << 4 | len(token), code, message_id >> 8, message_id & 255))
    return head + token + options + (b"\xff" + payload if payload else b"")


def exchange_client(data):
    """A terminal's `Client`: whatever arrives unauthenticated, an urgent exchange goes on being sent."""
    source = Source(data)
    client = Client(_Counting(source.byte() & 3), ticks_diff, _LIMIT)
    now = PERIOD - 3000
    handles, ended = [], []
    said = []
    for _ in range(_STEPS):
        if not source.left():
            break
        op = source.byte()
        handle = handles[op >> 4 & 7] if op >> 4 & 7 < len(handles) else None
        op &= 15
        if op < 3 and len(client._exchanges) < _LIMIT:
            options = [(coap.OBSERVE, b"")] if op == 2 else []
            message = Message(coap.CON, coap.POST, options=options, payload=b"p%d" % len(handles))
            handles.append(client.request(message, URGENT if op == 1 else BULK, now, bool(source.byte() & 1)))
            assert len(set([h.token for h in client._exchanges])) == len(client._exchanges)
            assert len(set([h.message_id for h in client._exchanges])) == len(client._exchanges)
        elif op == 3:
            now = now + source.word() & PERIOD - 1
        elif op == 4:
            said.append(_due(client, now, handles, ended))
        elif op < 9:
            _heard(
                client.receive(_datagram(source, [(h.message_id, h.token) for h in handles]), now),
                handles,
                client,
                said,
            )
        elif handle is not None and op < 13:
            (client.done, client.quiet, client.cancel, client.unsent)[op - 9](handle)
            if op < 12:
                ended.append(handle)
        elif op == 13:
            client.hurry(now)
        assert len(client._exchanges) <= _LIMIT and len(client._small) <= 16 and len(client._seen) <= 16
        wait = client.wait_ms(now)
        assert wait is None or 0 <= wait <= 30000 << 5, wait
        for handle in handles:
            if handle.lane == URGENT and handle not in ended:
                assert handle in client._exchanges and wait is not None and wait <= 500, (
                    "an urgent exchange was silenced"
                )
    said.append(b"%d %d" % (client.malformed, client.unexpected))
    return b" ".join(said)


def _due(client, now, handles, ended):
    out = client.due(now)
    for datagram, handle in out:
        assert handle is None or handle in handles
        if handle is None:
            assert len(datagram) == 4
        elif handle not in ended:
            assert coap.decode(datagram).payload == b"p%d" % handles.index(handle)
    client.events()
    for _, handle in client.due(now):
        assert handle is None, "sent twice in one moment"
    client.events()
    return b"%d" % len(out)


def _heard(events, handles, client, said):
    for kind, handle, message in events:
        assert handle in handles and (message is None) == (kind not in (RESPONSE, NOTIFICATION))
        said.append(b"%d%d" % (kind, handles.index(handle)))
        if message is not None:
            assert message.token == handle.token
    assert client.events() == []


def responder_server(data):
    """The gateway's `Server`: nothing kept for a stranger, all that is kept has a limit, no answer larger."""
    source = Source(data)
    server = Server(_Counting(source.byte() & 3), limit=_LIMIT)
    now = 0
    requests, known = [], []
    said = []
    for _ in range(_STEPS):
        if not source.left():
            break
        op = source.byte()
        peer, op = op >> 4 & 1, op & 15
        request = requests[source.byte() % len(requests)] if requests and op > 8 else None
        if op < 7:
            before = len(server._cache)
            datagram = _datagram(source, known)
            got = server.receive(datagram, peer, now)
            assert len(server._cache) == before, "a stranger was remembered"
            if isinstance(got, Reply):
                assert got.datagram is None or got.reason is None or len(got.datagram) <= len(datagram)
                said.append(b"r" if got.reason is None else b"m")
            elif isinstance(got, Request):
                requests = requests[-7:] + [got]
                said.append(b"q")
        elif op == 7:
            now += source.word()
        elif op == 8:
            # In this order: a dictionary of MicroPython has none.
            known = sorted([(m.message_id, m.token) for m in [coap.decode(d) for d, _ in server.due(now)]])[
                :4
            ]
            said.append(b"d%d" % len(known))
        elif op == 9 and request is not None:
            server.begin(request)
        elif op == 10 and request is not None:
            server.ack(request)
        elif op < 13 and request is not None:
            answer = Message(coap.ACK, coap.CHANGED, payload=b"yes")
            coap.decode(server.respond(request, answer, op == 11, now))
        elif op == 13:
            server.notify(
                peer, bytes((source.byte() & 3,)), Message(coap.CON, coap.CONTENT, payload=b"n"), now
            )
        elif op == 14:
            server.forget(peer, bytes((source.byte() & 3,)))
        else:
            said.append(b"o%d" % len(server.outcomes()))
        assert len(server._cache) <= _LIMIT and len(server._sendings) <= _LIMIT, "a table outgrew its limit"
        assert len(server._tokens) <= len(server._sendings)
        wait = server.wait_ms(now)
        assert wait is None or 0 <= wait <= 3000 << 5
    return b" ".join(said)
