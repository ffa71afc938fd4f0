"""What the program's operations cost here, beside what the bench charges for them (`hwsim/costs.toml`)."""

NAME = "costs"
ABOUT = "each operation's time in the running program, against what hwsim/costs.toml says"


def run(bench):
    bench.remark("costs: nothing measures them yet")


def as_toml(bench, machine):
    return ""
