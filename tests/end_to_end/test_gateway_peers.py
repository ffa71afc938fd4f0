"""What comes out of the gateway, and who may talk to it, judged by software that nobody here wrote."""

import asyncio
import json

from protocol import cbor, coap, report
from tests.conftest import ROOT
from tests.end_to_end.peers import peers_python, write_context
from tests.gateway.bench import call_cli, enrolled, key_of, states
from tests.gateway.initiator import Asker, Lakers
from tests.gateway.terminal import Terminal


async def run_peer(script, *arguments, data):
    """Exit code and standard output of a script in the peers' environment."""
    process = await asyncio.create_subprocess_exec(
        *(peers_python(), f"tests/peers/{script}", *map(str, arguments)),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(data), 60)
    assert process.returncode == 0, err.decode()
    return json.loads(out)


async def frame_from_the_broker(relayed):
    """(terminal, the bytes of its panic on the broker's `frame` topic)."""
    bench, consumer = relayed
    client = await bench.terminal()
    response = await client.post(client.terminal.panic())
    assert response.code == coap.CHANGED
    await bench.until(lambda: consumer.on("/frame"))
    return client.terminal, consumer.on("/frame")[0]


async def test_cwt_verifies_a_frame_from_the_broker_and_refuses_every_flipped_bit(relayed):
    terminal, frame = await frame_from_the_broker(relayed)
    judged = await run_peer("verify_frame.py", terminal.public_key.hex(), terminal.kid.hex(), data=frame)
    assert report.decode(bytes.fromhex(judged["payload"]))[report.KIND] == report.KIND_PANIC
    assert judged["bits"] == 8 * len(frame)
    assert judged["accepted"] == []


async def test_cwt_refuses_the_frame_under_another_public_key(relayed):
    terminal, frame = await frame_from_the_broker(relayed)
    judged = await run_peer("verify_frame.py", Terminal().public_key.hex(), terminal.kid.hex(), data=frame)
    assert judged["payload"] is None


async def test_gateway_verify_refuses_every_flipped_bit_too(relayed):
    bench, _ = relayed
    terminal, frame = await frame_from_the_broker(relayed)
    key = ("--public-key", terminal.public_key.hex())
    call_cli(bench.folder, "verify", "--frame", frame.hex(), *key)
    for bit in range(8 * len(frame)):
        flipped = bytearray(frame)
        flipped[bit >> 3] ^= 1 << (bit & 7)
        call_cli(bench.folder, "verify", "--frame", flipped.hex(), *key, code=1)


class ByLakers(Lakers):
    """Keeps what it agreed on, for a peer to speak with."""

    def secrets(self, message_4):
        self.agreed = Lakers.secrets(self, message_4)
        return self.agreed


async def agreed(bench):
    """(terminal, keys of its link): an enrolled terminal after a handshake by lakers, over UDP."""
    terminal = await enrolled(bench)
    initiator = ByLakers(terminal, key_of(bench))
    asker = await Asker.open(bench)
    context = await asker.handshake(initiator)
    asker.close()
    secret, salt = initiator.agreed
    ids = {"sender_id": context.sender_id.hex(), "recipient_id": context.recipient_id.hex()}
    return terminal, {"secret": secret.hex(), "salt": salt.hex(), **ids}


async def post_by_aiocoap(bench, folder, link, frame):
    write_context(
        folder, link["secret"], link["salt"], sender=link["sender_id"], recipient=link["recipient_id"]
    )
    host, port = bench.app.address
    return await run_peer("oscore_post.py", f"coap://{host}:{port}/f", folder, data=frame)


async def test_aiocoap_posts_a_frame_under_keys_that_lakers_agreed_on(bench, tmp_path):
    """None of EDHOC, OSCORE and CoAP on this terminal's side is ours."""
    terminal, link = await agreed(bench)
    answer = await post_by_aiocoap(bench, tmp_path / "peer", link, terminal.frame())
    assert answer["code"] == "2.04"
    fields = cbor.decode(bytes.fromhex(answer["payload"]))
    assert fields[1] == 3, "stage: verified and stored at the gateway"
    assert (await bench.count())["frames"] == 1
    assert set(await states(bench, terminal)) == {"current"}


async def test_aiocoap_with_a_wrong_secret_is_refused_and_nothing_is_stored(bench, tmp_path):
    terminal, link = await agreed(bench)
    answer = await post_by_aiocoap(bench, tmp_path / "peer", link | {"secret": "00" * 16}, terminal.frame())
    assert (answer["code"], answer["protected"]) == ("4.01", False)
    assert (await bench.count())["frames"] == 0
    assert set(await states(bench, terminal)) == {"next"}, "nobody has proved that he has it"
