"""A whole capture of the air, sent again after the gateway was killed and started anew."""

import contextlib
import json
import signal

import pytest

from protocol import coap
from tests.gateway.bench import Bench, call_cli, config_text, enroll
from tests.gateway.initiator import ECHO, Asker, Ours, first, made, third
from tests.gateway.served import Served
from tests.gateway.terminal import Client, Socket, Terminal


class Capture(Asker):
    """Keeps every datagram that goes up, in order."""

    def __init__(self, socket):
        super().__init__(socket)
        self.datagrams = []

    async def ask(self, datagram, timeout=5):  # noqa: ASYNC109
        self.datagrams.append(datagram)
        return await super().ask(datagram, timeout)

    async def shake(self, terminal, gateway_key):
        """A handshake, recorded."""
        initiator = Ours(terminal, gateway_key)
        answer = await self.ask(first(initiator.message_1))
        assert answer.option(ECHO) is None
        c_r, message_3 = initiator.message_3(answer.payload)
        answer = await self.ask(third(c_r, message_3))
        terminal.context = made(initiator, c_r, answer.payload)

    async def say(self, terminal, protected):
        answer = await self.ask(protected[0])
        return terminal.context.unprotect_response(answer, protected[2])


async def day(address, terminal, gateway_key):
    """Keys, a registration, positions, a panic, keys anew: everything that was on the air."""
    capture = Capture(await Socket.open(address))
    for _ in range(2):
        await capture.shake(terminal, gateway_key)
        listed = await capture.say(terminal, terminal.protect(coap.GET, "/c", observe=0))
        assert listed.code == coap.CONTENT
        for _ in range(40):
            assert (await capture.say(terminal, terminal.post(terminal.frame()))).code == coap.CHANGED
    assert (await capture.say(terminal, terminal.post(terminal.panic()))).code == coap.CHANGED
    capture.close()
    return capture.datagrams


def state(folder):
    """What a replay must not change."""
    frames = call_cli(folder, "journal", "--count")["counts"]
    contexts = [(t["kid"], t["context"]) for t in call_cli(folder, "list")["terminals"]]
    panics = call_cli(folder, "journal", "--kind", "panic")["frames"]
    return {name: frames[name] for name in ("frames", "conflicts")}, contexts, len(panics)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
async def test_replay_of_a_whole_capture_after_a_restart_is_refused(tmp_path, end):
    (tmp_path / "gateway.toml").write_text(config_text(log={"level": "info"}))
    terminal = enroll(tmp_path, Terminal(), context=False)
    gateway_key = bytes.fromhex(call_cli(tmp_path, "key")["gateway_key"])
    served = Served(tmp_path)
    try:
        capture = await day(served.address, terminal, gateway_key)
        served.end(end)
        before = state(tmp_path)
        assert before[0]["frames"] == 81
        served = Served(tmp_path)
        for _ in range(2):
            codes = await replayed(served.address, capture)
            # A first message begins a handshake that whoever replays it cannot finish.
            assert codes == {coap.UNAUTHORIZED: 83, coap.BAD_REQUEST: 2, coap.CHANGED: 2}
        assert state(tmp_path) == before
        client = await Client.open(terminal, served.address)
        assert (await client.post(terminal.frame())).code == coap.CHANGED
        client.close()
    finally:
        with contextlib.suppress(ValueError):
            served.end()


async def replayed(address, capture):
    """How often each code came; no answer is larger than what was sent."""
    codes = {}
    socket = await Socket.open(address)
    for datagram in capture:
        request = coap.decode(datagram)
        socket.send(datagram)
        while True:
            answer = await socket.get()
            message = coap.decode(answer)
            if message.token == request.token:
                break
        assert len(answer) <= len(datagram)
        assert message.option(coap.OSCORE) is None
        codes[message.code] = codes.get(message.code, 0) + 1
    socket.close()
    return codes


async def test_replay_of_everything_in_another_order_changes_nothing(tmp_path):
    """Newest first, as somebody would who hopes that the window forgets."""
    bench = await Bench(tmp_path).start()
    client = await bench.terminal()
    t = client.terminal
    capture = [t.post(t.frame()) for _ in range(200)]
    for protected in capture:
        await client.exchange(protected)
    await bench.stop()
    bench = await Bench(tmp_path).start()
    codes = await replayed(bench.app.address, [data for data, _, _ in reversed(capture)])
    assert codes == {coap.UNAUTHORIZED: 200}
    assert bench.app.refusals.counts == {"replayed": 200}
    assert (await bench.count())["frames"] == 200
    await bench.stop()


def test_the_state_that_is_compared_would_show_a_change(tmp_path):
    (tmp_path / "gateway.toml").write_text(config_text())
    call_cli(tmp_path, "key")
    before = state(tmp_path)
    enroll(tmp_path, Terminal())
    assert state(tmp_path) != before
    assert json.dumps(before)
