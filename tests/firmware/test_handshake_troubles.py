# runs on: micropython+guest
"""Handshakes on a bad network, with a rude gateway, with a stranger, with a task that dies."""

import sys

from protocol import coap, report
from protocol.coap import CON, Message
from tests.firmware import gateway_key
from tests.firmware.edhoc_gateway import ECHO
from tests.firmware.linked_terminal import ON_DEMAND, alarm, fresh, over, started, whats

PANIC = report.KIND_PANIC


async def test_forged_refusals_stop_nothing_and_cost_little():
    """Somebody answers each request with a bare 4.01 before the gateway does."""
    terminal = await started()
    await terminal.agreed()

    def forge(up, datagram):
        message = coap.decode(datagram)
        if up and message.is_request() and message.option(coap.OSCORE) is not None:
            terminal.down(Message(2, coap.UNAUTHORIZED, message.message_id, message.token).encode())
        return False

    terminal.lose = forge
    for _ in range(20):
        await terminal.press("available", 100)
        await terminal.run(30000)
    assert len(terminal.arrived(report.KIND_STATUS)) == 20 and terminal.frames(True) == []
    assert len(terminal.gateway.made) <= 10, len(terminal.gateway.made)
    # And when it also takes the gateway's answers away, the handshake is tried now and then.
    terminal.lose = lambda up, datagram: forge(up, datagram) or _protected_answer(up, datagram)
    asked = whats(terminal).count("message_1")
    for _ in range(20):
        await terminal.press("available", 100)
        await terminal.run(30000)
    assert 1 <= whats(terminal).count("message_1") - asked <= 15, whats(terminal).count("message_1")
    terminal.lose = None
    await terminal.until(lambda: len(terminal.arrived(report.KIND_STATUS)) == 40)
    await over(terminal)


def _protected_answer(up, datagram):
    return not up and coap.decode(datagram).option(coap.OSCORE) is not None


async def test_a_forged_refusal_before_the_gateways_answer_ends_no_handshake():
    terminal = fresh()
    forged = []

    def forge(up, datagram):
        message = coap.decode(datagram)
        if up and message.is_request() and message.path() == "/.well-known/edhoc":
            for code in (coap.BAD_REQUEST, coap.UNAUTHORIZED, coap.SERVICE_UNAVAILABLE):
                forged.append(code)
                terminal.down(Message(2, code, message.message_id, message.token).encode())
        return False

    terminal.lose = forge
    await terminal.boot()
    await terminal.agreed()
    assert len(terminal.gateway.made) == 1 and len(forged) == 6, (terminal.gateway.made, forged)
    await over(terminal)


async def test_each_message_of_the_handshake_may_get_lost_many_times():
    for lost in range(4):
        terminal = fresh()
        left = [3]

        def lose(up, datagram, lost=lost, left=left):
            message = coap.decode(datagram)
            if message.option(coap.OSCORE) is not None or not message.payload:
                return False
            sizes = (True, 36, 50), (False, 50, 100), (True, 30, 36), (False, 5, 15)
            upward, least, most = sizes[lost]
            if up == upward and least <= len(message.payload) < most and left[0]:
                left[0] -= 1
                return True
            return False

        terminal.lose = lose
        await terminal.boot()
        waited = await terminal.until(terminal.ready, 10000)
        assert left == [0] and 1000 <= waited <= 2000, (lost, left, waited)
        await terminal.agreed()
        assert len(terminal.gateway.made) == 1, "one handshake, not four"
        await over(terminal)


async def test_on_a_bad_network_it_comes_to_an_end_all_the_same():
    for seed in range(1, 6):
        terminal = fresh(seed=seed, delay_ms=150)
        terminal.lose = lambda up, datagram, chance=terminal.random.chance: chance(40)
        await terminal.boot()
        alarm(terminal)
        await terminal.until(lambda terminal=terminal: terminal.arrived(PANIC), 60000)
        await over(terminal)


async def test_a_gateway_under_pressure_gets_its_echo():
    terminal = fresh()
    asked = []

    def rude(what, message):
        if what == "message_1" and message.option(ECHO) != b"twelve bytes":
            asked.append(message.option(ECHO))
            return Message(CON, coap.UNAUTHORIZED, options=[(ECHO, b"twelve bytes")])
        return None

    terminal.gateway.rude = rude
    await terminal.boot()
    await terminal.agreed()
    assert asked == [None]
    await over(terminal)


