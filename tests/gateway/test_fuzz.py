"""The datagram's entrance under arbitrary input: nothing escapes, nothing is stored, nothing is amplified."""

import asyncio

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.floodgate import Floodgate
from protocol import cbor, coap, cose, report
from protocol.coap import Message
from protocol.oscore import Context
from tests.gateway.bench import Bench, enrolled, key_of
from tests.gateway.initiator import Ours, third
from tests.gateway.initiator import first as initiator_first
from tests.gateway.terminal import Terminal
from tests.protocol.pair import AEAD

SOURCE = ("192.0.2.1", 40000)
AGAIN = settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)

raw = st.binary(max_size=1400)
option = st.tuples(
    st.sampled_from([1, 3, 5, 6, 7, 9, 9, 9, 11, 12, 14, 17, 23, 27, 35, 39, 60]), st.binary(max_size=20)
)
messages = st.builds(
    Message,
    st.integers(0, 3),
    st.integers(0, 255),
    st.integers(0, 65535),
    st.binary(max_size=8),
    st.lists(option, max_size=6),
    st.binary(max_size=300),
)


def encoded(message):
    try:
        return message.encode()
    except Exception:
        # What a strict encoder refuses is sent all the same: the header by hand.
        head = bytes([0x40 | message.type << 4 | len(message.token), message.code])
        return head + message.message_id.to_bytes(2, "big") + message.token + b"\xff" + message.payload


class Wire:
    """Takes the place of the socket; keeps what the gateway sends."""

    def __init__(self, bench):
        self.bench = bench
        self.sent = []
        bench.app.endpoint.send = lambda datagram, source: self.sent.append(datagram)

    async def put(self, data):
        self.sent.clear()
        self.bench.app.exchange.receive(data, SOURCE)
        await self.bench.app.exchange.settled()
        return list(self.sent)


async def nothing(bench):
    assert not bench.events("datagram.failed")
    assert not bench.events("internal")
    counts = await bench.count()
    assert {name: n for name, n in counts.items() if n and name != "terminals"} == {}


def run(tmp_path_factory, body):
    async def all_of_it():
        bench = await Bench(tmp_path_factory.mktemp("fuzz")).start()
        try:
            await body(bench)
        finally:
            await bench.stop()

    asyncio.run(all_of_it())


def each(strategy):
    """Hypothesis' examples as a list: one gateway and one event loop then take them all."""
    examples = []

    @AGAIN
    @given(strategy)
    def collect(value):
        examples.append(value)

    collect()
    return examples


def test_arbitrary_bytes_and_messages(tmp_path_factory):
    examples = each(raw) + [encoded(m) for m in each(messages)]

    async def body(bench):
        wire = Wire(bench)
        for data in examples:
            answers = await wire.put(data)
            assert sum(map(len, answers)) <= len(data), data.hex()
            assert len(answers) <= 1
        await nothing(bench)
        assert len(bench.app.peers) == 0

    run(tmp_path_factory, body)


def test_handshakes_damaged_anywhere(tmp_path_factory):
    """Both messages of a terminal's, changed, cut or lengthened: no context, and no more than was sent."""
    damage = st.lists(st.tuples(st.integers(0, 120), st.integers(1, 255)), min_size=1, max_size=3)
    examples = each(st.tuples(damage, st.integers(20, 120), st.binary(max_size=6), st.booleans()))

    async def body(bench):
        wire = Wire(bench)
        terminal = await enrolled(bench)
        key = key_of(bench)
        bench.app.edhoc.gate = Floodgate(1_000_000, bytes(32), 0.0)
        for spots, length, more, later in examples:
            initiator = Ours(terminal, key)
            data = initiator_first(initiator.message_1)
            if later:
                (answer,) = await wire.put(data)
                data = third(*initiator.message_3(coap.decode(answer).payload))
            broken = bytearray(data[:length] + more)
            # A changed option may be one that means nothing: of message_3 only the payload is damaged.
            first = min(data.index(b"\xff", 6) + 1, len(broken) - 1) if later else 6
            for at, value in spots:
                broken[first + at % (len(broken) - first)] ^= value
            if bytes(broken[6:]) == data[6:]:
                continue
            answers = await wire.put(bytes(broken))
            assert sum(map(len, answers)) <= len(broken), broken.hex()
            assert not bench.app.edhoc._tasks, broken.hex()
        assert len(bench.app.contexts) == 0
        await nothing(bench)

    run(tmp_path_factory, body)


