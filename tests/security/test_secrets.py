"""What would open a link, or pass for the gateway, is found in no log, no database, no page and no core."""

import asyncio
import base64
import os
import resource
import signal
import urllib.request
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from protocol import coap
from tests.gateway.bench import call_cli, config_text, enroll
from tests.gateway.initiator import Asker, Ours
from tests.gateway.served import Served
from tests.gateway.terminal import Client, Socket, Terminal, stranger
from tests.security.sockets import opened

PASSWORD = "correct horse battery staple"  # of the broker


def forms(secret):
    """A secret as somebody might have written it down by mistake."""
    text = secret.hex().encode()
    yield from (secret, text, text.upper(), repr(secret)[2:-1].encode())
    yield from (base64.b64encode(secret).rstrip(b"="), base64.urlsafe_b64encode(secret).rstrip(b"="))
    yield ", ".join(str(byte) for byte in secret).encode()
    yield str(int.from_bytes(secret, "big")).encode()


def found(secrets, data):
    """Names of the secrets that are in there."""
    return {name for name, secret in secrets.items() if any(form in data for form in forms(secret))}


class Watched(Ours):
    """Keeps the master secret that both sides made."""

    master = b""

    def secrets(self, message_4):
        secret, salt = super().secrets(message_4)
        self.master = secret
        return secret, salt


class Day:
    """A gateway with everything that is logged: handshakes, frames, refusals, commands, new keys. `secrets`:
    those that were in use."""

    def __init__(self, folder):
        self.folder = folder
        self.secrets = {}
        self.terminal = enroll(folder, Terminal(), context=False)
        self.served = Served(folder)

    async def live(self):
        key = bytes.fromhex(call_cli(self.folder, "key")["gateway_key"])
        asker = Asker(await Socket.open(self.served.address))
        for turn in range(2):
            initiator = Watched(self.terminal, key)
            self.terminal.context = context = await asker.handshake(initiator)
            self.secrets[f"link {turn}: master secret"] = initiator.master
            self.secrets[f"link {turn}: what the terminal sends with"] = context.sender_key
            self.secrets[f"link {turn}: what the gateway sends with"] = context.recipient_key
            await self._talk()
        asker.close()
        return self

    async def _talk(self):
        terminal, client = self.terminal, await Client.open(self.terminal, self.served.address)
        await client.observe()
        assert (await client.post(terminal.frame(), terminal.frame())).code == coap.CHANGED
        await client.post(terminal.panic())
        forger = stranger(terminal.context.sender_id)
        forger.context.sequence = 1000  # not one that was there before
        await client.exchange(forger.post(b"x"))
        await client.exchange(stranger().post(b"x"))
        assert (await client.post(b"\xff" * 9)).code == coap.BAD_REQUEST
        call_cli(self.folder, "send", terminal.kid.hex(), "message", "--text", "come")
        client.close()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "password").write_text(PASSWORD + "\n")
    configure(tmp_path)
    call_cli(tmp_path, "secrets", "--create")
    call_cli(tmp_path, "key")
    return tmp_path


def configure(folder, **more):
    security = {"secrets_key_file": "secrets.key"}
    broker = {"username": "gateway", "password_file": "password", "host": "127.0.0.1", "port": 1}
    pages = {"host": "127.0.0.1", "port": 0}
    (folder / "gateway.toml").write_text(config_text(broker=broker, security=security, metrics=pages, **more))


def keys_of(folder):
    """The gateway's own secrets, out of its files."""
    key = load_pem_private_key((folder / "gateway.key").read_bytes(), None)
    out = {"gateway.key": key.private_numbers().private_value.to_bytes(32, "big")}
    file = folder / "secrets.key"
    if file.exists():
        lines = [line for line in file.read_text().splitlines() if line and not line.startswith("#")]
        out["secrets.key"] = bytes.fromhex(lines[0])
    return out | {"the broker's password": PASSWORD.encode()}


def page(served, path):
    (door,) = [door for door in opened(served.process.pid)[0] if door[0] == "tcp"]
    with urllib.request.urlopen(f"http://{door[1]}:{door[2]}/{path}") as answer:
        return answer.read().decode()


