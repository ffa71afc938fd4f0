"""Handshakes that must come to nothing: a right answer, no larger than the request, and nothing kept."""

import pytest

from protocol import cbor, coap
from tests.gateway.bench import call_cli, enrolled, key_of, states
from tests.gateway.initiator import ECHO, Ours, body, first, made, post, refusal, third
from tests.gateway.terminal import Terminal


async def test_what_is_not_enrolled_is_refused_and_not_told_why(bench, asker):
    """Unknown, revoked and lying terminals get the same words; the log has the difference."""
    key = key_of(bench)
    known, gone = await enrolled(bench), await enrolled(bench, "vr-102")
    call_cli(bench.folder, "revoke", gone.kid.hex())
    await bench.app.registry.refresh()
    liar = Terminal()
    liar.public_key = known.public_key
    for terminal, word in ((Terminal(), "unknown"), (gone, "revoked"), (liar, "unauthentic")):
        c_r, message_3 = await asker.begin(Ours(terminal, key))
        assert refusal(await asker.ask(third(c_r, message_3))) == (1, "refused"), word
        # The session is over, also for the true one.
        assert refusal(await asker.ask(third(c_r, message_3))) == (1, "session")
        assert bench.app.strangers.counts[word] == 1
    assert bench.app.strangers.counts == {"unknown": 1, "revoked": 1, "unauthentic": 1, "session": 3}
    assert len(bench.app.contexts) == 0 and len(bench.app.edhoc.sessions) == 0
    told = [(row["peer"], row["reason"], row["code"]) for row in bench.events("edhoc.refused")]
    reasons = ("unknown", "session", "revoked", "unauthentic")
    assert told == [("127.0.0.1", reason, "4.00") for reason in reasons]


async def test_suites(bench, asker):
    """None of ours: error 2 with what we have, and the second try of the RFC's trace works."""
    terminal = await enrolled(bench)
    key = key_of(bench)
    wrong = Ours(terminal, key, suites=(6,))
    answer = await asker.ask(first(wrong.message_1))
    assert refusal(answer) == (2, 2)
    assert answer.payload == b"\x02\x02"
    # 5.2.3: what we support stands before what was selected.
    assert refusal(await asker.ask(first(Ours(terminal, key, suites=(2, 6)).message_1))) == (2, 2)
    await asker.handshake(Ours(terminal, key, suites=(6, 2)))
    assert bench.app.strangers.counts == {"suite": 2}
    assert bench.app.edhoc.runs == 2


async def test_padding_is_taken_and_a_critical_extension_is_not(bench, asker):
    terminal = await enrolled(bench)
    key = key_of(bench)
    await asker.handshake(Ours(terminal, key, ead_1=(0, bytes(40))))
    for label in (-1, -4):
        assert refusal(await asker.ask(first(Ours(terminal, key, ead_1=(label,)).message_1)))[0] == 1
    assert len(bench.app.edhoc.sessions) == 1


GOOD = Ours(Terminal(), Terminal().public_key).message_1
G_X = GOOD[4:36]


def hello(method=3, suites=2, g_x=G_X, c_i=b"\x01", rest=b""):
    return cbor.encode(method) + cbor.encode(suites) + cbor.encode(g_x) + c_i + rest


P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B


