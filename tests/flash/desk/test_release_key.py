"""`--release-key`: whose updates a terminal takes; the public half, and nothing else that lies about."""

import json
from pathlib import Path

import pytest

from flashing import release
from flashing.desk import release_key
from flashing.errors import FlashError, Usage
from tests.flash.desk.test_provision import OTHER, kept


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    made = release.make_key(tmp_path_factory.mktemp("keys") / "release.pem")
    return {**made, "key": Path(made["key"]), "public": Path(made["public"])}


def test_the_file_beside_the_private_key_is_what_terminals_get(made):
    assert release_key.into({"apn": "internet"}, made["public"]) == {
        "apn": "internet",
        "release_key": made["release_key"],
    }
    assert release_key.into({"apn": "internet"}, None) == {"apn": "internet"}


def test_the_private_key_is_not_taken(made):
    with pytest.raises(FlashError, match="private release key") as refused:
        release_key.read(made["key"])
    assert ".pub" in refused.value.do


@pytest.mark.parametrize("text", ["", "60fed4...", OTHER[:-1], OTHER + "0", "g" * 128, "\xff" * 128])
def test_what_is_no_release_key(text, tmp_path):
    path = tmp_path / "file"
    path.write_text(text)
    with pytest.raises(FlashError, match="no release key"):
        release_key.read(path)
    with pytest.raises(FlashError, match="cannot be read: No such file"):
        release_key.read(tmp_path / "nothing")


def test_two_different_keys_are_a_mistake_and_the_same_twice_is_none(made):
    own = made["release_key"]
    assert release_key.into({"release_key": own.upper()}, made["public"])["release_key"] == own
    with pytest.raises(Usage, match="are two keys"):
        release_key.into({"release_key": OTHER}, made["public"])


def test_a_board_gets_it_from_the_option_or_from_its_column_and_is_told_when_it_gets_none(bench, stand, made):
    board = stand()
    code, out, err = bench.provision(board, "--skip-sim")
    assert (code, "none in the field" in out) == (0, True), err
    kid = bench.record()["kid"]
    code, out, err = bench.provision(board, "--skip-sim", "--release-key", made["public"])
    assert (code, "none in the field" in out) == (0, False), err
    assert json.loads(kept(board, "/config.json")[0])["release_key"] == made["release_key"]
    assert bench.record()["release_key"] == made["release_key"]
    bench.cars([{"unit": "vr-101", "release_key": OTHER}])
    code, _, err = bench.provision(board, "--skip-sim")
    assert code == 0, err
    assert json.loads(kept(board, "/config.json")[0])["release_key"] == OTHER
    assert bench.record()["kid"] == kid
