"""`python -m benchmarks`: what it prints and writes, how it ends. Nothing here judges how fast it all is."""

import json
from types import SimpleNamespace

import pytest

from benchmarks import __main__ as program
from benchmarks.bench import Bench
from benchmarks.measure import RATE, TIME, Bound, Figure, Side, Turns, middle_half
from benchmarks.places import Absent, Failed, Here, Places, Worker

_WORK = "tests.benchmarks.small:"


def suite(run, name="small"):
    return SimpleNamespace(NAME=name, ABOUT="for tests", run=run)


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Run the program with one suite; (exit code, what it wrote as JSON)."""

    def go(*suites, options=()):
        monkeypatch.setattr(program, "SUITES", {one.NAME: one for one in suites})
        file = tmp_path / "figures.json"
        code = program.main(["--rounds", "3", "--round-ms", "2", "--json", str(file), *options])
        return code, json.loads(file.read_text())

    return go


def both(bench):
    """The same small work on both Pythons."""
    ours = Side("three sums", bench.places.micropython, _WORK + "sums")
    bench.figure("time", ours, Side("three sums", bench.places.here, _WORK + "sums"))
    bench.figure("rate", ours, Side("three sums", bench.places.here, _WORK + "sums"), RATE)
    bench.heap("heap", Side("a list", bench.places.micropython, _WORK + "lists"), ours)


def test_figures_say_all_there_is_to_say(run, capsys):
    code, document = run(suite(both))
    assert code == 0
    machine = document["machine"]
    assert machine["processor"] and machine["cores"] >= 1 and len(machine["load"]) == 2
    assert any("MicroPython" in text for text in machine["pythons"])
    assert any(text.startswith("CPython 3") for text in machine["pythons"])
    assert machine["packages"]["ecdsa"]
    assert [f["name"] for f in document["figures"]] == ["time", "rate", "heap"]
    for figure in document["figures"]:
        assert figure["ratio"] == pytest.approx(figure["ours"] / figure["peer"])
        assert figure["ours_where"] == "MicroPython"
        assert figure["ours_what"] and figure["peer_what"] and figure["unit"]
    time, rate, heap = document["figures"]
    assert time["rounds"] == rate["rounds"] == 3 and min(time["repetitions"]) >= 1
    assert time["spread"][0] <= time["spread"][1]
    assert heap["unit"] == "bytes" and heap["ours"] >= 64 * 8
    assert document["left_out"] == document["failed"] == document["missed"] == []
    said = capsys.readouterr().out
    assert "small" in said and "three sums [MicroPython] : three sums [CPython]" in said


def test_a_missed_bound_ends_with_1_and_is_named(run, capsys):
    def promise(bench, bound):
        here = bench.places.here
        bench.figure("one", Side("a", here, _WORK + "sums"), Side("b", here, _WORK + "sums"), bounds=[bound])

    code, document = run(suite(lambda bench: promise(bench, Bound("ratio", at_most=1e-9))))
    assert code == 1
    assert document["missed"] == ["small.one: ratio <= 1e-09"]
    assert document["figures"][0]["bounds"][0]["kept"] is False
    assert "MISSED: small.one: ratio <= 1e-09, promised by issue 3" in capsys.readouterr().out
    code, document = run(suite(lambda bench: promise(bench, Bound("ratio", at_most=1e9))))
    assert code == 0 and document["missed"] == []
    assert document["figures"][0]["bounds"][0]["kept"] is True


def test_work_that_fails_ends_with_1_and_the_others_go_on(run):
    def mixed(bench):
        here, small = bench.places.here, bench.places.micropython
        good = Side("good", here, _WORK + "sums")
        bench.figure("broken", Side("bad", here, _WORK + "broken"), good)
        bench.figure("broken_there", Side("bad", small, _WORK + "broken"), good)
        bench.figure("good", good, Side("good", small, _WORK + "sums"))

    code, document = run(suite(mixed))
    assert code == 1
    assert [row["name"] for row in document["failed"]] == ["broken", "broken_there"]
    assert all("broken on purpose" in row["reason"] for row in document["failed"])
    assert [row["name"] for row in document["figures"]] == ["good"]


def test_a_peer_that_is_not_installed_is_left_out_with_its_reason(run, monkeypatch, tmp_path):
    monkeypatch.setenv("PATROLA_PEERS", str(tmp_path / "nowhere"))

    def without(bench):
        here = bench.places.here
        bench.figure("package", Side("a", here, _WORK + "sums"), Side("b", here, _WORK + "of_no_package"))
        bench.figure("peers", Side("a", here, _WORK + "sums"), Side("b", bench.places.peers, _WORK + "sums"))

    code, document = run(suite(without))
    assert code == 0
    package, peers = document["left_out"]
    assert package["name"] == "package" and "no_such_package" in package["reason"]
    assert "make setup-peers" in peers["reason"]


def test_suites_are_chosen_by_name(run, monkeypatch):
    ran = []
    suites = [suite(lambda bench, n=name: ran.append(n), name) for name in ("one", "two", "three")]
    assert run(*suites)[0] == 0 and ran == ["one", "two", "three"]
    ran.clear()
    run(*suites, options=["--only", "three", "--only", "one"])
    assert ran == ["one", "three"]
    ran.clear()
    run(*suites, options=["--only", "two,three"])
    assert ran == ["two", "three"]


def test_list_names_every_suite(capsys):
    assert program.main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(program.SUITES)
    assert {"firmware", "nmea", "cbor", "crypto", "wire", "costs"} <= set(program.SUITES)
    assert all(len(line.split()) > 3 for line in lines)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--only", "nix"], "no suite 'nix'; there are: firmware, nmea"),
        (["--json", "nowhere/at/all.json"], "--json nowhere/at/all.json: No such file or directory"),
        (["--rounds", "0"], "--rounds and --round-ms must be at least 1"),
        (["--rounds", "many"], "invalid int value: 'many'"),
        (["--only", "nmea", "--toml", "x"], "--toml needs the suite costs"),
        (["firmware"], "unrecognized arguments: firmware"),
    ],
)
def test_wrong_use_ends_with_2_and_a_sentence(options, sentence, capsys):
    with pytest.raises(SystemExit) as ended:
        program.main(options)
    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err


def test_json_goes_to_standard_output_alone(run, monkeypatch, capsys):
    monkeypatch.setattr(program, "SUITES", {"small": suite(lambda bench: bench.remark("a word"))})
    assert program.main(["--json", "-"]) == 0
    out, aside = capsys.readouterr()
    assert json.loads(out)["remarks"] == ["a word"]
    assert "remark: a word" in aside


def test_a_file_that_was_there_is_replaced(run, tmp_path):
    (tmp_path / "figures.json").write_text("x" * 100000)
    assert run(suite(lambda bench: None))[1]["figures"] == []


# --- the measuring itself, with a clock of its own


class Scripted:
    """A place whose rounds take what is written down."""

    name = "scripted"

    def __init__(self, *nanoseconds):
        self._nanoseconds = list(nanoseconds)
        self.asked = []

    def run(self, work, n):
        self.asked.append(n)
        return (self._nanoseconds.pop(0) if len(self._nanoseconds) > 1 else self._nanoseconds[0]) * n, n


def test_the_best_of_each_side_counts_and_the_single_rounds_give_the_spread():
    ours = Scripted(1_000_000, 3000, 2000, 4000)
    peer = Scripted(1_000_000, 5000, 8000, 4000)
    figure = Turns(3, 1).figure("s", "n", Side("a", ours, "w"), Side("b", peer, "w"))
    assert (figure.ours, figure.peer, figure.unit) == (2.0, 4.0, TIME)
    assert figure.ratio == 0.5
    assert figure.spread == middle_half([0.6, 0.25, 1.0])
    assert figure.repetitions == (1, 1)


def test_rates_are_turned_over():
    figure = Turns(2, 1).figure(
        "s", "n", Side("a", Scripted(2_000_000), "w"), Side("b", Scripted(4_000_000), "w"), RATE
    )
    assert (figure.ours, figure.peer, figure.ratio) == (500, 250, 2)


def test_a_round_is_as_long_as_asked_even_with_a_coarse_clock():
    class Coarse(Here):
        def run(self, work, n):
            self.n = n
            return n * 700_000 // 1_000_000 * 1_000_000, n

    place = Coarse()
    n = Turns(1, 50)._enough(Side("a", place, "w"))
    assert place.run("w", n)[0] >= 50_000_000
    assert n < 200


def test_bounds_hold_at_their_edge():
    figure = Figure("s", "n", TIME, 6.0, 10.0, "a", "b", "x", "y")
    assert Bound("ratio", at_most=0.6).kept(figure) and not Bound("ratio", at_most=0.59).kept(figure)
    assert Bound("ours", at_least=6).kept(figure) and not Bound("ours", at_least=6.1).kept(figure)
    assert str(Bound("ours", at_least=30000)) == "ours >= 30000"


def test_a_worker_that_dies_says_during_what():
    places = Places()
    worker = places.micropython
    assert isinstance(worker, Worker) and worker is places.micropython
    with pytest.raises(Failed, match=r"MicroPython ended .* during .*ends"):
        worker.run(_WORK + "ends", 1)
    places.close()


def test_a_worker_that_is_not_there_is_told():
    with pytest.raises(Failed, match="no such"):
        Worker("no such", ["nowhere/python"])
    with pytest.raises(Absent):
        raise Absent("kind of its own")


def test_two_sides_with_a_clock_of_their_own():
    bench = Bench(SimpleNamespace(), Turns(3, 10))
    rates = iter([10.0, 30.0, 20.0])
    ours = SimpleNamespace(rate=lambda seconds: next(rates))
    bench.rates("wire", ("a", "x", ours), ("b", "y", SimpleNamespace(rate=lambda seconds: 5.0)))
    (figure,) = bench.figures
    assert figure.peer == 5.0 and figure.unit == RATE and figure.ours == 20.0