def on_the_curve(x):
    return pow(x**3 - 3 * x + B, (P - 1) // 2, P) == 1


# x + p for an x of a point: the same point, in a form that is not proper.
REDUCIBLE = next((x + P).to_bytes(32, "big") for x in range(100) if on_the_curve(x))


@pytest.mark.parametrize(
    ("message_1", "word"),
    [
        (b"", "malformed"),
        (b"\x03", "malformed"),
        (GOOD[:-1], "malformed"),
        (GOOD + b"\xff", "malformed"),
        (GOOD + b"\x00\x43a", "malformed"),
        (hello(method=0), "method"),
        (hello(method="3"), "method"),
        (hello(method=True), "method"),
        (hello(suites=[]), "malformed"),
        (hello(suites=[2]), "malformed"),
        (hello(suites="2"), "malformed"),
        (hello(suites=[6, True]), "malformed"),
        (hello(suites=[6] * 9 + [2]), "malformed"),
        (hello(g_x=bytes(31)), "malformed"),
        (hello(g_x=bytes(33)), "malformed"),
        (hello(g_x=5), "malformed"),
        (hello(g_x=bytes(31) + b"\x01"), "point"),
        (hello(g_x=b"\xff" * 32), "point"),
        (hello(g_x=REDUCIBLE), "point"),
        (hello(c_i=b"\x18\x18"), "malformed"),
        (hello(c_i=b"\x41\x01"), "malformed"),
        (hello(c_i=b"\x61a"), "malformed"),
        (hello(c_i=b"\x48" + bytes(8)), "malformed"),
        (GOOD + b"\x00\x58\xff" + bytes(255), "malformed"),
    ],
    # Some hold a fresh point: a test's name must be the same in every process.
    ids=lambda value: f"{len(value)}-bytes" if isinstance(value, bytes) else value,
)
async def test_a_message_1_that_is_none(bench, asker, capfd, message_1, word):
    """4.00 with an EDHOC error, no session, and lakers never gets so far as to panic."""
    answer = await asker.ask(first(message_1))
    assert coap.code_text(answer.code) == "4.00"
    if answer.payload:
        assert refusal(answer) == (1, word)
    assert bench.app.strangers.counts == {word: 1}
    assert len(bench.app.edhoc.sessions) == 0
    assert "panicked" not in capfd.readouterr().err


@pytest.mark.parametrize(
    ("datagram", "code"),
    [
        (post(b"\xf5" + GOOD, content_format=b"\x40"), "4.15"),
        (post(b"\xf5" + GOOD, content_format=b"\x3c"), "4.15"),
        (post(b"\xf5" + GOOD, [(coap.ACCEPT, b"\x3c")]), "4.06"),
        (post(b"\xf5" + GOOD, [(27, b"\x06")]), "4.02"),
        (post(b"\xf5" + GOOD, [(coap.IF_MATCH, b"")]), "4.02"),
        (post(b"\xf5" + GOOD, content_format=None), "4.00"),  # two bytes short of its answer
        (post(b"\xf5"), "4.00"),
        (post(b""), "4.00"),
        (post(b"\xf4" + GOOD), "4.00"),
        (post(b"\x43abc" + bytes(28)), "4.00"),
        (post(b"\x01"), "4.00"),
        (post(b"\x43ab"), "4.00"),
    ],
    ids=lambda value: f"{len(value)}-bytes" if isinstance(value, bytes) else value,
)
async def test_a_request_that_is_none(bench, asker, datagram, code):
    answer = await asker.ask(datagram)
    assert coap.code_text(answer.code) == code
    assert bench.app.strangers.counts and not bench.app.refusals.counts
    assert len(bench.app.contexts) == 0


async def test_message_3_with_a_flipped_bit_ends_the_session(bench, asker):
    terminal = await enrolled(bench)
    key = key_of(bench)
    size = len((await asker.begin(Ours(terminal, key)))[1])
    for at in range(0, size * 8, 31):
        c_r, message_3 = await asker.begin(Ours(terminal, key))
        wrong = bytearray(message_3)
        wrong[at // 8] ^= 1 << at % 8
        assert refusal(await asker.ask(third(c_r, bytes(wrong))))[1] in ("refused", "malformed")
        assert refusal(await asker.ask(third(c_r, message_3))) == (1, "session")
    assert await states(bench, terminal) == {}


async def test_another_message_3_after_the_good_one_changes_nothing(bench, asker):
    terminal = await enrolled(bench)
    initiator = Ours(terminal, key_of(bench))
    c_r, message_3 = await asker.begin(initiator)
    message_4 = body(await asker.ask(third(c_r, message_3)))
    forged = message_3[:-1] + bytes([message_3[-1] ^ 1])
    assert refusal(await asker.ask(third(c_r, forged))) == (1, "session")
    assert body(await asker.ask(third(c_r, message_3))) == message_4
    made(initiator, c_r, message_4)


async def test_an_echo_nobody_asked_for_is_ignored(bench, asker):
    terminal = await enrolled(bench)
    body(await asker.ask(first(Ours(terminal, key_of(bench)).message_1, [(ECHO, b"12345678")])))
    assert bench.app.edhoc.runs == 1
