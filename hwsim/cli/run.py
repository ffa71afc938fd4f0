"""`python -m hwsim run`."""

from pathlib import Path

from hwsim.cli import types

NAME = "run"
HELP = "play one story in virtual time and draw its timeline"
DESCRIPTION = (
    "Play one story in virtual time and draw its timeline: a case by its id, or a scenario from a TOML file\n"
    "(hwsim/conformance/scenario.py shows one with every entry; hwsim/scenarios/ holds some)."
)
EXAMPLE = "python -m hwsim run PANIC-21 --html story.html"


def arguments(parser):
    parser.add_argument("scenario", metavar="SCENARIO", help="a case (PANIC-21) or a TOML file")
    parser.add_argument(
        "--html", type=types.new_file, metavar="FILE", help="write the picture and the story to FILE"
    )
    parser.add_argument("--svg", type=types.new_file, metavar="FILE", help="write the picture alone to FILE")
    parser.add_argument("--seed", type=int, help="of what is left to chance")
    parser.add_argument("--quiet", action="store_true", help="only the verdict")


def run(options):
    from hwsim.conformance import case, chart, html, runner, scenario, shelf, svg

    cases = case.load()
    chosen = cases.get(options.scenario.upper())
    if chosen is None:
        if not Path(options.scenario).is_file():
            print(f"{options.scenario}: neither a case (python -m hwsim conformance --list) nor a file")
            return 2
        try:
            chosen = scenario.load(options.scenario)
        except scenario.ScenarioError as error:
            print(error)
            return 2
    result = runner.play(chosen, shelf.Shelf(), options.seed)
    if not options.quiet:
        print(f"{chosen.id}: {chosen.title}", *chart.lines(result), sep="\n")
    if options.html:
        options.html.write_text(html.one(chosen, result), encoding="utf-8")
    if options.svg:
        options.svg.write_text(svg.alone(result), encoding="utf-8")
    print(f"{result.verdict}" + (f": {result.sentence}" if result.sentence else ""))
    return 0 if result.verdict == runner.PASSED else 1
