"""Seeds played twice: alike here, and a difference is found and shown."""

import pickle

import pytest

from hwsim import soak
from hwsim.__main__ import parser
from hwsim.rig import Kit
from hwsim.seeds import twice


def test_a_few_seeds_with_every_fault_are_the_same_twice():
    heard = []
    told = twice(range(1, 6), said=lambda seed, differs: heard.append((seed, differs)))
    assert told.differ == {} and told.broken == {}
    assert heard == [(seed, False) for seed in range(1, 6)]
    assert told.as_json() == {"seeds": [1, 5], "same": 5, "differ": {}, "violations": {}}


def test_what_differs_is_found_and_the_first_event_is_shown(tmp_path):
    """Here made so by two kits: one terminal speaks a little later than the other."""
    folders = []
    for name, more in (("one", {}), ("other", {"moving_s": 7, "moving_m": 50})):
        folder = tmp_path / name
        folder.mkdir()
        made = Kit(folder, 1, soak.SETTINGS | more)
        (folder / "kit.pickle").write_bytes(pickle.dumps(made))
        folders.append(folder)
    told = twice([3], folders=folders)
    assert set(told.differ) == {3} and told.as_json()["same"] == 0
    one, other = told.differ[3]
    assert one != other and one.split()[0].replace(".", "").isdigit()


def test_the_command_says_how_many(capsys):
    options = parser().parse_args(["seeds", "--seed", "21", "--count", "1"])
    assert options.run(options) == 0
    assert "seeds: 1 of 1 the same twice, 0 with violations" in capsys.readouterr().out


def test_wrong_use_is_told():
    with pytest.raises(SystemExit):
        parser().parse_args(["seeds", "--count", "0"])
