"""The command against a real gateway and a real broker; and what it says when it cannot."""

import json
import socket

import pytest

from hwsim.__main__ import parser
from hwsim.broker import free_ports
from hwsim.load import cars
from hwsim.load.stand import Stand
from tests.gateway.bench import call_cli


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


@pytest.fixture
def stand():
    """A gateway that somebody else started, at a port of its own."""
    (port,) = free_ports(1, socket.SOCK_DGRAM)
    with Stand({"listen.port": port}) as made:
        made.prepare()
        yield made


_SMALL = ("--terminals", "5", "--rate", "20", "--seconds", "1", "--warm", "0.1", "--drain", "30")


def test_a_gateway_of_this_machine_by_its_configuration(stand, tmp_path):
    stand.start()
    figures = tmp_path / "figures.json"
    assert load("--config", str(stand.config), *_SMALL, "--json", str(figures)) == 0
    document = json.loads(figures.read_text())
    assert (document["answered"], document["lost"]) == (20, 0)


def test_a_gateway_elsewhere_by_its_address_and_key(stand, tmp_path):
    rows, figures = tmp_path / "cars.jsonl", tmp_path / "figures.json"
    load("--rows", str(rows), "--terminals", "5")
    key = call_cli(stand.folder, "enroll", "--file", str(rows))["gateway_key"]
    stand.start()
    place, broker = (f"{host}:{port}" for host, port in (stand.address, stand.broker))
    where = ["--gateway", place, "--gateway-key", key]
    assert load(*where, "--broker", broker, *_SMALL, "--json", str(figures)) == 0
    document = json.loads(figures.read_text())
    assert (document["answered"], document["lost"]) == (20, 0)
    assert load(*where, *_SMALL, "--json", str(figures)) == 0  # again, and nobody listens
    document = json.loads(figures.read_text())
    assert (document["answered"], document["lost"], document["arrival_ms"]) == (20, None, None)


def test_cars_that_nobody_enrolled_get_no_link(stand, capsys):
    key = call_cli(stand.folder, "key")["gateway_key"]
    stand.start()
    place = f"{stand.address[0]}:{stand.address[1]}"
    assert load("--gateway", place, "--gateway-key", key, *_SMALL) == 1
    assert "car 0: 4.00" in capsys.readouterr().err


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
        ["--serve", "--gateway", "127.0.0.1:1", "--gateway-key", "00" * 64],
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
