"""The secrets of links at rest: sealed under a key that is not in the journal."""

import os
import stat
from dataclasses import replace

import pytest

from gateway import vault
from gateway.config import load
from gateway.journal.records import NewContext, StoredContext
from gateway.journal.sqlite import transaction
from gateway.key import KeyFileError
from protocol import coap
from tests.gateway.bench import Bench, call_cli, config_text, enroll, key_of
from tests.gateway.initiator import Asker, Ours
from tests.gateway.terminal import Terminal

KEYED = {"security": {"secrets_key_file": "secrets.key"}}
NEW = NewContext(b"abc", b"terminal", b"\x01", b"s" * 16, b"salt")


def stored(new):
    return StoredContext(*(new.oscore_id, new.kid, new.gateway_id, new.secret, new.salt, "next", 1, 1))


def box(number=1):
    return vault.Vault(keys=[vault.Key(bytes([number]) * 32)])


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "gateway.toml").write_text(config_text(**KEYED))
    return tmp_path


def secrets_of(folder):
    config = load(folder / "gateway.toml")
    with transaction(config.journal_path, write=False) as tx:
        return [context.secret for context in tx.contexts()]


def test_what_is_sealed_opens_with_its_key_and_in_its_place_only():
    sealed = box().seal(NEW)
    assert NEW.secret not in sealed.secret
    assert box().open(stored(sealed)).secret == NEW.secret
    assert box().seal(NEW).secret != sealed.secret
    with pytest.raises(vault.VaultError, match="not given"):
        box(2).open(stored(sealed))
    with pytest.raises(vault.VaultError, match="not given"):
        vault.Vault().open(stored(sealed))
    for other in (
        replace(sealed, kid=b"somebody"),
        replace(sealed, oscore_id=b"abd"),
        replace(sealed, gateway_id=b"\x02"),
    ):
        with pytest.raises(vault.VaultError, match="changed"):
            box().open(stored(other))
    for at in range(len(sealed.secret)):
        bad = bytearray(sealed.secret)
        bad[at] ^= 1
        with pytest.raises(vault.VaultError):
            box().open(stored(replace(sealed, secret=bytes(bad))))


def test_without_a_key_all_stays_as_it_is():
    assert vault.Vault().seal(NEW) is NEW
    assert vault.Vault().open(stored(NEW)).secret == NEW.secret


@pytest.mark.parametrize(
    "text", ["", "# only a comment\n", "00" * 31, "zz" * 32, "00" * 32 + " 11", "key = " + "00" * 32]
)
def test_a_key_that_is_none_is_refused_and_never_quoted(tmp_path, text):
    path = tmp_path / "key"
    path.write_text(text)
    with pytest.raises(KeyFileError) as caught:
        vault.vault(str(path), {})
    assert "gateway secrets --create" in str(caught.value)
    assert not text.strip() or text.strip() not in str(caught.value)


def test_file_or_environment_but_not_both(tmp_path):
    key = "11" * 32
    (tmp_path / "key").write_text(key)
    assert vault.vault(str(tmp_path / "key"), {}).keys[0].name == box(0x11).keys[0].name
    given = vault.vault("", {vault.ENVIRONMENT: f"{'22' * 32},{key}"})
    assert [k.name for k in given.keys] == [box(0x22).keys[0].name, box(0x11).keys[0].name]
    with pytest.raises(KeyFileError, match="which is it"):
        vault.vault(str(tmp_path / "key"), {vault.ENVIRONMENT: key})
    with pytest.raises(KeyFileError, match="cannot be read"):
        vault.vault(str(tmp_path / "nothing"), {})


def test_a_plain_journal_is_sealed_by_a_command(folder):
    for unit in ("vr-1", "vr-2", "vr-3"):
        enroll(folder, Terminal(), unit)
    plain = secrets_of(folder)
    error = call_cli(folder, "secrets", "--encrypt", code=1)["error"]
    assert "gateway secrets --create" in error
    made = call_cli(folder, "secrets", "--create")
    assert stat.S_IMODE(os.stat(made["file"]).st_mode) == 0o600
    assert "there already" in call_cli(folder, "secrets", "--create", code=1)["error"]
    assert call_cli(folder, "secrets")["contexts"] == {"plain": 3}
    done = call_cli(folder, "secrets", "--encrypt")
    assert (done["sealed"], done["clean"]) == (3, True)
    assert call_cli(folder, "secrets")["contexts"] == {made["key"]: 3}
    assert call_cli(folder, "secrets", "--encrypt")["sealed"] == 0
    # No copy of a plain one is left anywhere beside it.
    everything = b"".join(path.read_bytes() for path in folder.iterdir())
    assert [secret in everything for secret in plain] == [False] * 3


