"""`POST /enrol` at a running gateway, and the same documents in a file at the command line."""

import asyncio
import json
import os
import ssl
import time
import urllib.error
import urllib.request

import pytest

from gateway.config import ConfigError, load
from protocol import coap
from tests.brokers.certificates import Authority
from tests.gateway.bench import Bench, call_cli, config_text, key_of
from tests.gateway.documents import Technician, kid_of
from tests.gateway.initiator import Asker, Ours
from tests.gateway.terminal import Terminal


def post(address, body, path="/enrol", tls=None):
    """(status, its JSON)."""
    scheme = "https" if tls else "http"
    request = urllib.request.Request(f"{scheme}://{address[0]}:{address[1]}{path}", data=body)
    try:
        with urllib.request.urlopen(request, timeout=20, context=tls) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


async def ask(address, raw):
    """What comes back for raw bytes, which may be no HTTP at all."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(raw)
    if raw:
        writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


async def opened(tmp_path, **more):
    bench = Bench(tmp_path, enrolment={"host": "127.0.0.1", "port": 0, **more})
    await bench.start()
    technician = Technician(key_of(bench))
    add(tmp_path, "ana", technician)
    return bench, technician


def add(folder, name, who, *more):
    arguments = ["--role", "technician", "--area", "vranje", "--public-key", who.public.hex(), *more]
    return call_cli(folder, "operator", name, *arguments)


async def test_a_terminal_enrolled_by_https_serves(tmp_path):
    """From the document over TLS to the first frame, with no word at the command line in between."""
    authority = Authority(tmp_path)
    certificate, own_key = authority.issue("gateway")
    bench, ana = await opened(tmp_path, certificate_file=str(certificate), key_file=str(own_key))
    trust = ssl.create_default_context(cafile=str(authority.ca))
    terminal = Terminal()
    address = bench.app.enrolment_address
    body = ana.document(terminal.public_key, vehicle="Dacia Duster")
    status, answer = await asyncio.to_thread(post, address, body, tls=trust)
    assert (status, answer["result"], answer["kid"]) == (200, "enrolled", terminal.kid.hex())
    assert bytes.fromhex(answer["gateway_key"]) == key_of(bench)
    await bench.app.registry.refresh()
    asker = await Asker.open(bench)
    terminal.context = await asker.handshake(Ours(terminal, key_of(bench)))
    client = await bench.client(terminal)
    assert (await client.post(terminal.frame())).code == coap.CHANGED
    status, answer = await asyncio.to_thread(post, address, body, tls=trust)
    assert (status, answer["result"]) == (200, "known")
    with pytest.raises(urllib.error.URLError, match="(?i)certificate"):
        await asyncio.to_thread(post, address, body, tls=ssl.create_default_context())
    asker.socket.close()
    await bench.stop()


async def test_each_refusal_has_its_status_and_says_what_to_do(tmp_path):
    bench, ana = await opened(tmp_path)
    address = bench.app.enrolment_address
    public, stranger = Terminal().public_key, Technician(key_of(bench))
    now_ms = int(time.time() * 1000)
    for body, status, code, words in (
        (b"", 400, "malformed", "no enrolment document"),
        (b"{}", 400, "malformed", "no enrolment document"),
        (stranger.document(public), 401, "technician", "--role technician"),
        (stranger.sign(stranger.fields(public), kid=kid_of(ana.public)), 401, "signature", "was changed"),
        (ana.document(public, directorate="bor"), 403, "area", "outside the area of ana"),
        (ana.document(public, made_ms=now_ms - 3_600_000), 409, "clock", "set the clock"),
        (ana.document(public, gateway=b"somebody"), 409, "gateway", "gateway_key"),
    ):
        got, answer = await asyncio.to_thread(post, address, body)
        assert (got, answer["error"]) == (status, code)
        assert words in answer["text"]
    assert call_cli(tmp_path, "list")["terminals"] == []
    rows = call_cli(tmp_path, "audit", "--actor", "ana")["audit"]
    assert [(row["action"], row["result"]) for row in rows] == [("terminal.enrolled", "refused")] * 3
    told = [row for row in bench.events("enrolment.refused")]
    assert {row["reason"] for row in told} >= {"malformed", "technician", "signature", "area", "clock"}
    await bench.stop()


async def test_a_technician_gives_no_orders_and_has_no_account_at_the_broker(tmp_path):
    bench, ana = await opened(tmp_path)
    assert "workshop" not in json.dumps(call_cli(tmp_path, "acl", "--broker", "mosquitto"))
    accounts = [a["name"] for a in call_cli(tmp_path, "acl", "--broker", "mosquitto")["accounts"]]
    assert "ana" not in accounts
    (row,) = call_cli(tmp_path, "operator")["operators"]
    assert (row["role"], row["areas"]) == ("technician", ["vranje"])
    call_cli(tmp_path, "operator", "ana", "--revoke")
    body = ana.document(Terminal().public_key)
    assert (await asyncio.to_thread(post, bench.app.enrolment_address, body))[0] == 401
    assert call_cli(tmp_path, "operator")["operators"][0]["role"] == "technician"
    nobody = call_cli(tmp_path, "operator", "bo", "--role", "technician", "--area", "vranje", code=1)
    assert "--make-key" in nobody["error"]
    wrong = call_cli(tmp_path, "operator", "bo", "--role", "technician", "--area", "PS Vranje", code=1)
    assert "directorate/station" in wrong["error"]
    await bench.stop()


async def test_one_address_gets_so_many_a_minute_and_no_more(tmp_path):
    bench, ana = await opened(tmp_path, rate=1)
    address = bench.app.enrolment_address
    codes = [(await asyncio.to_thread(post, address, b"x"))[0] for _ in range(32)]
    assert codes[:30] == [400] * 30
    assert codes[-1] == 429
    # It keeps nobody from another address out.
    assert (await bench.app._post._post(ana.document(Terminal().public_key), "192.0.2.7")).status == 200
    assert "rate" in {row["reason"] for row in bench.events("enrolment.refused")}
    await bench.stop()


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET /enrol HTTP/1.1\r\n\r\n", 405),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\nx", 404),
        (b"POST /enrol HTTP/1.1\r\n\r\nx", 411),
        (b"POST /enrol HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", 411),
        (b"POST /enrol HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy", 411),
        (b"POST /enrol HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 411),
        (b"POST /enrol HTTP/1.1\r\nContent-Length: 1025\r\n\r\n", 413),
        (b"POST /enrol HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", 413),
        (b"\x16\x03\x01 nothing of ours\r\n\r\n", 400),
        (b"POST /enrol HTTP/1.1\r\nContent-Length: 10\r\n\r\nshort", None),
        (b"A" * 9000, None),
    ],
)
async def test_what_is_no_proper_post_is_refused(tmp_path, raw, status):
    bench, _ = await opened(tmp_path)
    answer = await ask(bench.app.enrolment_address, raw)
    assert answer == b"" if status is None else answer.startswith(f"HTTP/1.1 {status} ".encode())
    await bench.stop()


async def test_it_is_off_by_default_and_never_open_without_tls(tmp_path):
    bench = await Bench(tmp_path).start()
    assert bench.app.enrolment_address is None
    await bench.stop()
    (tmp_path / "gateway.toml").write_text(config_text(enrolment={"host": "0.0.0.0"}))
    with pytest.raises(ConfigError, match="without TLS"):
        load(tmp_path / "gateway.toml")
    (tmp_path / "gateway.toml").write_text(config_text(enrolment={"certificate_file": "a.pem"}))
    with pytest.raises(ConfigError, match="set both"):
        load(tmp_path / "gateway.toml")


async def test_the_same_documents_come_in_a_file(tmp_path):
    """Each for itself: a refused one keeps nobody out, and the file may be brought twice."""
    bench = await Bench(tmp_path).start()
    gateway = key_of(bench)
    ana = Technician(gateway)
    add(tmp_path, "ana", ana)
    week_ms = int(time.time() * 1000) - 7 * 86_400_000
    one, two = Terminal().public_key, Terminal().public_key
    documents = [
        ana.document(one, made_ms=week_ms),
        Technician(gateway).document(two, "vr-202"),
        ana.document(two, "vr-202"),
        ana.document(os.urandom(64), "vr-203"),
    ]
    file = tmp_path / "today.cose"
    file.write_bytes(b"".join(documents))
    told = call_cli(tmp_path, "enroll", "--file", str(file), code=1)
    assert [row["result"] for row in told["documents"]] == ["enrolled", "refused", "enrolled", "refused"]
    assert told["refused"] == 2
    assert bytes.fromhex(told["gateway_key"]) == gateway
    file.write_bytes(documents[2] + documents[0])
    told = call_cli(tmp_path, "enroll", "--file", str(file))
    assert [row["result"] for row in told["documents"]] == ["known", "known"]
    assert [row["unit"] for row in call_cli(tmp_path, "list")["terminals"]] == ["vr-201", "vr-202"]
    file.write_bytes(documents[0] + documents[2][:-1])
    assert "document 2, at byte" in call_cli(tmp_path, "enroll", "--file", str(file), code=1)["error"]
    old = ana.document(Terminal().public_key, "vr-9", made_ms=week_ms - 40 * 86_400_000)
    file.write_bytes(old)
    (row,) = call_cli(tmp_path, "enroll", "--file", str(file), code=1)["documents"]
    assert (row["error"], "30 days" in row["text"]) == ("clock", True)
    call_cli(tmp_path, "enroll", "--file", str(file), "--unit", "vr-1", code=2)
    await bench.stop()
