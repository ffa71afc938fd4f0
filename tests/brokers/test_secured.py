"""The gateway at real brokers that ask who it is: TLS, user and password, client certificates."""

import asyncio
import hashlib
import secrets
import socket
from base64 import b64encode

import pytest

from protocol import coap
from tests.brokers.certificates import Authority
from tests.brokers.mosquitto import PROGRAM, Mosquitto
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
    for path in folder.glob("*.key"):
        path.chmod(0o644)  # mosquitto gives up root's rights before it reads them
    return Mosquitto(folder, "\n".join(lines))


BROKERS = [
    nats,
    pytest.param(mosquitto, marks=pytest.mark.skipif(not PROGRAM, reason="mosquitto is not installed")),
]


@pytest.fixture
def place(tmp_path):
    """A folder that another user may enter: pytest's own are for one alone."""
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(parent.stat().st_mode | 0o055)
    return tmp_path


@pytest.fixture(params=BROKERS, ids=lambda make: make.__name__)
async def serve(request, place):
    """`serve(authority, ...)` starts the broker and gives its port."""
    running = []

    async def start(authority, **what):
        running.append(request.param(place, authority, **what))
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


async def test_tls_with_user_and_password(serve, place):
    authority = Authority(place)
    port = await serve(authority, password=True)
    (place / "password").write_text(PASSWORD + "\n")
    known = {"tls": True, "ca_file": str(authority.ca), "username": USER}
    assert await relays(place, port, **known, password_file="password") is True


async def test_a_wrong_password_is_refused_and_said(serve, place):
    authority = Authority(place)
    port = await serve(authority, password=True)
    (place / "password").write_text("wrong")
    known = {"tls": True, "ca_file": str(authority.ca), "username": USER}
    assert "uthori" in await relays(place, port, **known, password_file="password")


async def test_a_client_certificate(serve, place):
    authority = Authority(place)
    port = await serve(authority, certificates=True)
    certificate, key = authority.issue("gateway")
    known = {"tls": True, "ca_file": str(authority.ca)}
    assert await relays(place, port, **known, certificate_file=str(certificate), key_file=str(key)) is True


async def test_without_a_certificate_or_with_a_strangers_there_is_no_connection(serve, place):
    authority = Authority(place)
    port = await serve(authority, certificates=True)
    known = {"tls": True, "ca_file": str(authority.ca)}
    assert await relays(place, port, **known) is not True
    (place / "other").mkdir()
    certificate, key = Authority(place / "other").issue("stranger")
    known |= {"certificate_file": str(certificate), "key_file": str(key)}
    assert await relays(place, port, **known) is not True


async def test_a_broker_that_another_authority_vouches_for_is_not_spoken_to(serve, place):
    authority = Authority(place)
    port = await serve(authority)
    (place / "other").mkdir()
    stranger = Authority(place / "other")
    assert "certificate verify failed" in await relays(place, port, tls=True, ca_file=str(stranger.ca))
    # The system's own list does not know this one either.
    assert "certificate verify failed" in await relays(place, port, tls=True)


async def test_a_certificate_for_another_host_is_refused(place):
    authority = Authority(place)
    certificate, key = authority.issue("server", "192.0.2.1")
    broker = Nats(place, in_mqtt=f'tls {{ cert_file: "{certificate}"\n key_file: "{key}" }}')
    try:
        await broker.start()
        error = await relays(place, broker.port, tls=True, ca_file=str(authority.ca))
        assert "IP address mismatch" in error
    finally:
        broker.kill()


async def test_nothing_is_said_in_the_clear(place):
    """Not even the user's name, to a broker that speaks no TLS."""
    heard = bytearray()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        authority = Authority(place)
        (place / "password").write_text(PASSWORD)
        known = {"tls": True, "ca_file": str(authority.ca), "username": USER, "password_file": "password"}
        bench = (
            await Bench(place)
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
