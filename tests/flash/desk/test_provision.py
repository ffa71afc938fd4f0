"""`./flash.py provision` at a simulated board with a real MicroPython, and at a real gateway."""

import os
import random

import pytest

from flashing.board import files, line
from flashing.board.console import Console
from flashing.desk import enrolment
from hwsim.modem.sim import Sim
from protocol import cbor

# Moments of each kind; `make pulls` tries many.
_PULLS = int(os.environ.get("PATROLA_PULLS", "6"))
_SEED = int(os.environ.get("PATROLA_SEED", "6"))


def kept(board, *paths):
    """What lies on a board's file system."""
    with Console.open(str(board.port), 921600) as console:
        console.enter()
        return [files.get(console, path) for path in paths]


def test_a_board_becomes_a_terminal_that_the_gateway_knows(bench, stand, monkeypatch):
    """And the private key is in nothing that came over the cable."""
    heard = []
    read = line.Line.read

    def listening(self, patience_s):
        data = read(self, patience_s)
        heard.append(data)
        return data

    board = stand()
    monkeypatch.setattr(line.Line, "read", listening)
    code, out, err = bench.provision(board)
    assert code == 0, err
    monkeypatch.setattr(line.Line, "read", read)
    record = bench.record()
    assert bench.headquarters.registry() == {"vr-101": record["kid"]}
    identity, settings = kept(board, "/identity", "/config.json")
    private, public = cbor.decode(identity)[0], cbor.decode(identity)[1]
    assert public.hex() == record["public_key"]
    traffic = b"".join(heard)
    assert public.hex().encode() in traffic or repr(public).encode()[2:-1] in traffic
    assert private not in traffic
    assert private.hex().encode() not in traffic
    assert repr(private).encode()[2:-1] not in traffic
    assert b'"release": true' in settings
    assert b'"unit": "vranje/ps-vranje/vr-101"' in settings
    assert "./flash.py test" in out


def test_the_same_command_twice_changes_nothing(bench, stand):
    board = stand()
    assert bench.provision(board)[0] == 0
    before = kept(board, "/identity", "/config.json")
    kid = bench.record()["kid"]
    code, out, _ = bench.provision(board)
    assert (code, "the gateway knew it" in out) == (0, True)
    assert kept(board, "/identity", "/config.json") == before
    assert bench.record()["kid"] == kid


def test_without_a_network_a_signed_file_is_brought_to_headquarters(bench, stand, tmp_path):
    board = stand()
    file = tmp_path / "today.cose"
    for _ in range(2):
        code, out, err = bench.provision(board, way=["--offline", file])
        assert code == 0, err
    assert f"{file}: take it to headquarters" in out
    assert len(enrolment.documents(file)) == 1
    assert bench.headquarters.registry() == {}
    told = bench.headquarters.cli("enroll", "--file", str(file))
    assert [row["result"] for row in told["documents"]] == ["enrolled"]
    assert bench.headquarters.registry() == {"vr-101": bench.record()["kid"]}


def test_a_board_that_is_one_car_becomes_another_only_on_purpose(bench, stand):
    board = stand()
    bench.provision(board)
    first = bench.record()["kid"]
    before = kept(board, "/identity", "/config.json")
    code, _, err = bench.provision(board, unit="vr-102")
    assert code == 1
    assert "this board is vranje/ps-vranje/vr-101 already; nothing was changed" in err
    assert "--replace-identity" in err
    assert "worth nothing" in err
    assert kept(board, "/identity", "/config.json") == before
    code, out, err = bench.provision(board, "--replace-identity", unit="vr-102")
    assert code == 0, err
    second = bench.record("vr-102")["kid"]
    assert second != first
    assert bench.headquarters.registry() == {"vr-101": first, "vr-102": second}
    # Asked for once more it makes no third one: the second is the one that was asked for.
    assert kept(board, "/identity") != before[:1]


def test_a_new_terminal_takes_a_units_place_with_a_reason(bench, stand):
    old, new = stand("old"), stand("new", seed=2)
    bench.provision(old)
    first = bench.record()["kid"]
    code, _, err = bench.provision(new)
    assert (code, "--replace-unit" in err) == (1, True)
    assert bench.headquarters.registry() == {"vr-101": first}
    assert kept(new, "/config.json") == [None]
    code, out, err = bench.provision(new, "--replace-unit", "water damage")
    assert code == 0, err
    assert first in out
    assert bench.headquarters.registry() == {"vr-101": bench.record()["kid"]}
    assert bench.record()["kid"] != first


def test_a_revoked_key_is_replaced_when_that_is_asked_for(bench, stand):
    board = stand()
    bench.provision(board)
    first = bench.record()["kid"]
    bench.headquarters.cli("revoke", first)
    code, _, err = bench.provision(board)
    assert (code, "was revoked" in err, "--replace-identity" in err) == (1, True, True)
    code, _, err = bench.provision(board, "--replace-identity")
    assert code == 0, err
    assert bench.headquarters.registry() == {"vr-101": bench.record()["kid"]}


