"""The gateway at real brokers that ask who it is: TLS, user and password, client certificates."""

import asyncio
import hashlib
import secrets
import socket
from base64 import b64encode

import pytest

from protocol import coap
from tests.brokers.certificates import Authority
from tests.brokers.mosquitto import Mosquitto, needs_mosquitto
from tests.brokers.nats import Nats
from tests.gateway.bench import Bench

USER, PASSWORD = "gateway", "dolga poti ž 4711"


def nats(folder, authority, *, certificates=False, password=False):
    """nats-server as docs/operator.md shows it."""
    certificate, key = authority.issue("server")
    verify = f'ca_file: "{authority.ca}"\n verify: true' if certificates else ""
    tls = f'tls {{ cert_file: "{certificate}"\n key_file: "{key}"\n {verify} }}'
    more = f'authorization {{ users: [{{ user: "{USER}", password: "{PASSWORD}" }}] }}' if password else ""
    return Nats(folder, in_mqtt=tls, more=more)


def mosquitto(folder, authority, *, certificates=False, password=False):
    certificate, key = authority.issue("server")
    lines = [f"cafile {authority.ca}", f"certfile {certificate}", f"keyfile {key}"]
    lines.append(f"require_certificate {str(certificates).lower()}")
    lines.append(f"allow_anonymous {str(not password).lower()}")
    if password:
        salt = b"twelve bytes"
        digest = hashlib.pbkdf2_hmac("sha512", PASSWORD.encode(), salt, 101)
        text = "$".join(("", "7", "101", b64encode(salt).decode(), b64encode(digest).decode()))
        (folder / "passwords").write_text(f"{USER}:{text}\n")
        lines.append(f"password_file {folder / 'passwords'}")
    return Mosquitto(folder, "\n".join(lines))


BROKERS = [
    nats,
    pytest.param(mosquitto, marks=needs_mosquitto),
]


@pytest.fixture(params=BROKERS, ids=lambda make: make.__name__)
async def serve(request, tmp_path):
    """`serve(authority, ...)` starts the broker and gives its port."""
    running = []

    async def start(authority, **what):
        running.append(request.param(tmp_path, authority, **what))
        await running[0].start()
        return running[0].port

    yield start
    for broker in running:
        broker.kill()


async def relays(folder, port, **broker):
    """A frame goes out; True when the broker confirmed it, else what the gateway logs."""
    bench = await Bench(folder).also(broker={"host": "127.0.0.1", "port": port, **broker}).start()
    try:
        client = await bench.terminal(f"vr-{secrets.token_hex(4)}")
        assert (await client.post(client.terminal.frame())).code == coap.CHANGED

        async def relayed():
            return not (await bench.count())["unrelayed"]

        async def over():
            return await relayed() or len(bench.events("relay.down")) >= 3

        await bench.until(over, 20)
        return True if await relayed() else bench.events("relay.down")[-1]["error"]
    finally:
        await bench.stop()


async def test_tls_with_user_and_password(serve, tmp_path):
    authority = Authority(tmp_path)
    port = await serve(authority, password=True)
    (tmp_path / "password").write_text(PASSWORD + "\n")
    known = {"tls": True, "ca_file": str(authority.ca), "username": USER}
    assert await relays(tmp_path, port, **known, password_file="password") is True


async def test_a_wrong_password_is_refused_and_said(serve, tmp_path):
    authority = Authority(tmp_path)
    port = await serve(authority, password=True)
    (tmp_path / "password").write_text("wrong")
    known = {"tls": True, "ca_file": str(authority.ca), "username": USER}
    assert "uthori" in await relays(tmp_path, port, **known, password_file="password")


async def test_a_client_certificate(serve, tmp_path):
    authority = Authority(tmp_path)
    port = await serve(authority, certificates=True)
    certificate, key = authority.issue("gateway")
    known = {"tls": True, "ca_file": str(authority.ca)}
    assert await relays(tmp_path, port, **known, certificate_file=str(certificate), key_file=str(key)) is True


async def test_without_a_certificate_or_with_a_strangers_there_is_no_connection(serve, tmp_path):
    authority = Authority(tmp_path)
    port = await serve(authority, certificates=True)
    known = {"tls": True, "ca_file": str(authority.ca)}
    assert await relays(tmp_path, port, **known) is not True
    (tmp_path / "other").mkdir()
    certificate, key = Authority(tmp_path / "other").issue("stranger")
    known |= {"certificate_file": str(certificate), "key_file": str(key)}
    assert await relays(tmp_path, port, **known) is not True


async def test_a_broker_that_another_authority_vouches_for_is_not_spoken_to(serve, tmp_path):
    authority = Authority(tmp_path)
    port = await serve(authority)
    (tmp_path / "other").mkdir()
    stranger = Authority(tmp_path / "other")
    assert "certificate verify failed" in await relays(tmp_path, port, tls=True, ca_file=str(stranger.ca))
    # The system's own list does not know this one either.
    assert "certificate verify failed" in await relays(tmp_path, port, tls=True)


async def test_a_certificate_for_another_host_is_refused(tmp_path):
    authority = Authority(tmp_path)
    certificate, key = authority.issue("server", "192.0.2.1")
    broker = Nats(tmp_path, in_mqtt=f'tls {{ cert_file: "{certificate}"\n key_file: "{key}" }}')
    try:
        await broker.start()
        error = await relays(tmp_path, broker.port, tls=True, ca_file=str(authority.ca))
        assert "IP address mismatch" in error
    finally:
        broker.kill()


async def test_nothing_is_said_in_the_clear(tmp_path):
    """Not even the user's name, to a broker that speaks no TLS."""
    heard = bytearray()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        authority = Authority(tmp_path)
        (tmp_path / "password").write_text(PASSWORD)
        known = {"tls": True, "ca_file": str(authority.ca), "username": USER, "password_file": "password"}
        bench = (
            await Bench(tmp_path)
            .also(broker={"host": "127.0.0.1", "port": server.getsockname()[1], **known})
            .start()
        )
        connection, _ = await asyncio.to_thread(server.accept)
        heard += await asyncio.to_thread(connection.recv, 4096)
        connection.close()
        await bench.stop()
    assert heard[0] == 22, "a TLS handshake record"
    assert USER.encode() not in heard
    assert PASSWORD.encode() not in heard