async def test_echoes_without_end_are_given_up():
    terminal = fresh()
    terminal.gateway.rude = lambda what, message: Message(CON, coap.UNAUTHORIZED, options=[(ECHO, b"again")])
    await terminal.boot()
    await terminal.run(120_000)
    assert len(terminal.gateway.log) <= 6 * 12, len(terminal.gateway.log)
    terminal.gateway.rude = None
    await terminal.agreed()
    await over(terminal)


async def test_refusals_are_said_in_words_and_tried_again():
    for answer, said in (
        (Message(CON, coap.BAD_REQUEST, payload=b"\x01\x63who"), "EDHOC error 1: 'who'"),
        (Message(CON, coap.BAD_REQUEST, payload=b"\xff\xff"), "4.00"),
        (Message(CON, coap.SERVICE_UNAVAILABLE), "5.03"),
        (Message(CON, coap.CHANGED, payload=b"\x40"), "prove nothing"),
        (Message(CON, coap.CHANGED), "prove nothing"),
    ):
        terminal = fresh()
        terminal.gateway.rude = lambda what, message, answer=answer: answer
        await terminal.boot()
        await terminal.until(lambda said=said, terminal=terminal: terminal.heard(said), 20000)
        assert not terminal.app.session.ready
        terminal.gateway.rude = None
        await terminal.agreed()
        await over(terminal)


async def test_somebody_with_another_key_is_not_the_gateway():
    terminal = fresh()
    private = gateway_key.PRIVATE
    gateway_key.PRIVATE = bytes(31) + b"\7"
    try:
        await terminal.boot()
        await terminal.run(60_000)
        assert "message_3" not in whats(terminal) and not terminal.app.session.ready
        assert terminal.heard("keys: no new ones")
    finally:
        gateway_key.PRIVATE = private
    await terminal.agreed()
    await over(terminal)


async def test_without_the_gateways_key_no_handshake_and_the_keys_there_are_serve():
    terminal = await started()
    await terminal.agreed()
    await terminal.off()
    terminal.spoil("/config.json", '{"host": "192.0.2.10"}')
    await terminal.boot()
    terminal.air.clear()
    alarm(terminal)
    await terminal.until(lambda: terminal.arrived(PANIC), 1000)
    terminal.gateway.lose_everything()
    await terminal.run(60_000)
    assert terminal.count("edhoc") == 0
    await over(terminal)


async def test_a_task_that_dies_in_a_handshake_leaves_nothing_behind_and_the_next_succeeds():
    terminal = await started()
    await terminal.agreed()
    for step in (1, 5, 15):
        made = len(terminal.gateway.made)
        died = []

        def die(n, step=step, died=died):
            if n == step and not died:
                died.append(n)
                raise MemoryError("as when the heap is in pieces")

        terminal.hook(die)
        terminal.gateway.commands.clear()
        await terminal.renew()
        await terminal.until(lambda died=died: died, 20000)
        await terminal.run(100)
        assert not any(name in sys.modules for name in ON_DEMAND)
        assert terminal.app._renewer._renewal.running is None
        edhoc = terminal.count("edhoc")
        await terminal.run(20_000)
        assert terminal.count("edhoc") == edhoc, "nobody goes on repeating"
        assert terminal.app.uplink.linked and terminal.gateway.refused == 0
        await terminal.agreed(made + 1)
    await over(terminal)


async def test_a_bearer_that_goes_away_in_the_middle():
    terminal = fresh()
    terminal.deaf = True
    await terminal.boot()
    assert whats(terminal) == [] and terminal.count("edhoc") == 1
    terminal.bearer.set_up(False)
    await terminal.run(40_000)
    assert not terminal.app.session.ready and terminal.heard("keys: no new ones: no answer")
    terminal.deaf = False
    terminal.bearer.set_up(True)
    await terminal.agreed()
    await over(terminal)


async def test_a_wrong_setting_is_told_at_the_start():
    terminal = fresh()
    terminal.spoil("/config.json", '{"host": "192.0.2.10", "gateway_key": "00ff"}')
    await terminal.boot()
    assert terminal.heard('/config.json: "gateway_key" has 4 characters')
    await over(terminal)
