"""The whole gateway on fuzzed datagrams: a stranger's, an enrolled terminal's, frames, and EDHOC's responder.

One gateway lives as long as the process, with a real journal in a folder of its own: what could grow, would.
"""

import asyncio
import atexit
import contextlib
import shutil
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from gateway.clock import Clock
from gateway.edhoc import PATH
from gateway.handshake import HandshakeError, Hello, Responder
from gateway.key import GatewayKey
from protocol import cbor, coap, cose, edhoc, report
from protocol.coap import Message
from protocol.errors import Malformed, Misuse
from protocol.kdf import hkdf_extract
from tests.fuzz.readers.cbor import draw
from tests.fuzz.readers.coap import TOKENS as COAP
from tests.fuzz.readers.report import report_fields
from tests.fuzz.readers.source import Source
from tests.gateway.bench import Bench, enrolled
from tests.gateway.initiator import Ours, shared
from tests.gateway.terminal import Terminal
from tests.protocol.edhoc_peer import kdf
from tests.protocol.pair import AEAD

TOKENS = COAP + (
    b"\xf5\x03\x02\x58\x20",
    b"\x03\x02\x58\x20",
    b"\x82\x06\x02",
    b"\x01",
    b"\x41\x01",
    b"\x20",
    b"\x48",
)
_PATHS = ("/f", "/c", PATH, "/", "/u/x", "/c/c")
_SOURCES = (("192.0.2.1", 40000), ("192.0.2.2", 40000))


class _Clock(Clock):
    """Stands until a target moves it."""

    def __init__(self):
        self.ms = 1_000_000

    def wall_ms(self):
        return 1_790_000_000_000 + self.ms

    def mono_ms(self):
        return float(self.ms)


class Office:
    """A running gateway, a terminal it knows, and what it sends."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        memory = Path("/dev/shm")
        self.folder = Path(tempfile.mkdtemp(prefix="patrola-fuzz-", dir=memory if memory.is_dir() else None))
        self.clock = _Clock()
        self.bench = Bench(self.folder, edhoc={"sessions": 16, "rate": 20}, security={"contexts": 64})
        self.terminal = self.loop.run_until_complete(self._start())
        self.sent = []
        self.app = self.bench.app
        self.app.endpoint.send = lambda datagram, source: self.sent.append(datagram)
        self.mid = 0
        atexit.register(self.stop)

    async def _start(self):
        await self.bench.start(self.clock)
        return await enrolled(self.bench, context=True)

    def stop(self):
        with contextlib.suppress(Exception):
            self.loop.run_until_complete(self.bench.stop())
        shutil.rmtree(self.folder, ignore_errors=True)

    async def _settled(self, data, source):
        self.app.exchange.receive(data, source)
        while self.app.exchange.under_way or self.app.edhoc._tasks:
            await self.app.exchange.settled()
            await self.app.edhoc.drain()

    def put(self, data, source=_SOURCES[0]):
        """What the gateway answers; fails when it logs a fault of its own."""
        self.sent.clear()
        self.loop.run_until_complete(self._settled(data, source))
        text = self.bench.log.getvalue()
        for event in (
            '"internal"',
            '"datagram.failed"',
            '"unavailable"',
            '"peer.unloadable"',
            '"round.failed"',
        ):
            assert event not in text, text[-600:]
        # A log that is only written would look like a gateway that grows.
        self.bench.log.seek(0)
        self.bench.log.truncate()
        assert len(self.app.edhoc.sessions) <= 16 and len(self.app.peers) <= 64
        return list(self.sent)

    def ask(self, message):
        """A request of the enrolled terminal under OSCORE; the answer's code and the answer."""
        context = self.terminal.context
        outer, binding = context.protect_request(message)
        self.mid = self.mid + 1 & 0xFFFF
        outer.message_id, outer.token = self.mid, b"tokn"
        answers = self.put(outer.encode())
        assert len(answers) == 1, "an authentic request has one answer"
        inner = context.unprotect_response(coap.decode(answers[0]), binding)
        assert inner.code < 0xA0, coap.code_text(inner.code)
        return inner


_office = []


def office():
    if not _office:
        _office.append(Office())
    return _office[0]


def gateway_datagram(data):
    """A stranger's datagrams: one answer at most, none longer than what was asked, no state but sessions."""
    source = Source(data)
    flags = source.byte()
    here = office()
    here.clock.ms += source.byte() * 40
    if flags & 1:
        # To the resource of key establishment, with options of its own.
        options = [(coap.URI_PATH, b".well-known"), (coap.URI_PATH, b"edhoc")]
        if flags & 2:
            options += coap_options(source.short())
        if flags & 4:
            options.append((252, source.take(12)))
        message = Message(flags >> 3 & 1, coap.POST, source.word(), source.take(flags >> 4 & 3), options)
        message.payload = source.rest()
        try:
            data = message.encode()
        except Misuse:
            return None
    else:
        data = source.rest()
    peers = len(here.app.peers)
    answers = here.put(data, _SOURCES[flags >> 7])
    assert len(answers) <= 1 and sum(map(len, answers)) <= len(data), (len(data), answers)
    assert len(here.app.peers) == peers
    return bytes([coap.decode(answers[0]).code]) if answers else None


