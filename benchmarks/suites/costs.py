"""What the program's operations cost here, beside what the bench charges for them (`hwsim/costs.toml`)."""

from benchmarks.measure import TIME, Figure
from hwsim import costs

NAME = "costs"
ONLY_ASKED = True  # it takes a minute, and judges a table, not the program
ABOUT = "each operation's time in the running program, against what hwsim/costs.toml says"

_found = {}


def run(bench):
    """Measured by hwsim.costs: a drive in virtual time, scaled to the reference machine by the plain comb."""
    table = costs.load()
    _found.update(costs.measure(sorted(table)))
    for name in sorted(table):
        if name in _found:
            us, _, calls, _ = _found[name]
            fresh, written = max(us, 0.5), max(table[name][0], 0.5)
            sides = ("measured now", "written", "MicroPython, scaled", "hwsim/costs.toml")
            bench.keep(Figure(NAME, name, TIME, fresh, written, *sides, repetitions=(calls, 1)))
    missing = sorted(set(table) - set(_found))
    if missing:
        bench.remark("costs: not called in this drive, as written: " + ", ".join(missing))


def write(path):
    """A new table; what the drive did not call stays as it was."""
    table = costs.load()
    costs.write({name: (*row, 0, 0) for name, row in table.items()} | _found, path)