async def test_a_gateway_with_a_key_stores_nothing_plain_and_opens_what_it_sealed(folder):
    call_cli(folder, "secrets", "--create")
    bench = await Bench(folder, **KEYED).start()
    terminal = enroll(folder, Terminal(), context=False)
    await bench.app.registry.refresh()
    asker = await Asker.open(bench)
    terminal.context = await asker.handshake(Ours(terminal, key_of(bench)))
    asker.close()
    client = await bench.client(terminal)
    assert (await client.post(terminal.frame())).code == coap.CHANGED
    await bench.stop()
    assert [vault.sealed(secret) for secret in secrets_of(folder)] == [True]
    bench = await Bench(folder, **KEYED).start()
    client = await bench.client(terminal)
    assert (await client.post(terminal.frame())).code == coap.CHANGED
    await bench.stop()
    # The journal alone, or with another key, opens nothing.
    (folder / "secrets.key").unlink()
    bench = Bench(folder)
    await bench.start()
    client = await bench.client(terminal)
    assert (await client.post(terminal.frame())).code == coap.UNAUTHORIZED
    assert "not given" in bench.events("refused")[0]["detail"]
    await bench.stop()


async def test_nothing_plain_is_left_beside_a_service_that_runs(folder):
    """Its connections keep the write-ahead log, in which the plain secrets stand."""
    call_cli(folder, "secrets", "--create")
    bench = await Bench(folder, **KEYED).start()
    terminals = [enroll(folder, Terminal(), f"vr-{n}") for n in range(3)]
    await bench.app.registry.refresh()
    client = await bench.client(terminals[0])
    assert (await client.post(terminals[0].frame())).code == coap.CHANGED
    plain = secrets_of(folder)
    assert call_cli(folder, "secrets", "--encrypt")["clean"]
    everything = b"".join(path.read_bytes() for path in folder.iterdir())
    assert [secret in everything for secret in plain] == [False] * 3
    for terminal in terminals:
        client = await bench.client(terminal)
        assert (await client.post(terminal.frame())).code == coap.CHANGED
    await bench.stop()


async def test_without_its_key_file_the_service_does_not_start(folder):
    bench = Bench(folder, **KEYED)
    with pytest.raises(KeyFileError, match="secrets --create"):
        await bench.start()
    bench.app = None


async def test_the_key_is_changed_while_the_gateway_serves(folder):
    call_cli(folder, "secrets", "--create")
    first = (folder / "secrets.key").read_text()
    bench = await Bench(folder, **KEYED).start()
    asker = await Asker.open(bench)
    terminals = []
    for unit in ("vr-1", "vr-2"):
        terminal = enroll(folder, Terminal(), unit, context=False)
        await bench.app.registry.refresh()
        terminal.context = await asker.handshake(Ours(terminal, key_of(bench)))
        terminals.append(terminal)
    client = await bench.client(terminals[0])
    assert (await client.post(terminals[0].frame())).code == coap.CHANGED
    done = call_cli(folder, "secrets", "--rotate")
    assert (done["sealed"], done["left"]) == (2, 0)
    text = (folder / "secrets.key").read_text()
    assert text != first and len(vault.read(folder / "secrets.key")) == 1
    # One that was in memory, one that must be read now, and one that is made now.
    for terminal in terminals:
        client = await bench.client(terminal)
        assert (await client.post(terminal.frame())).code == coap.CHANGED
    terminal = enroll(folder, Terminal(), "vr-3", context=False)
    await bench.app.registry.refresh()
    terminal.context = await asker.handshake(Ours(terminal, key_of(bench)))
    asker.close()
    await bench.stop()
    assert call_cli(folder, "secrets")["contexts"] == {done["key"]: 3}
    # The old key opens nothing any more.
    (folder / "secrets.key").write_text(first)
    lost = call_cli(folder, "secrets", code=1)
    assert lost["unreadable"] == 3
    error = call_cli(folder, "secrets", "--encrypt", code=1)["error"]
    assert "not given" in error and call_cli(folder, "secrets", code=1)["contexts"] == lost["contexts"]
    actions = [row["action"] for row in call_cli(folder, "audit")["audit"]]
    assert actions.count("secrets.rotated") == 1


def test_without_a_key_there_is_nothing_to_rotate(tmp_path):
    (tmp_path / "gateway.toml").write_text(config_text())
    enroll(tmp_path, Terminal())
    for what in ("--rotate", "--encrypt"):
        assert call_cli(tmp_path, "secrets", what, code=1)["error"].startswith("no key: set security.")
