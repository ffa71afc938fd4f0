"""The suite itself: its register is whole, its verdicts are right, its reports can be read, and its cases
can fail."""

import dataclasses
import functools
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from hwsim import __main__ as program
from hwsim import technician
from hwsim.conformance import chart, console, figures, html, junit, pages, scenario, signs, svg
from hwsim.conformance.case import SUBJECTS, Case, chosen, load
from hwsim.conformance.clauses import CLAUSES
from hwsim.conformance.runner import BROKEN, FAILED, PASSED, play, play_all
from hwsim.conformance.shelf import Shelf
from hwsim.conformance.timeline import Timeline
from hwsim.terminal import Terminal

ROOT = Path(__file__).resolve().parent.parent.parent
CASES = load()


@pytest.fixture(scope="module")
def shelf():
    return Shelf(image=our_image())


def story(tell, **options):
    return Case("X-01", ("officer.panic",), "X-02", tell, "a story", "", **options)


# The register


def test_there_are_enough_cases_and_each_subject_has_some():
    assert len(CASES) >= 80
    assert {case.subject for case in CASES.values()} == set(SUBJECTS)


def test_every_case_has_its_other_side():
    """Where one says "it fires", another says "it does not fire"."""
    alone = [id for id, case in CASES.items() if case.against not in CASES or case.against == id]
    assert alone == []


def test_every_clause_is_held_by_a_case():
    used = {name for case in CASES.values() for name in case.clauses}
    assert set(CLAUSES) - used == set()


def test_the_page_is_made_from_the_cases():
    page = (ROOT / "docs" / "conformance.md").read_text("utf-8")
    assert page == pages.text(CASES), "python -m hwsim conformance --pages docs/conformance.md makes it anew"


def test_cases_speak_of_no_firmware():
    """They hold any maker's terminal: nothing of ours may be imported, nor looked for in its console."""
    for path in sorted((ROOT / "hwsim" / "conformance").rglob("*.py")):
        text = path.read_text("utf-8")
        assert not re.search(r"^\s*(from|import) (firmware|gateway)\b", text, re.M), path
        if path.parent.name == "cases":
            assert "lines()" not in text and '"log"' not in text, path


def test_prefixes_choose():
    assert {case.subject for case in chosen(["panic", "KEY-0"]).values()} == {"PANIC", "KEY"}
    assert set(chosen(["KEY-01"])) == {"KEY-01"}
    with pytest.raises(ValueError, match="NOTHING"):
        chosen(["NOTHING"])


# Verdicts


def test_a_story_that_is_kept_passes_and_repeats_to_the_microsecond(shelf):
    first, again = (play(CASES["PANIC-01"], shelf) for _ in range(2))
    other = play(CASES["PANIC-01"], shelf, seed=9)
    assert (first.verdict, again.verdict, other.verdict) == (PASSED,) * 3
    assert first.trace == again.trace != other.trace


def test_what_does_not_come_fails_with_a_sentence(shelf):
    def tell(s):
        s.working()
        s.press("available")
        s.expect(signs.stored("panic"), 2)

    result = play(story(tell), shelf)
    assert result.verdict == FAILED
    assert result.sentence == "headquarters has panic within 2 s: it did not"
    assert result.steps[-1].kind == "fails"


def test_what_comes_too_late_fails_and_says_how_late(shelf):
    def tell(s):
        s.working()
        s.expect(signs.panic(), 0.1, s.hold_panic() - 600_000)

    assert re.fullmatch(
        r"headquarters has panic within 100 ms: it did not.*", play(story(tell), shelf).sentence
    )


def test_what_must_never_come_fails_when_it_comes(shelf):
    def tell(s):
        s.working()
        s.press("available")
        s.never(signs.stored("status"), 3)

    assert "it never shall; at 0." in play(story(tell), shelf).sentence


