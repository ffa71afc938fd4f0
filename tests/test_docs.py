"""The documents hold: links lead somewhere, commands and events exist, and the frame shown can be checked."""

import ast
import importlib
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import flash
from gateway import cli
from hwsim import __main__ as hwsim

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES += sorted((ROOT / "boards").rglob("*.md"))
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_COMMAND = re.compile(r"(?:python -m (\w+)|(\./flash\.py))(?: ([a-z][\w-]*))?([^`#\n]*)")
_OPTION = re.compile(r"(?<!\S)--[a-z][a-z-]*")
_EVENT = re.compile(r'(?:log|_log)\.(info|together|warning|error)\(\s*"([a-z.]+)"|"(panic\.[a-z]+)",\n')
PARSERS = {"gateway": cli._parser, "hwsim": hwsim.parser, "flash": flash.parser}


def broken_links(page: Path, text: str) -> list[str]:
    """Relative links that lead nowhere; what begins with a scheme or # is not looked at."""
    targets = [link.split("#")[0] for link in _LINK.findall(text) if not re.match(r"[a-z]+:|#", link)]
    return [target for target in targets if not (page.parent / target).exists()]


def commands(text: str):
    """(program, subcommand or None, its options) of every command of ours that a page names."""
    joined = re.sub(r"\\\n\s*", " ", text)
    for module, script, name, rest in _COMMAND.findall(joined):
        program = "flash" if script else module
        if program in PARSERS:
            yield program, name or None, _OPTION.findall(rest)


def subcommands(parser) -> dict:
    (action,) = [a for a in parser._actions if a.choices and hasattr(a, "add_parser")]
    return action.choices


def unknown_commands(text: str) -> list[str]:
    wrong = []
    for program, name, options in commands(text):
        known = subcommands(PARSERS[program]())
        if name is None:
            continue
        if name not in known:
            wrong.append(f"{program} {name}")
            continue
        wrong += [f"{program} {name} {o}" for o in options if o not in known[name]._option_string_actions]
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    assert broken_links(page, page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_exist_with_their_options(page):
    assert unknown_commands(page.read_text(encoding="utf-8")) == []


def test_the_looks_can_fail():
    assert broken_links(ROOT / "README.md", "[a](docs/nowhere.md) [b](docs/officer.md) [c](https://x)") == [
        "docs/nowhere.md"
    ]
    assert unknown_commands("`python -m gateway enrol` and `./flash.py write --board SIM`") == [
        "gateway enrol",
        "flash write",
    ]
    assert unknown_commands("python -m gateway list \\\n   --nothing") == ["gateway list --nothing"]


def test_every_subcommand_is_named_in_some_page():
    named = {(p, n) for page in PAGES for p, n, _ in commands(page.read_text(encoding="utf-8"))}
    named |= {("hwsim", "demo")} if "make demo" in PAGES[0].read_text(encoding="utf-8") else set()
    there = {(p, n) for p in PARSERS for n in subcommands(PARSERS[p]())}
    assert there <= named, there - named


@pytest.mark.parametrize("program", PARSERS)
def test_every_argument_has_its_help(program):
    for name, part in subcommands(PARSERS[program]()).items():
        assert "example:" in part.format_help(), name
        missing = [a.dest for a in part._actions if not a.help]
        assert not missing, f"{program} {name}: {missing}"


def test_make_targets_named_in_the_pages_exist():
    made = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in PAGES:
        # `make -C elsewhere` is another project's.
        named = set(re.findall(r"(?:^|`)make (?!-)([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE))
        assert named <= made, f"{page.relative_to(ROOT)}: {named - made}"


def test_every_event_of_the_gateways_log_is_explained():
    page = (ROOT / "docs" / "operator.md").read_text(encoding="utf-8")
    # `command.queued`, `.delivered`: the room is said once in a row of the table.
    explained = set(re.findall(r"`([a-z]+\.[a-z]+|[a-z]+)`", page))
    for room, others in re.findall(r"`([a-z]+)\.[a-z]+`((?:, `\.[a-z]+`)+)", page):
        explained |= {room + other for other in re.findall(r"\.[a-z]+", others)}
    told = set()
    for file in sorted((ROOT / "gateway").rglob("*.py")):
        for _, event, stage in _EVENT.findall(file.read_text(encoding="utf-8")):
            told.add(event or stage)
    assert {"frame.stored", "panic.open", "relay.lost"} <= told
    assert told <= explained, told - explained


def test_examples_are_json():
    page = (ROOT / "docs" / "integrator.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    assert len(blocks) > 4
    decoder = json.JSONDecoder()
    for block in blocks:
        rest = block.strip()
        while rest:
            _, end = decoder.raw_decode(rest)
            rest = rest[end:].lstrip()


def test_the_frame_shown_to_integrators_is_genuine():
    page = (ROOT / "docs" / "integrator.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^python (-m gateway verify .*?)^```", page, re.DOTALL | re.MULTILINE)
    arguments = shlex.split(command.replace("\\\n", " "))
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr + done.stdout
    (said,) = re.findall(r"prints `(genuine: [^`]+)`", page)
    assert done.stdout.splitlines()[0] == said
    changed = [*arguments[:-1], arguments[-1][:-1] + ("0" if arguments[-1][-1] != "0" else "1")]
    done = subprocess.run(
        [sys.executable, *changed], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1 and "NOT genuine" in done.stdout


def test_a_line_of_the_image_leads_back_as_the_page_says():
    image = importlib.import_module("flashing.image")
    program = image.sources(image.load_board("SIM"))
    rows = [line.split() for line in program["lines.txt"].splitlines()]
    begins = [(int(row[1]), row[2]) for row in rows]
    (texts,) = re.findall(r"^all_texts = (.*)$", program["patrola.py"], re.MULTILINE)
    texts = ast.literal_eval(texts)
    checked = 0
    for number, line in enumerate(program["patrola.py"].splitlines(), 1):
        piece = re.match(r"\s*raise .*?piece_of_text\((\d+), (\d+)\)", line)
        if piece is None:
            continue
        begin, name = max(entry for entry in begins if entry[0] <= number)
        source = ROOT.joinpath(*name.split(".")).with_suffix(".py").read_text(encoding="utf-8")
        said = texts[int(piece[1]) : int(piece[2])]
        assert said in source.splitlines()[number - begin], f"{name}, patrola.py {number}"
        checked += 1
    assert checked > 50