def test_a_wrong_pin_costs_one_try_and_is_said_before_anything_else_is_done(bench, stand):
    card = Sim(pin="4321")
    board = stand(sim=card)
    bench.cars([{"unit": "vr-101", "pin": "1234"}])
    first = ""
    for _ in range(2):
        code, _, err = bench.provision(board)
        first = first or err
        assert code == 1
        assert "SIM PIN: the one in the configuration" in err
        assert 'correct "pin" in the list of cars' in err
    assert "tries left: 2" in first
    assert card.attempts == ["1234"]
    assert card.tries == 2
    assert bench.headquarters.registry() == {}
    assert kept(board, "/config.json") == [None]
    bench.cars([{"unit": "vr-101", "pin": "4321"}])
    code, _, err = bench.provision(board)
    assert code == 0, err
    assert card.tries == 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sim": Sim(present=False)}, "no SIM card"),
        ({"sim": Sim(pin="1111", tries=0)}, "asks for SIM PUK"),
        ({"sim": Sim(pin="1111")}, "asks for a PIN and the configuration has none"),
        ({"modem": None}, "the modem does not answer"),
    ],
)
def test_a_card_or_modem_that_will_not_do_is_said_with_what_to_do(bench, stand, options, words):
    board = stand(**options)
    code, _, err = bench.provision(board)
    assert code == 1
    assert words in err
    assert "  do:     " in err
    assert "  again:  ./flash.py provision" in err
    assert bench.headquarters.registry() == {}
    code, _, err = bench.provision(board, "--skip-sim")
    assert code == 0, err


def test_a_gateway_that_refuses_or_is_not_there_leaves_no_settings(bench, stand):
    board = stand()
    bench.headquarters.cli("operator", "ana", "--area", "bor", "--role", "technician")
    code, _, err = bench.provision(board, "--skip-sim")
    assert (code, "outside the area of ana" in err) == (1, True)
    bench.headquarters.cli("operator", "ana", "--area", "vranje", "--role", "technician")
    code, _, err = bench.provision(board, "--skip-sim", way=["--gateway", "http://127.0.0.1:9"])
    assert (code, "cannot be reached" in err, "--offline" in err) == (1, True, True)
    code, _, err = bench.provision(board, way=["--gateway", "http://gateway.example"])
    assert (code, "not protected on its way" in err) == (2, True)
    bench.settings.write_text(bench.settings.read_text().replace(bench.headquarters.key, OTHER))
    code, _, err = bench.provision(board, "--skip-sim")
    assert (code, 'correct "gateway_key"' in err) == (1, True)
    assert kept(board, "/config.json") == [None]
    assert bench.headquarters.registry() == {}


# The generator of P-256: a public key of nobody's gateway.
OTHER = (
    "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)


def test_a_board_without_a_program_is_told_how_to_get_it(bench, tmp_path):
    from hwsim.board_stand import BoardStand

    with BoardStand() as board:
        code, _, err = bench.provision(board)
    assert (code, "holds no program" in err) == (1, True)
    assert "run:    ./flash.py flash --board SIM --port" in err


def test_the_cable_may_be_pulled_at_any_moment(bench, stand):
    """The same command finishes it: one terminal, one row in the registry, and never half an identity."""
    trial = stand("trial")
    begun = trial.do(lambda: (trial.console.bytes, trial.flash.operations))
    assert bench.provision(trial)[0] == 0
    whole = trial.do(lambda: (trial.console.bytes - begun[0], trial.flash.operations - begun[1]))
    kids = {bench.record()["kid"]}
    random_ = random.Random(_SEED)
    pulled = 0
    moments = [("byte", random_.randrange(whole[0])) for _ in range(_PULLS)]
    moments += [("operation", random_.randrange(whole[1])) for _ in range(_PULLS)]
    for number, (kind, at) in enumerate(moments):
        unit = f"vr-{number + 200}"
        bench.cars([{"unit": unit}])
        board = stand(unit, seed=number + 10)
        board.pull_at(**{kind: at})
        code, _, err = bench.provision(board, unit=unit)
        if not board.plugged:
            pulled += 1
            assert code == 1, (kind, at)
            assert "the same command again" in err or "again:" in err
            board.plug()
        board.pull_at()
        code, _, err = bench.provision(board, unit=unit)
        assert code == 0, (kind, at, err)
        identity, settings = kept(board, "/identity", "/config.json")
        kid = bench.record(unit)["kid"]
        assert cbor.decode(identity)[1].hex() == bench.record(unit)["public_key"]
        assert unit.encode() in settings
        assert bench.headquarters.registry()[unit] == kid
        kids.add(kid)
        board.close()
    assert pulled >= len(moments) * 2 // 3, f"seed {_SEED}"
    assert len(kids) == len(moments) + 1
