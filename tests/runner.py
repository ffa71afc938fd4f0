"""Runs one file of portable tests under MicroPython; prints a line of JSON per test.

    micropython tests/runner.py tests/protocol/test_cbor.py [--guest]

With --guest the bench's overlays come first on the path, in solo mode: time jumps at every wait.
"""

import sys


def _paths(guest):
    sys.path[:] = [p for p in sys.path if p == ".frozen"]
    sys.path.insert(0, ".")
    if guest:
        sys.path.insert(0, "hwsim/guest")


def _reason(error):
    import io

    text = io.StringIO()
    sys.print_exception(error, text)
    return text.getvalue()


def _run(name, function, json, skipped, asyncio_run, take_tallies):
    result = {"test": name, "outcome": "passed"}
    try:
        outcome = function()
        if hasattr(outcome, "send"):  # an async test: a generator in MicroPython
            asyncio_run(outcome)
    except skipped as error:
        result = {"test": name, "outcome": "skipped", "detail": str(error)}
    except (Exception, AssertionError) as error:
        result = {"test": name, "outcome": "failed", "detail": _reason(error)}
    result["tallies"] = take_tallies()
    print("PATROLA-TEST " + json.dumps(result))


def _asyncio_run(coroutine):
    import asyncio

    asyncio.new_event_loop()
    asyncio.run(coroutine)


def main(argv):
    guest = "--guest" in argv
    path = argv[1]
    only = [a[len("--only=") :] for a in argv if a.startswith("--only=")]
    _paths(guest)
    import gc
    import json

    from tests.portable import Skip, take_tallies

    module_name = path[: -len(".py")].replace("/", ".")
    module = __import__(module_name, None, None, ("x",))
    names = only or sorted(n for n in dir(module) if n.startswith("test"))
    for name in names:
        _run(name, getattr(module, name), json, Skip, _asyncio_run, take_tallies)
        gc.collect()


main(sys.argv)
