"""Roll-outs: who is asked to fetch an update, and what terminals say of it."""

import json

from gateway.journal.updates import Rollout, Update
from protocol import coap, update
from tests.gateway.bench import UNIT, Bench, call_cli
from tests.gateway.update_bench import IMAGE, block, listed, offered, says, send, whole


async def test_rollouts_in_the_journal(journal):
    kids = [bytes([n]) * 8 for n in range(3)]

    def work(tx):
        number = tx.add_rollout(Rollout(0, 512, "*", 10, 2, "running", "", "desk", 1, 1))
        other = tx.add_rollout(Rollout(0, 768, "*", 10, 2, "running", "", "desk", 1, 1))
        for kid, state in zip(kids, (update.ASKED, update.REFUSED, update.FELL_BACK), strict=True):
            tx.put_update(Update(kid, number, 512, state, 0, 0, "", 1))
        return number, other

    number, other = await journal.write(work)
    assert await journal.read(lambda tx: tx.failed_updates(number)) == 2
    assert await journal.read(lambda tx: tx.failed_updates(other)) == 0
    await journal.write(lambda tx: tx.put_update(Update(kids[1], other, 768, update.DONE, 7, 9, "x", 5)))
    assert await journal.read(lambda tx: tx.update_of(kids[1])) == Update(
        kids[1], other, 768, update.DONE, 7, 9, "x", 5
    )
    assert await journal.read(lambda tx: tx.update_of(b"nobody..")) is None
    assert [u.kid for u in await journal.read(lambda tx: tx.updates(number))] == [kids[0], kids[2]]
    assert len(await journal.read(lambda tx: tx.updates())) == 3
    await journal.write(lambda tx: tx.set_rollout(number, "paused", "why", 9))
    (row, _) = await journal.read(lambda tx: tx.rollouts())
    assert (row.state, row.reason, row.changed_ms) == ("paused", "why", 9)
    assert await journal.read(lambda tx: tx.rollout(number)) == row


async def test_the_way_of_an_update(relayed):
    bench, consumer = relayed
    client = await bench.terminal()
    await client.observe()
    offered(bench)
    answer = send(bench, "vranje/ps-vranje/vr-101", "--operator", "workshop")
    assert (answer["asked"], answer["meant"]) == (1, 1)
    (command,) = await client.notification()
    assert (command[1], command[3]) == (update.COMMAND, {0: 0x000200})
    await client.answer(command[0])
    assert await says(client, update.FETCHING) == coap.CHANGED
    await whole(client, "SIM-0.2.0.romfs")
    for state in (update.READY, update.READY, update.TRYING, update.DONE):
        assert await says(client, state) == coap.CHANGED
    done = listed(bench)
    assert (done["state"], done["version"], done["bytes"]) == ("done", "0.2.0", len(IMAGE))
    topic = f"{UNIT}/update"
    await bench.until(lambda: consumer.json("/update") and consumer.json("/update")[-1]["state"] == "done")
    told = [row["state"] for row in consumer.json("/update")]
    assert [s for n, s in enumerate(told) if told[n - 1] != s or n == 0] == [
        *("asked", "fetching", "ready", "trying", "done")
    ]
    assert told.count("fetching") == 5  # begun, its size known, each quarter
    assert told.count("ready") == 1  # said twice
    assert {m[0] for m in consumer.messages if m[0].endswith("/update")} == {topic}
    (row,) = call_cli(bench.folder, "rollout")["rollouts"]
    assert (row["counts"], row["operator"], row["state"]) == ({"done": 1}, "workshop", "running")
    audit = call_cli(bench.folder, "audit")["audit"]
    assert [r["action"] for r in audit if r["action"] != "terminal.enrolled"][-2:] == [
        *("release.added", "command.update")
    ]


async def test_who_comes_later_sees_how_far_it_is(relayed, consumers, broker):
    bench, consumer = relayed
    await bench.terminal()
    offered(bench)
    send(bench, "*")
    await bench.until(lambda: consumer.json("/update"))
    later = await consumers(broker.port_v5, (f"{UNIT}/update",))
    await bench.until(lambda: later.json("/update", retained=True))
    assert later.json("/update", retained=True)[0]["state"] == "asked"