def test_a_known_terminals_datagrams_damaged_anywhere(tmp_path_factory):
    damage = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=4)
    examples = each(st.tuples(damage, st.integers(0, 400)))

    async def body(bench):
        wire = Wire(bench)
        client = await bench.terminal()
        t = client.terminal
        for spots, length in examples:
            data, outer, _ = t.post(t.frame())
            broken = bytearray(data[: max(4, length)])
            # Past header and token: those are not protected, and nothing is refused for them.
            for at, value in spots:
                broken[8 + at % (len(broken) - 8) if len(broken) > 8 else 0] ^= value or 1
            if bytes(broken) == data:
                continue
            answers = await wire.put(bytes(broken))
            assert sum(map(len, answers)) <= len(broken)
        await nothing(bench)
        assert len(await wire.put(t.post(t.frame())[0])) == 1
        assert (await bench.count())["frames"] == 1

    run(tmp_path_factory, body)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.binary(max_size=20)
    | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.integers(-2, 14) | st.text(max_size=3), inner, max_size=5)
    ),
    max_leaves=12,
)
reports = st.dictionaries(st.integers(0, 12), values, max_size=6)


def test_an_authentic_terminal_that_sends_nonsense(tmp_path_factory):
    """Inside OSCORE, and even inside its own signature: 4.xx with a diagnostic, nothing stored, no 5.00."""
    payloads = each(st.binary(max_size=300))
    signed = [cbor.encode(value) for value in each(reports)]
    answers_to_commands = [cbor.encode(value) for value in each(values)]

    async def body(bench):
        wire = Wire(bench)
        client = await bench.terminal()
        t = client.terminal

        async def refused(code, path, payload, allowed):
            data, _, binding = t.protect(code, path, payload)
            (answer,) = await wire.put(data)
            inner = t.context.unprotect_response(coap.decode(answer), binding)
            assert coap.code_text(inner.code) in allowed, (coap.code_text(inner.code), payload.hex())
            return inner

        for payload in payloads:
            await refused(coap.POST, "/f", payload, ("4.00", "4.13"))
        for body_bytes in signed:
            try:
                report.decode(body_bytes)
                continue  # by chance a good one
            except Exception:
                frame = cose.sign1_encode(t.kid, body_bytes, t.sign)
            inner = await refused(coap.POST, "/f", frame, ("4.00", "4.13"))
            assert inner.payload
        for payload in answers_to_commands:
            await refused(coap.POST, "/c", payload, ("4.00", "2.04"))
        await nothing(bench)

    run(tmp_path_factory, body)


def test_an_authentic_terminal_with_arbitrary_inner_messages(tmp_path_factory):
    examples = each(messages)

    async def body(bench):
        wire = Wire(bench)
        client = await bench.terminal()
        t = client.terminal
        for message in examples:
            observe = message.option(coap.OBSERVE)
            if not 0 < message.code < 0x20 or (observe is not None and len(observe) > 4):
                continue  # our own OSCORE would not send it
            options = [(n, v) for n, v in message.options if n not in (9, 35)]
            inner = Message(coap.CON, message.code, 0, b"", options, message.payload)
            outer, _ = t.context.protect_request(inner)
            outer.message_id, outer.token = message.message_id, message.token
            answers = await wire.put(outer.encode())
            assert len(answers) == 1
        await nothing(bench)

    run(tmp_path_factory, body)


def test_a_context_of_ones_own_making_opens_nothing(tmp_path_factory):
    async def body(bench):
        wire = Wire(bench)
        client = await bench.terminal()
        forger = Terminal()
        for secret in (b"", b"0" * 16, client.terminal.kid):
            forger.context = Context(secret, b"", client.terminal.context.sender_id, b"\x01", AEAD)
            (answer,) = await wire.put(forger.post(client.terminal.frame())[0])
            assert coap.decode(answer).code == coap.UNAUTHORIZED
        await nothing(bench)

    run(tmp_path_factory, body)