def gateway_inside(data):
    """An enrolled terminal's requests with any code, path, options and payload: never 5.xx."""
    source = Source(data)
    code = source.pick((coap.POST, coap.GET, coap.PUT, coap.FETCH, 4, 6, 31))
    path = source.pick(_PATHS)
    options = [(coap.URI_PATH, part.encode()) for part in path.strip("/").split("/") if part]
    options += [o for o in coap_options(source.short()) if o[0] not in (coap.OSCORE, coap.PROXY_URI)]
    flags = source.byte()
    payload = cbor.encode(draw(source, 3)) if flags & 1 else source.rest()
    message = Message(coap.CON, code, 0, b"", options, payload)
    try:
        return bytes([office().ask(message).code])
    except (Misuse, Malformed) as error:
        # Our own OSCORE does not send such a request.
        assert "observe" in str(error).lower() or "coap" in str(error), error
        return None


def gateway_frames(data):
    """Frames with a true signature around a fuzzed report, and others: all are stored, or none and 4.00."""
    source = Source(data)
    here = office()
    frames, good = [], 0
    for _ in range(1 + source.byte() % 7):
        flags = source.byte()
        payload = report_fields(source.short()) if flags & 1 else source.short()
        kid = here.terminal.kid if flags & 6 else b"somebody"
        frame = cose.sign1_encode(kid, payload or b"", here.terminal.sign)
        if flags & 8:
            frame = frame[:-1] + bytes((frame[-1] ^ 1,))
        try:
            fields = report.decode(payload or b"")
            good += kid == here.terminal.kid and not flags & 8 and fields is not None
        except Malformed:
            pass
        frames.append(frame)
    before = here.app.intake.stored + here.app.intake.repeats + here.app.intake.conflicts
    inner = here.ask(Message(coap.CON, coap.POST, 0, b"", [(coap.URI_PATH, b"f")], b"".join(frames)))
    after = here.app.intake.stored + here.app.intake.repeats + here.app.intake.conflicts
    whole = good == len(frames) <= 6
    assert (inner.code == coap.CHANGED) == whole, (coap.code_text(inner.code), good, len(frames))
    assert after - before == (len(frames) if whole else 0), "some of a batch was stored"
    return bytes([inner.code])


# Always the same keys: what one input does must not depend on chance more than EDHOC itself does.
_KEY = GatewayKey(ec.derive_private_key(0x5EED, ec.SECP256R1()))
_CAR = Terminal()
_CAR.take(ec.derive_private_key(0xCA7, ec.SECP256R1()))


def edhoc_responder(data):
    """message_1 with fuzzed parts, message_3 sealed around any plaintext, to lakers behind our own door."""
    source = Source(data)
    flags = source.byte()
    car = Ours(_CAR, _KEY.public)
    message_1 = car.message_1
    if flags & 1:
        message_1 = source.rest()
    elif flags & 2:
        parts = [cbor.encode(3), cbor.encode(2), message_1[2:36], b"\x01"]
        for _ in range(1 + (flags >> 6)):
            parts[source.byte() & 3] = source.short() if source.byte() & 1 else cbor.encode(draw(source, 5))
        message_1 = b"".join(parts) + source.short()
    try:
        hello = Hello(message_1)
        responder = Responder(_KEY)
        message_2 = responder.message_2(hello, b"\xca\xfe\x07")
    except HandshakeError as error:
        assert error.reason != "panic", error
        assert flags & 3, error
        return None
    assert len(message_2) < 200
    if flags & 3:
        return b"message_2"
    message_3 = _message_3(car, message_2, source, flags)
    try:
        kid = responder.message_3(message_3)
        message_4, secret, salt = responder.finish(edhoc.ccs(kid, _CAR.public_key))
    except HandshakeError as error:
        assert error.reason != "panic", error
        assert flags & 28, error
        return b"refused 3"
    assert len(secret) == 16 and len(salt) == 8 and kid == _CAR.kid
    if not flags & 28:
        assert car.secrets(message_4) == (secret, salt)
    return b"done"


def _message_3(car, message_2, source, flags):
    """The right one; any bytes (bit 2); or one sealed as only this terminal can, around fuzzed parts."""
    if not flags & 28:
        return car.message_3(message_2)[1]
    if flags & 4:
        return source.rest()
    one = car._edhoc
    g_y = one.g_y(message_2)
    one.read_message_2(message_2, shared(car._ephemeral, g_y), shared(car._ephemeral, car._gateway))
    th_3, prk_3e2m = one._th, one._prk
    prk_4e3m = hkdf_extract(kdf(prk_3e2m, 5, th_3, 32), shared(car._static, g_y))
    raw_kid = edhoc.identifier(_CAR.kid) if flags & 8 else cbor.encode(draw(source, 6))
    ead = source.short() if flags & 16 else b""
    context = cbor.encode({4: _CAR.kid}) + cbor.encode(th_3) + edhoc.ccs(_CAR.kid, _CAR.public_key) + ead
    mac = cbor.encode(kdf(prk_4e3m, 6, context, 8)) if flags & 32 else source.short()
    key, nonce = kdf(prk_3e2m, 3, th_3, 16), kdf(prk_3e2m, 4, th_3, 13)
    return cbor.encode(AEAD.seal(key, nonce, cose.enc_structure(b"", th_3), raw_kid + mac + ead))


def coap_options(data):
    try:
        return coap.decode_options(data)[0]
    except Malformed:
        return []
