"""Many terminals into the registry at once, from a file: all of them or none."""

import json

import pytest

from tests.gateway.bench import call_cli, config_text
from tests.gateway.terminal import Terminal


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "gateway.toml").write_text(config_text())
    call_cli(tmp_path, "key")
    return tmp_path


def row(number, **other):
    entry = {"public_key": Terminal().public_key.hex(), "directorate": "vranje", "station": "ps-vranje"}
    return entry | {"unit": f"vr-{number}", "vehicle": "Škoda Octavia"} | other


def put(folder, rows, code=0):
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in rows), "utf-8")
    return call_cli(folder, "enroll", "--file", str(path), code=code)


def known(folder):
    return call_cli(folder, "list")["terminals"]


def test_all_of_a_file_are_enrolled_in_one_go(folder):
    rows = [row(1), row(2, call_sign="Vranje 2")]
    answer = put(folder, rows)
    assert (answer["enrolled"], answer["known"]) == (2, 0)
    assert answer["gateway_key"] == call_cli(folder, "key")["gateway_key"]
    assert [(t["unit"], t["call_sign"], t["public_key"]) for t in known(folder)] == [
        ("vr-1", "vr-1", rows[0]["public_key"]),
        ("vr-2", "Vranje 2", rows[1]["public_key"]),
    ]


def test_a_longer_file_adds_to_a_shorter_one(folder):
    rows = [row(1), row(2)]
    put(folder, rows[:1])
    answer = put(folder, rows)
    assert (answer["enrolled"], answer["known"], len(known(folder))) == (1, 1, 2)


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (row(2, public_key="00" * 64), "line 2: --public-key"),
        (row(2, station="Vranje"), "line 2: --station"),
        (row(2, vehicle=" "), "line 2: --vehicle"),
        (row(1), "line 2: unit vranje/ps-vranje/vr-1 belongs to terminal"),
        (row(2, colour="blue"), "line 2: missing: -; unknown: colour"),
        ({"unit": "vr-2"}, "line 2: missing: public_key, directorate, station, vehicle"),
        (row(2, vehicle=7), "line 2: must be an object with texts"),
        ([1], "line 2: must be an object"),
    ],
)
def test_one_bad_line_and_nobody_is_enrolled(folder, second, words):
    assert words in put(folder, [row(1), second, row(3)], code=1)["error"]
    assert known(folder) == []


def test_a_revoked_key_does_not_come_back_by_a_file(folder):
    first = row(1)
    put(folder, [first])
    call_cli(folder, "revoke", "vranje/ps-vranje/vr-1")
    assert "known already and is revoked" in put(folder, [first], code=1)["error"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--unit", "vr-1"], "--public-key, --directorate, --station, --vehicle: needed"),
        (["--file", "rows.jsonl", "--unit", "vr-1"], "no other option"),
    ],
)
def test_what_is_missing_is_named(folder, options, words):
    assert words in call_cli(folder, "enroll", *options, code=2)["error"]


def test_no_file_no_rows(folder):
    assert "cannot be read" in call_cli(folder, "enroll", "--file", "nowhere", code=1)["error"]
    assert "empty" in put(folder, [], code=1)["error"]