async def test_who_is_meant(bench):
    offered(bench)
    for unit, station, directorate in (
        *(("vr-101", "ps-vranje", "vranje"), ("vr-102", "ps-vranje", "vranje")),
        *(("vr-201", "ps-bujanovac", "vranje"), ("le-101", "ps-leskovac", "leskovac")),
    ):
        await bench.terminal(unit, station=station, directorate=directorate)
    assert send(bench, "vranje/ps-vranje")["asked"] == 2
    answer = send(bench, "vranje")
    assert (answer["asked"], answer["skipped"]) == (1, {"were asked already": 2})
    assert send(bench, "*")["asked"] == 1
    assert send(bench, "*", code=1)["asked"] == 0
    assert send(bench, "*", "--again")["asked"] == 4
    assert "no such terminal" in send(bench, "nowhere", code=1)["error"]
    assert "--release: which" in call_cli(bench.folder, "send", "*", "update", code=1)["error"]
    assert "no such release" in send(bench, "*", version="0.9.0", code=1)["error"]
    assert "--share" in send(bench, "*", "--share", "0%", code=1)["error"]


async def test_a_share_is_the_same_cars_each_time_and_grows(bench):
    offered(bench)
    for number in range(20):
        await bench.terminal(f"vr-{number}")
    answers = [send(bench, "vranje", "--share", share) for share in ("30%", "60%", "100")]
    asked = [answer["asked"] for answer in answers]
    assert sum(asked) == 20 and all(0 < number < 20 for number in asked)
    for before, answer in zip(asked, answers[1:], strict=False):
        assert answer["skipped"]["were asked already"] >= before


async def test_failures_pause_a_rollout_and_it_goes_on(bench):
    offered(bench)
    clients = [await bench.terminal(f"vr-{number}") for number in range(5)]
    number = send(bench, "vranje", "--most-failures", "1")["rollout"]
    for client in clients[:4]:
        await says(client, update.FETCHING)
    assert await says(clients[0], update.REFUSED, "wrongly signed") == coap.CHANGED
    # One may fail.
    assert (await block(clients[2], "SIM-0.2.0.romfs")).code == coap.CONTENT
    assert await says(clients[1], update.FELL_BACK, "no link") == coap.CHANGED
    row = call_cli(bench.folder, "rollout", str(number))
    assert (row["state"], row["reason"]) == ("paused", "2 terminals failed, 1 may")
    assert [event["rollout"] for event in bench.events("rollout.paused")] == [number]
    # Nobody fetches, nobody starts what is ready, nobody is told any more.
    assert (await block(clients[2], "SIM-0.2.0.romfs", 1)).code == coap.SERVICE_UNAVAILABLE
    assert await says(clients[3], update.READY) == coap.SERVICE_UNAVAILABLE
    assert await clients[4].observe() == []
    # Who tries it already goes on telling.
    assert await says(clients[3], update.TRYING) == coap.CHANGED
    call_cli(bench.folder, "rollout", str(number), "--resume")
    assert (await block(clients[2], "SIM-0.2.0.romfs", 1)).code == coap.CONTENT
    (command,) = await clients[4].observe()
    assert command[1] == update.COMMAND
    assert "is running" in call_cli(bench.folder, "rollout", str(number), "--resume", code=1)["error"]
    states = {one["unit"].split("/")[-1]: one["state"] for one in row["terminals"]}
    assert states["vr-0"] == "refused" and states["vr-1"] == "fell_back" and states["vr-4"] == "asked"
    # Those that failed are left alone until somebody says so.
    call_cli(bench.folder, "rollout", str(number), "--end")
    answer = send(bench, "vranje", code=1)
    assert answer["skipped"]["failed with it before (--again asks them once more)"] == 2


async def test_an_old_program_that_knows_no_updates_counts_as_a_failure(bench):
    offered(bench)
    client = await bench.terminal()
    send(bench, "vranje")
    (command,) = await client.observe()
    await client.answer(command[0], 2)
    got = listed(bench)
    assert (got["state"], got["reason"]) == ("refused", "not supported by the terminal")


async def test_what_nobody_asked_for_changes_nothing(bench):
    offered(bench)
    client = await bench.terminal()
    assert await says(client, update.DONE) == coap.CHANGED
    assert await says(client, update.READY) == coap.NOT_FOUND
    assert listed(bench) is None
    # It may be fetched all the same: only its terminal's key opens it.
    assert await whole(client, "SIM-0.2.0.romfs") == IMAGE


async def test_a_gateway_that_starts_again_goes_on_where_it_was(tmp_path):
    bench = await Bench(tmp_path).start()
    client = await bench.terminal()
    offered(bench)
    send(bench, "vranje")
    assert (await block(client, "SIM-0.2.0.romfs", 3)).code == coap.CONTENT
    await bench.stop()
    await bench.start()
    client = await bench.client(client.terminal)
    answer = await block(client, "SIM-0.2.0.romfs", 4)
    assert answer.code == coap.CONTENT and answer.payload == IMAGE[4096:5120]
    assert json.dumps(listed(bench))
    await bench.stop()
