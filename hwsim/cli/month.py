"""`python -m hwsim month`."""

from hwsim.cli import types

NAME = "month"
HELP = "weeks of one terminal in the heap of its chip: does it hold more from day to day?"
DESCRIPTION = """\
One terminal in virtual time, day after day: a shift with keys, an alarm, new keys for the link and an outage,
then hours at the kerb. Prints the most free heap of each day, as the terminal's own health reports say it;
exit code 1 if it becomes less from the first days to the last, or if anything started again."""
EXAMPLE = "python -m hwsim month --days 30"


def arguments(parser):
    parser.add_argument("--seed", type=int, default=1, help="of everything that is left to chance (1)")
    parser.add_argument("--days", type=types.days, default=30, metavar="N", help="three or more (30)")
    parser.add_argument(
        "--driving", type=types.positive, default=1.0, metavar="H", help="hours of each day on the road (1)"
    )


def run(options):
    import tempfile

    from hwsim import month
    from hwsim.rig import Kit

    with tempfile.TemporaryDirectory(prefix="patrola-month-") as folder:
        made = Kit(folder, settings=month.SETTINGS)
        told = month.run(made, options.seed, options.days, options.driving * 3600, said=_say)
    print(f"least: {told.least} bytes free")
    print(f"{told.frames} frames, {told.starts} start, {told.restarts} tasks started again")
    broken = told.broken()
    for sentence in broken:
        print("broken: " + sentence)
    return 1 if broken else 0


def _say(number, free):
    print(f"day {number:3}: {free} bytes free", flush=True)
