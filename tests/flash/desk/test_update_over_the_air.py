"""From `provision --release-key` to a terminal that updates itself over the air: real commands, real gateway,
and a board on the desk. What that key has signed is taken; what another has signed is not."""

import pytest

from flashing import release


def signed(bench, folder, key, version):
    """A release by `./flash.py release`, given to the gateway; the manifest's file."""
    path = folder / f"{key.stem}.pem"
    code, _, err = bench.run(
        *("release", "--board", "SIM", "--key", path, "--output", folder / key.stem, "--version", version)
    )
    assert code == 0, err
    return folder / key.stem / f"SIM-{version}.suit"


@pytest.fixture
def parked(bench, stand, tmp_path):
    """(a terminal that takes updates of tmp_path/own.pem, parked, and its program runs)."""
    release.make_key(tmp_path / "own.pem")
    board = stand(gateway=bench.headquarters.udp)
    code, _, err = bench.provision(board, "--skip-sim", "--release-key", tmp_path / "own.pem.pub")
    assert code == 0, err
    board.do(board.terminal.pin_in, "ignition", 0)
    board.pull()
    board.plug()
    return board


def told(bench, state):
    return bench.headquarters.served.events(f"update.{state}")


def test_what_the_key_it_was_given_has_signed_is_taken(bench, parked, tmp_path):
    manifest = signed(bench, tmp_path, tmp_path / "own.pem", "0.2.0")
    public = (tmp_path / "own.pem.pub").read_text().strip()
    bench.headquarters.cli("release", "add", str(manifest), "--public-key", public)
    assert bench.headquarters.cli("send", "*", "update", "--release", "0.2.0")["asked"] == 1
    assert parked.until(lambda: told(bench, "done") or told(bench, "refused") or told(bench, "fell_back"))
    assert len(told(bench, "done")) == 1
    heard = bytearray()
    parked.heard_by.append(heard.extend)
    parked.pull()
    parked.plug()
    assert parked.until(lambda: b"runs from slot" in heard)
    assert b"patrola 0.2.0 runs from slot 1" in heard


def test_what_another_key_has_signed_is_refused_by_the_terminal_itself(bench, parked, tmp_path):
    """Whoever has the gateway has no car: it would serve it."""
    release.make_key(tmp_path / "other.pem")
    manifest = signed(bench, tmp_path, tmp_path / "other.pem", "0.2.0")
    bench.headquarters.cli("release", "add", str(manifest))
    assert bench.headquarters.cli("send", "*", "update", "--release", "0.2.0")["asked"] == 1
    assert parked.until(lambda: told(bench, "done") or told(bench, "refused") or told(bench, "fell_back"))
    (refused,) = told(bench, "refused")
    assert "not signed by the release key" in refused["reason"]
    assert not told(bench, "fetching")
    starts = parked.terminal.starts
    since = parked.now_us
    assert parked.until(lambda: parked.now_us > since + 900_000_000)
    assert parked.terminal.starts == starts
