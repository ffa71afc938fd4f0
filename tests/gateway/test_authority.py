"""Who may give orders: by the broker's word, by his own signature, in his own area, in time; all of it is
written down."""

import base64
import json
import time

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway import commands
from gateway.cli import main
from tests.gateway.bench import UNIT, Bench, call_cli

OTHER = "patrola/v1/leskovac/ps-leskovac/le-7"
PLACE = "vranje/ps-vranje/vr-101"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


class Operator:
    """Signs as docs/integrator.md shows it; nothing of the gateway's own code."""

    def __init__(self, name, key=None):
        self.name = name
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        numbers = self.key.public_key().public_numbers()
        self.public = f"{numbers.x:064x}{numbers.y:064x}"

    def sign(self, body, **header):
        head = b64(json.dumps({"alg": "ES256", "kid": self.name, **header}).encode())
        signed = head + b"." + b64(json.dumps(body).encode())
        r, s = decode_dss_signature(self.key.sign(signed, ec.ECDSA(hashes.SHA256())))
        return signed + b"." + b64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def order(number, **more):
    return {"id": f"o-{number}", "command": "message", "text": "Call the station", **more}


class Desk:
    """A gateway with a broker and two cars, and what came of each command."""

    def __init__(self, bench, consumer):
        self.bench = bench
        self.consumer = consumer

    async def result(self, topic, payload, reply=None):
        """(result, reason) of the next answer on the unit's own topic."""
        before = len(self.consumer.on("/command/result"))
        self.consumer.publish(topic, payload)
        await self.bench.until(lambda: len(self.consumer.on("/command/result")) > before)
        told = self.consumer.json("/command/result")[before]
        return told["result"], told.get("reason", "")

    def audit(self, **options):
        words = [part for name, value in options.items() for part in (f"--{name}", value)]
        return call_cli(self.bench.folder, "audit", *words)["audit"]


@pytest.fixture
def authorisation():
    return "open"


@pytest.fixture
async def desk(tmp_path, broker, consumers, authorisation):
    bench = await Bench(
        tmp_path, broker_port=broker.port_v5, commands={"authorisation": authorisation}
    ).start()
    consumer = await consumers(broker.port_v5)
    await bench.until(lambda: bench.app.relay.connected)
    await bench.terminal()
    await bench.terminal("le-7", station="ps-leskovac", directorate="leskovac")
    call_cli(tmp_path, "operator", "desk-vranje", "--area", "vranje")
    yield Desk(bench, consumer)
    await bench.stop()


async def test_whoever_the_broker_lets_is_believed_where_that_is_wanted(desk):
    assert await desk.result(f"{UNIT}/command", order(1, operator="duty")) == ("queued", "")
    row = desk.audit()[-1]
    assert (row["actor"], row["proof"], row["action"]) == ("duty", "none", "command.message")
    assert (row["target"], row["result"], row["details"]["id"]) == (PLACE, "queued", "o-1")


@pytest.mark.parametrize("authorisation", ["broker"])
async def test_the_name_on_the_topic_is_who_asks(desk):
    assert await desk.result(f"{UNIT}/command/by/desk-vranje", order(1)) == ("queued", "")
    assert desk.audit()[-1]["actor"] == "desk-vranje" and desk.audit()[-1]["proof"] == "broker"
    refused = {
        f"{UNIT}/command": ("who asks", order(2)),
        f"{OTHER}/command/by/desk-vranje": ("outside the area of desk-vranje: vranje", order(3)),
        f"{UNIT}/command/by/nobody": ("not in the registry", order(4)),
        f"{UNIT}/command/by/desk-vranje": ("'chief', but desk-vranje asks", order(5, operator="chief")),
    }
    for topic, (words, body) in refused.items():
        result, reason = await desk.result(topic, body)
        assert result == "refused" and words in reason, (topic, reason)
    rows = desk.audit()[-4:]
    assert [row["result"] for row in rows] == ["refused"] * 4
    assert [row["target"] for row in rows] == [PLACE, "leskovac/ps-leskovac/le-7", PLACE, PLACE]
    call_cli(desk.bench.folder, "operator", "desk-vranje", "--revoke")
    result, reason = await desk.result(f"{UNIT}/command/by/desk-vranje", order(6))
    assert (result, reason) == ("refused", "operator desk-vranje: revoked")
    assert (await desk.bench.count())["commands_waiting"] == 1