def database(folder):
    return b"".join(path.read_bytes() for path in sorted(folder.glob("patrola.sqlite*")))


async def test_no_secret_is_in_the_log(folder):
    day = await Day(folder).live()
    day.served.end()
    log = (folder / "log").read_bytes()
    assert log.count(b"frame.stored") >= 6 and b"unauthentic" in log and b"edhoc.established" in log
    assert found(day.secrets | keys_of(folder), log) == set()


async def test_no_secret_is_in_the_database_or_its_copy(folder):
    day = await Day(folder).live()
    running = database(folder)  # with the log that SQLite writes ahead
    call_cli(folder, "backup", str(folder / "copy.sqlite"))
    day.served.end(signal.SIGKILL)
    for data in (running, database(folder), (folder / "copy.sqlite").read_bytes()):
        assert len(data) > 10_000
        assert found(day.secrets | keys_of(folder), data) == set()


async def test_no_secret_is_in_what_the_command_line_and_the_pages_show(folder):
    day = await Day(folder).live()
    shown = "".join(
        str(call_cli(folder, *words))
        for words in (["list"], ["journal"], ["journal", "--count"], ["key"], ["secrets"])
    )
    for path in ("metrics", "healthz"):
        shown += await asyncio.to_thread(page, day.served, path)
    day.served.end()
    assert "patrola" in shown
    assert found(day.secrets | keys_of(folder), shown.encode()) == set()


async def test_the_look_finds_what_lies_open(tmp_path):
    """Without a key for the secrets they lie in the journal as they are: the same look sees them."""
    (tmp_path / "gateway.toml").write_text(config_text())
    call_cli(tmp_path, "key")
    day = await Day(tmp_path).live()
    day.served.end(signal.SIGKILL)
    assert {"link 0: master secret", "link 1: master secret"} & found(day.secrets, database(tmp_path))
    for secret in (os.urandom(16), b"\\'\"\n" + os.urandom(12)):
        for form in forms(secret):
            assert found({"it": secret}, b"before " + form + b" after") == {"it"}


async def lived_on_postgres(folder, server):
    """The secrets of a day over PostgreSQL, and all its files: tables, and the log it writes ahead."""
    day = await Day(folder).live()
    day.served.end()
    data = b"".join(file.read_bytes() for file in (server.folder / "data").rglob("*") if file.is_file())
    assert day.terminal.kid in data and len(data) > 1 << 20
    return day.secrets, data


async def test_no_secret_is_in_the_files_of_postgresql(folder, postgres_server):
    configure(folder, journal={"url": postgres_server.url("sealed")})
    call_cli(folder, "key")
    secrets, data = await lived_on_postgres(folder, postgres_server)
    assert found(secrets | keys_of(folder), data) == set()


async def test_the_look_finds_what_lies_open_in_postgresql(tmp_path, postgres_server):
    (tmp_path / "gateway.toml").write_text(config_text(journal={"url": postgres_server.url("open")}))
    call_cli(tmp_path, "key")
    secrets, data = await lived_on_postgres(tmp_path, postgres_server)
    assert found(secrets, data) >= {"link 0: master secret", "link 1: master secret"}


def limits(pid):
    for line in Path(f"/proc/{pid}/limits").read_text().splitlines():
        if line.startswith("Max core file size"):
            return line.split()[4:6]
    raise AssertionError("no such limit")


def test_no_secret_is_in_a_core_for_there_is_none(folder, monkeypatch):
    """Not even where the system writes them for everybody else."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    try:
        served = Served(folder)
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)
    assert limits(served.process.pid) == ["0", "0"]
    there = set(Path.cwd().glob("core*"))
    assert served.end(signal.SIGABRT) == -signal.SIGABRT
    assert set(Path.cwd().glob("core*")) == there


def test_files_with_secrets_are_their_owners_alone(folder):
    served = Served(folder)
    served.end()
    for name in ("gateway.key", "secrets.key", "patrola.sqlite"):
        assert (folder / name).stat().st_mode & 0o077 == 0, name