def test_an_error_in_a_case_is_no_failure_of_the_terminal(shelf):
    result = play(story(lambda s: 1 // 0), shelf)
    assert result.verdict == BROKEN and "ZeroDivisionError" in result.sentence


# A terminal that behaves otherwise does not pass: here made so by its settings (make mutants breaks code).
OTHERWISE = {
    "PANIC-02": {"panic_hold_ms": 400},
    "PANIC-04": {"panic_hold_ms": 1000},
    "PANIC-18": {"parked_s": 10},
    "PANIC-20": {"drill": True},
    "LAMP-12": {"covert": False},
    "LAMP-13": {"covert": True},
    "STATUS-08": {"event_gap_ms": 10000},
    "KEY-09": {"stuck_s": 5},
    "LINK-02": {"keepalive_s": 15},
    "GNSS-05": {"moving_s": 600, "course_deg": 10},
    "MODEM-08": {"pin": "9999"},
}


@pytest.mark.parametrize("id", OTHERWISE)
def test_a_terminal_that_behaves_otherwise_fails(shelf, id):
    result = play(dataclasses.replace(CASES[id], settings=OTHERWISE[id]), shelf)
    assert result.verdict == FAILED, result.sentence


@functools.cache
def our_image():
    return Shelf().image


class Other(Terminal):
    """A terminal as another maker would bring it along."""

    made = 0

    def __init__(self, kernel, name, board, image, flash_path, cpu=None):
        assert image is None and cpu is None
        super().__init__(kernel, name, board, our_image(), flash_path)
        Other.made += 1

    @staticmethod
    def provision(name, settings, flash_path):
        public = technician.make_identity(name, our_image(), flash_path)
        technician.install(name, our_image(), flash_path, settings)
        return public


def test_another_makers_terminal_is_held_to_the_same(tmp_path):
    results = play_all(chosen(["KEY-02"]), folder=tmp_path, maker=f"{__name__}:Other")
    assert [result.verdict for result in results] == [PASSED]
    assert Other.made >= 2  # to agree on keys, and to play


# Reports


@pytest.fixture(scope="module")
def results(shelf):
    failing = dataclasses.replace(CASES["PANIC-02"], settings={"panic_hold_ms": 400})
    return [play(CASES["PANIC-01"], shelf), play(failing, shelf), play(CASES["GW-06"], shelf)]


def test_a_picture_has_every_lane_and_is_xml(results):
    root = ElementTree.fromstring(svg.draw(results[0]))
    words = {"".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {
        "panic",
        "red lamp",
        "green lamp",
        "terminal",
        "headquarters",
        "sending",
        "received",
        "2.04",
    } <= words
    assert any(word.startswith("alarm ") for word in words)
    ElementTree.fromstring(svg.alone(results[2]))


def test_the_page_of_a_run_loads_nothing_and_opens_what_failed(results):
    page = html.page(CASES, results)
    assert "Conformance: 2 of 3" in page
    assert re.findall(r'<details id="([A-Z0-9-]+)"[^>]* open>', page) == ["PANIC-02"]
    assert not re.search(r"(src|href)=|url\(|@import", page)


def test_junit_counts(results, tmp_path):
    junit.write(tmp_path / "junit.xml", CASES, results)
    root = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("3", "1", "0")
    (failure,) = root.iter("failure")
    assert failure.get("message") == results[1].sentence.splitlines()[-1]


def test_figures_are_json(results):
    told = json.loads(json.dumps(figures.told(CASES, results)))
    assert told["passed"] == 2 and [row["verdict"] for row in told["cases"]] == [PASSED, FAILED, PASSED]


def test_the_console_tells_the_story_of_what_failed(results):
    words = "\n".join(console.failed(CASES["PANIC-02"], results[1]))
    assert "officer presses panic for 500 ms" in words and "python -m hwsim run PANIC-02" in words
    assert console.table(CASES, results)[-1].split()[:4] == ["all", "2", "/", "3"]


def test_the_chart_for_a_console_has_lamp_keys_and_datagrams(results):
    drawn = "\n".join(chart.lines(results[0]))
    assert "──panic──" in drawn and "◀──2.04──" in drawn and "▒" in drawn


def test_a_lamp_that_stuttered_is_drawn_as_what_it_goes_on_to_show(shelf):
    """Two minutes of "sending": now and then a signature holds it up, and an eye is unsure for a moment."""
    result = play(CASES["PANIC-10"], shelf)
    timeline = Timeline(result)
    (lane,) = [lane for lane in timeline.lanes if lane.name == "red lamp"]
    bars = [bar for bar in lane.bars if bar.text == "sending"]
    drawn_us = sum(bar.end_us - bar.begin_us for bar in bars)
    assert drawn_us > 0.95 * (bars[-1].end_us - bars[0].begin_us)
    assert bars[-1].end_us - bars[0].begin_us > 110_000_000
    rows = [line for line in chart.lines(result)[1:] if "(" in line and "repeats" in line]
    assert rows and all("▒" in line for line in rows)


# Scenarios


@pytest.mark.parametrize(
    "path", sorted((ROOT / "hwsim" / "scenarios").glob("*.toml")), ids=lambda path: path.stem
)
def test_a_scenario_plays(shelf, path):
    result = play(scenario.load(path), shelf)
    assert result.verdict == PASSED, result.sentence
    assert chart.lines(result)


# The commands


def run(*words):
    arguments = program.parser().parse_args(words)
    return arguments.run(arguments)


def test_the_list_runs_nothing(capsys):
    assert run("conformance", "--list", "--only", "CLOCK") == 0
    assert capsys.readouterr().out.startswith("CLOCK-01  With a receiver")


def test_wrong_use_is_told(capsys, tmp_path):
    assert run("conformance", "--only", "NOTHING") == 2
    assert run("run", "NOTHING-01") == 2
    (tmp_path / "x.toml").write_text("a = ")
    assert run("run", str(tmp_path / "x.toml")) == 2
    assert "x.toml" in capsys.readouterr().out


def test_one_case_by_the_command(capsys, tmp_path):
    assert run("conformance", "--only", "KEY-01", "--report", str(tmp_path), "--jobs", "1") == 0
    assert (tmp_path / "report.html").is_file() and (tmp_path / "junit.xml").is_file()
    assert "ok     KEY-01" in capsys.readouterr().out
    assert run("run", "key-02", "--html", str(tmp_path / "one.html")) == 0
    assert "<svg" in (tmp_path / "one.html").read_text("utf-8")
