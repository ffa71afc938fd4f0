"""SIGHUP: what can change does, the rest is named, and a mistake changes nothing."""

from gateway import reloading
from gateway.config import KEYS
from hwsim.broker import free_ports
from tests.gateway.bench import Bench


async def test_sighup_changes_what_can_change_and_names_the_rest(tmp_path, broker, consumers):
    bench = await Bench(tmp_path, broker_port=broker.port_v5).start()
    await bench.until(lambda: bench.app.relay.connected)
    assert bench.app.reload() == reloading.Reloaded((), (), False)
    threads = bench.app.config.whole("security.verify_threads")
    bench.also(
        log={"level": "warning"},
        presence={"silent_s": 90},
        panic={"republish_s": 5},
        security={"refusal_log_s": 7, "verify_threads": threads + 1},
        listen={"receive_buffer": 65536},
    )
    done = bench.app.reload()
    assert set(done.changed) == {
        *("log.level", "presence.silent_s", "panic.republish_s", "security.refusal_log_s")
    }
    assert set(done.restart) == {"security.verify_threads", "listen.receive_buffer"}
    assert (done.broker, done.error) == (False, "")
    assert bench.app.presences.silent_ms == 90_000
    assert bench.app.refusals.window_s == bench.app.strangers.window_s == 7
    bench.app.log.info("not.seen")
    bench.app.log.warning("still.seen")
    assert bench.events("still.seen") and not bench.events("not.seen")
    assert bench.app.config.whole("security.verify_threads") == threads
    # Said again, until the new start.
    assert set(bench.app.reload().restart) == {"security.verify_threads", "listen.receive_buffer"}
    await bench.stop()


async def test_sighup_with_a_mistake_in_the_file_changes_nothing(tmp_path):
    bench = await Bench(tmp_path).start()
    path = tmp_path / "gateway.toml"
    level = bench.app.config.text("log.level")
    path.write_text('[log]\nlevel = "error"\n[panic]\nrepublish_s = "soon"\n')
    done = bench.app.reload()
    assert "panic.republish_s" in done.error and done.changed == ()
    assert bench.app.config.text("log.level") == level
    await bench.stop()


async def test_another_broker_is_gone_to_at_once(tmp_path, broker):
    """From one that is there, and from one that is not, in the middle of a long pause."""
    (nobody,) = free_ports(1)
    bench = (
        await Bench(tmp_path, broker_port=nobody)
        .also(broker={"retry_first_ms": 600_000, "retry_cap_ms": 600_000})
        .start()
    )
    await bench.until(lambda: bench.events("relay.down"))
    bench.also(broker={"port": broker.port_v5})
    assert bench.app.reload().changed == ("broker.port",)
    await bench.until(lambda: bench.app.relay.connected)
    bench.also(broker={"port": nobody})
    assert bench.app.reload().broker
    await bench.until(lambda: f"127.0.0.1:{nobody}" in bench.events("relay.down")[-1]["error"])
    assert [row["port"] for row in bench.events("relay.up")] == [broker.port_v5]
    await bench.stop()


async def test_whether_there_is_a_broker_takes_a_new_start(tmp_path, broker):
    bench = await Bench(tmp_path).start()
    bench.also(broker={"host": "127.0.0.1", "port": broker.port_v5})
    done = bench.app.reload()
    assert "broker.host" in done.restart and "broker.host" not in done.changed
    assert bench.app.reload().restart == done.restart
    await bench.stop()


async def test_a_new_password_is_used_at_once(tmp_path, broker):
    """The file has the same name and other contents: a certificate that was renewed, a password changed."""
    (tmp_path / "password").write_text("old")
    broken = {"password_file": "password", "username": "gateway"}
    bench = await Bench(tmp_path, broker_port=broker.port_v5, broker=broken).start()
    await bench.until(lambda: bench.app.relay.connected)
    assert not bench.app.reload().broker
    (tmp_path / "password").write_text("new")
    assert bench.app.reload().broker
    await bench.until(lambda: len(bench.events("relay.up")) == 2)
    await bench.stop()


def test_every_key_that_is_said_to_change_exists_and_some_cannot():
    known = {f"{section}.{name}" for section, keys in KEYS.items() for name in keys}
    assert reloading.LIVE < known
    for name in ("listen.port", "journal.path", "gateway.id", "northbound.prefix", "edhoc.key"):
        assert name not in reloading.LIVE


async def test_each_of_several_processes_reloads_but_keeps_its_own_name(tmp_path):
    bench = await Bench(tmp_path).start()
    bench.app.config.values["gateway.id"] = "gateway-1-2"  # as `serve --workers` has named it
    assert bench.app.reload().restart == ("gateway.id",)
    bench.app.shared = True
    bench.also(presence={"silent_s": 77})
    done = bench.app.reload()
    assert (done.changed, done.restart) == (("presence.silent_s",), ())
    await bench.stop()
