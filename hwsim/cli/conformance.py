"""`python -m hwsim conformance`."""

import os
import tempfile
import time

from hwsim.cli import output, types

NAME = "conformance"
HELP = "hold a terminal to its numbered cases, in virtual time"
DESCRIPTION = "Hold the terminal to its numbered cases (docs/conformance.md), in virtual time."
EXAMPLE = "python -m hwsim conformance --report out --only PANIC --only KEY-03"


def arguments(parser):
    parser.add_argument(
        "--only",
        metavar="PREFIX",
        action="append",
        default=[],
        help="only cases whose id begins so; may be given several times",
    )
    parser.add_argument("--list", action="store_true", help="show the cases and run none")
    parser.add_argument(
        "--report",
        type=types.folder,
        metavar="DIR",
        help="write report.html (with a timeline for each case) and junit.xml there",
    )
    output.option(parser, "what became of each case")
    parser.add_argument(
        "--jobs", type=types.count, default=min(2, os.cpu_count() or 1), metavar="N", help="processes (2)"
    )
    parser.add_argument("--seed", type=int, help="of what is left to chance, in place of each case's own")
    parser.add_argument(
        "--image",
        type=types.file,
        metavar="FILE",
        help="a program for the board SIM, in place of this tree's firmware",
    )
    parser.add_argument(
        "--terminal",
        type=types.part,
        metavar="MODULE:CLASS",
        help="another maker's terminal (docs/conformance.md says what it needs)",
    )
    parser.add_argument(
        "--modem",
        choices=("simcom", "quectel"),
        default="simcom",
        help="whose modem the terminal has: its own program, and the bench's model (simcom)",
    )
    parser.add_argument("--quiet", action="store_true", help="say only what failed, and the sum")
    parser.add_argument(
        "--pages",
        type=types.new_file,
        metavar="FILE",
        help="write the page of the cases (docs/conformance.md) and run none",
    )


def run(options):
    from hwsim.conformance import case, console

    try:
        cases = case.chosen(options.only)
    except ValueError as error:
        print(error)
        return 2
    if options.pages:
        from hwsim.conformance import pages

        options.pages.write_text(pages.text(cases), encoding="utf-8")
        return 0
    if options.list:
        for row in cases.values():
            print(f"{row.id:9} {row.title}")
        print(f"{len(cases)} cases")
        return 0
    return _play(options, cases, console)


def _play(options, cases, console):
    from hwsim.conformance import runner

    began = time.monotonic()

    def told(result):
        if not options.quiet:
            print(console.line(cases[result.id], result), flush=True)

    with tempfile.TemporaryDirectory(prefix="patrola-") as folder:
        kits = {"image": options.image, "modem": options.modem}
        if options.terminal:
            kits = {"maker": options.terminal, "folder": folder}
        results = runner.play_all(cases, options.jobs, seed=options.seed, told=told, **kits)
    bad = [result for result in results if result.verdict != runner.PASSED]
    for result in bad:
        print("", *console.failed(cases[result.id], result), sep="\n")
    print("", *console.table(cases, results), sep="\n")
    print(f"{time.monotonic() - began:.0f} s by the wall, {options.jobs} processes")
    if options.report:
        _report(options, cases, results)
    if options.json:
        from hwsim.conformance import figures

        options.json.write(figures.told(cases, results))
    return 1 if bad else 0


def _report(options, cases, results):
    from hwsim.conformance import html, junit

    folder = options.report
    html.write(folder / "report.html", cases, results)
    junit.write(folder / "junit.xml", cases, results)
    print(f"report: {folder / 'report.html'}, {folder / 'junit.xml'}")
