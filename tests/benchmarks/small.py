"""Small pieces of work for the tests of the runner. Both Pythons."""

from benchmarks.timing import Work


def sums():
    return Work(lambda: sum(range(3)))


def lists():
    return Work(lambda: [0] * 64)


def broken():
    def once():
        raise RuntimeError("broken on purpose")

    return Work(once)


def of_no_package():
    import no_such_package

    return Work(no_such_package.work)


def ends():
    raise SystemExit