@pytest.mark.parametrize("authorisation", ["signed"])
async def test_a_signature_serves_for_one_car_one_time_and_one_operator(desk):
    duty = Operator("duty-vranje")
    folder = desk.bench.folder
    call_cli(folder, "operator", "duty-vranje", "--area", "vranje/ps-vranje", "--public-key", duty.public)
    now_ms = int(time.time() * 1000)
    good = order(1, unit=PLACE, issued_ms=now_ms)
    assert await desk.result(f"{UNIT}/command", duty.sign(good)) == ("queued", "")
    assert await desk.result(f"{UNIT}/command/by/duty-vranje", duty.sign({**good, "id": "o-2"}))
    row = desk.audit()[-1]
    assert (row["actor"], row["proof"], row["result"]) == ("duty-vranje", "signature", "queued")
    # The same once more is the same command.
    assert (await desk.result(f"{UNIT}/command", duty.sign(good)))[0] == "queued"
    assert (await desk.bench.count())["commands_waiting"] == 2
    elsewhere = {**good, "unit": "leskovac/ps-leskovac/le-7"}
    forger = Operator("duty-vranje")
    head, body, signature = duty.sign(good).split(b".")
    flipped = bytearray(signature)
    flipped[5] = flipped[5] ^ 1 if flipped[5] ^ 1 != ord("=") else flipped[5] ^ 2
    refused = [
        (UNIT, json.dumps(good).encode(), "signed"),
        (f"{UNIT}/command/by/desk-vranje", json.dumps(good).encode(), "must be signed"),
        (UNIT, forger.sign(good), "signature: wrong"),
        (UNIT, b".".join((head, body, bytes(flipped))), "signature"),
        (UNIT, b".".join((head, b64(json.dumps({**good, "text": "Go home"}).encode()), signature)), "wrong"),
        (UNIT, duty.sign(good, alg="none"), "ES256"),
        (UNIT, duty.sign(good, crit=["b64"], b64=False), "ES256"),
        (UNIT, duty.sign(good, kid="desk-vranje"), "desk-vranje: has no key"),
        (UNIT, duty.sign(good, kid="nobody"), "not in the registry"),
        (UNIT, head + b"." + body + b".", "signature"),
        (UNIT, head + b"." + body + b"." + signature + b"==", "no JWS"),
        (f"{UNIT}/command/by/desk-vranje", duty.sign(good), "on the topic of desk-vranje"),
        (UNIT, duty.sign(elsewhere), "meant for leskovac"),
        (OTHER, duty.sign(elsewhere), "outside the area"),
        (UNIT, duty.sign(order(9, unit=PLACE)), "issued_ms"),
        (UNIT, duty.sign(order(9, issued_ms=now_ms)), "unit"),
        (UNIT, duty.sign({**good, "id": "o-3", "issued_ms": now_ms - 3_700_000}), "expired"),
        (UNIT, duty.sign({**good, "id": "o-3", "issued_ms": now_ms - 30_000, "expires_s": 20}), "expired"),
        (UNIT, duty.sign({**good, "id": "o-3", "issued_ms": now_ms + 600_000}), "not come yet"),
        (UNIT, duty.sign({**good, "id": "o-3", "issued_ms": (1 << 48) - 1}), "not come yet"),
    ]
    for topic, payload, words in refused:
        topic = topic if topic.endswith("vranje") and "/by/" in topic else f"{topic}/command"
        result, reason = await desk.result(topic, payload)
        assert result == "refused" and words in reason, (words, reason)
    assert (await desk.bench.count())["commands_waiting"] == 2
    rows = desk.audit()
    assert [row["result"] for row in rows if row["action"] == "command"] == ["refused"] * len(refused)


async def test_a_wrong_signature_is_refused_also_where_none_is_asked_for(desk):
    duty = Operator("duty-vranje")
    call_cli(desk.bench.folder, "operator", "duty-vranje", "--area", "*", "--public-key", duty.public)
    body = order(1, unit=PLACE, issued_ms=int(time.time() * 1000))
    result, reason = await desk.result(f"{UNIT}/command", Operator("duty-vranje").sign(body))
    assert (result, reason) == ("refused", "signature: wrong")
    assert (await desk.result(f"{UNIT}/command", duty.sign(body)))[0] == "queued"


async def test_the_command_line_makes_a_key_that_signs(desk):
    folder = desk.bench.folder
    made = call_cli(folder, "operator", "duty", "--area", "*", "--make-key", str(folder / "duty.pem"))
    assert (folder / "duty.pem").stat().st_mode & 0o777 == 0o600
    duty = Operator("duty", load_pem_private_key((folder / "duty.pem").read_bytes(), None))
    assert duty.public == made["public_key"]
    body = order(1, unit=PLACE, issued_ms=int(time.time() * 1000))
    assert (await desk.result(f"{UNIT}/command", duty.sign(body)))[0] == "queued"
    again = call_cli(folder, "operator", "x", "--area", "*", "--make-key", str(folder / "duty.pem"), code=1)
    assert "there already" in again["error"]


