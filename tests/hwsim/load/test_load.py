"""The command against a real gateway and a real broker; and what it says when it cannot."""

import json

import pytest

from hwsim.__main__ import parser
from hwsim.load import cars


def load(*arguments):
    options = parser().parse_args(["load", *arguments])
    return options.run(options)


def test_every_frame_of_a_small_load_arrives_once(tmp_path, capsys):
    figures = tmp_path / "figures.json"
    serve = ["--serve", "--terminals", "12", "--rate", "60", "--seconds", "2", "--warm", "0.1"]
    code = load(*serve, "--urgent", "0.2", "--forged", "60", "--drain", "30", "--json", str(figures))
    document = json.loads(figures.read_text())
    assert code == 0, capsys.readouterr().out
    assert document["answered"] == document["datagrams"] == 120
    assert (document["lost"], document["foreign"], document["not_authentic"]) == (0, 0, 0)
    assert document["arrival_ms"]["all"]["max"] is not None
    assert document["answer_ms"]["panic"]["n"] > 0
    assert 100 <= document["forged"]["sent"] <= 120
    assert document["forged"]["answered_bytes"] <= document["forged"]["sent_bytes"]


def test_rows_are_those_that_enroll_takes(tmp_path):
    path = tmp_path / "cars.jsonl"
    assert load("--rows", str(path), "--terminals", "3", "--seed", "5") == 0
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row["unit"] for row in rows] == ["car-0", "car-1", "car-2"]
    assert rows[1]["public_key"] == cars.Car(5, 1).public.hex()
    assert rows[1]["public_key"] != cars.Car(6, 1).public.hex()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--gateway", "127.0.0.1:1"],
        ["--serve", "--gateway", "127.0.0.1:1", "--gateway-key", "00"],
    ],
)
def test_one_way_to_one_gateway(arguments, capsys):
    assert load(*arguments, "--terminals", "1") == 2
    assert "one of" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["127.0.0.1", ":5683", "h:0", "h:x"])
def test_a_place_has_host_and_port(place):
    with pytest.raises(SystemExit):
        parser().parse_args(["load", "--gateway", place])


def test_nobody_there(capsys):
    gateway = ["--gateway", "127.0.0.1:1", "--gateway-key", cars.Car(2, 0).public.hex()]
    assert load(*gateway, "--terminals", "1") == 1
    assert "nobody listens" in capsys.readouterr().err