async def test_what_is_done_at_this_machine_is_written_down_too(desk):
    folder = desk.bench.folder
    call_cli(folder, "send", PLACE, "message", "--text", "hello", "--operator", "duty")
    call_cli(folder, "suspend", PLACE)
    call_cli(folder, "suspend", PLACE, "--lift")
    call_cli(folder, "revoke", "leskovac/ps-leskovac/le-7")
    rows = desk.audit()
    assert {row["proof"] for row in rows} == {"local"} and len({row["actor"] for row in rows}) == 1
    assert [row["action"] for row in rows] == [
        *("terminal.enrolled", "terminal.enrolled", "operator.added", "command.message"),
        *("terminal.suspended", "terminal.enrolled", "terminal.revoked"),
    ]
    assert rows[3]["details"]["operator"] == "duty"
    assert len(desk.audit(target="leskovac")) == 2
    assert desk.audit(actor="nobody") == []


def test_slips_of_the_pen_are_found(tmp_path):
    from tests.gateway.bench import config_text, enroll
    from tests.gateway.terminal import Terminal

    (tmp_path / "gateway.toml").write_text(config_text())
    enroll(tmp_path, Terminal(), context=False)
    for arguments, words in (
        (("operator", "duty"), "--area"),
        (("operator", "duty", "--area", "vrannje"), "Directorates are: vranje"),
        (("operator", "Duty", "--area", "*"), "a-z"),
        (("operator", "gateway", "--area", "*"), "broker account"),
        (("operator", "duty", "--revoke"), "no such operator"),
        (("operator", "duty", "--area", "*", "--public-key", "00"), "--public-key"),
        (("neighbours", "vranje"), "two directorates"),
        (("neighbours", "vranje", "vranje"), "two directorates"),
        (("neighbours", "vranje", "nis"), "no terminal belongs there"),
    ):
        assert words in call_cli(tmp_path, *arguments, code=1)["error"], arguments
    assert call_cli(tmp_path, "operator")["operators"] == []
    assert call_cli(tmp_path, "neighbours")["neighbours"] == []


async def test_what_no_database_keeps_is_refused_and_holds_no_place_at_the_broker(
    tmp_path, broker, consumers, store
):
    """Unanswered and unconfirmed it came again with each connection, and twenty such kept mosquitto from
    handing over anything more, an acknowledgement included."""
    bench = await Bench(tmp_path, broker_port=broker.port_v5, journal=store.config).start()
    consumer = await consumers(broker.port_v5)
    await bench.until(lambda: bench.app.relay.connected)
    await bench.terminal()
    desk = Desk(bench, consumer)
    confirmed = []
    link = bench.app.relay._link
    confirm = link.confirm
    link.confirm = lambda incoming: (confirmed.append(incoming.payload), confirm(incoming))
    strange = {
        b64(b'{"alg":"ES256","kid":"\\ud800"}') + b".e30." + b64(bytes(64)): "not in the registry",
        b64(b'{"alg":"ES256","kid":"a\\u0000b"}') + b".e30." + b64(bytes(64)): "not in the registry",
        json.dumps(order(1, operator="a\0b")).encode(): "U+0000",
        json.dumps({**order(1), "id": "a\0b"}).encode(): "U+0000",
        json.dumps({**order(1), "unit": "a\0b"}).encode(): "U+0000",
    }
    for payload, words in strange.items():
        result, reason = await desk.result(f"{UNIT}/command", payload)
        assert result == "refused" and words in reason, (payload, reason)
    await bench.until(lambda: confirmed == list(strange))
    await bench.stop()


async def test_a_mistake_of_ours_with_one_command_does_not_hold_up_the_others(desk, monkeypatch):
    place = commands.place

    def broken(tx, prefix, terminal, request, *more):
        if request.origin == "o-1":
            raise RuntimeError("a mistake")
        return place(tx, prefix, terminal, request, *more)

    monkeypatch.setattr(commands, "place", broken)
    confirmed = []
    link = desk.bench.app.relay._link
    confirm = link.confirm
    link.confirm = lambda incoming: (confirmed.append(incoming.payload), confirm(incoming))
    desk.consumer.publish(f"{UNIT}/command", order(1))
    assert await desk.result(f"{UNIT}/command", order(2)) == ("queued", "")
    await desk.bench.until(lambda: len(confirmed) == 2)
    (line,) = [line for line in desk.bench.events("internal")]
    assert line["error"] == "RuntimeError: a mistake"


async def test_a_claimed_name_is_no_row_of_its_own_in_what_audit_shows(desk, capsys):
    name = "x\n   999  2027-01-01T00:00:00.000Z  duty (signature)  command.clear\x1b[2J"
    assert (await desk.result(f"{UNIT}/command", order(1, operator=name)))[0] == "queued"
    rows = len(desk.audit())
    assert main(["audit", "--config", str(desk.bench.folder / "gateway.toml")]) == 0
    shown = capsys.readouterr().out
    assert "command.clear" in shown and "\x1b" not in shown
    assert [int(line.split()[0]) for line in shown.splitlines()] == list(range(1, rows + 1))
