"""The command `soak`: one seed or many, side by side; what is said of them; and how a violation is made
smaller."""

import functools
import math
import os
import secrets
import sys
import tempfile
import time

from hwsim import cores, workers
from hwsim.faults import FAULTS, PROFILES, profile
from hwsim.faults.registry import ACTS, CAR
from hwsim.officers import PATROL
from hwsim.soak import kit, run
from hwsim.technician import FleetError

_SHRINK_RUNS = 40


class WrongUse(Exception):
    """The text says which option cannot be."""


def soak(options):
    """Exit code: 0 no violation, 1 one or more, 2 wrong use."""
    try:
        faults = chosen(options)
    except (ValueError, WrongUse) as error:
        print(f"soak: {error}", file=sys.stderr)
        return 2
    if options.list:
        return _list(faults)
    first = secrets.randbelow(1 << 31) if options.seed is None else options.seed
    seeds = range(first, first + options.seeds)
    print(f"soak: seeds {seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else f"soak: seed {first}", flush=True)
    results = []
    try:
        with tempfile.TemporaryDirectory(prefix="patrola-soak-") as folder:
            made = kit(options.terminals, folder, options.life)
            began_s, began_cpu_s = time.perf_counter(), _cpu_s()
            for result in _runs(seeds, options, faults, made):
                results.append(result)
                _say(result, options)
            if options.shrink:
                for result in [result for result in results if result.violations][:1]:
                    shrink(result, options, faults, made)
    except FleetError as error:
        print(f"soak: {error}", file=sys.stderr)
        return 1
    broken = [result for result in results if result.violations]
    if options.json:
        report = results[0].as_json() if len(results) == 1 else summary(results)
        options.json.write(report)
    days = sum(result.terminal_days for result in results)
    print(f"soak: {len(results)} runs, {days:.2f} terminal-days, {len(broken)} with violations", flush=True)
    spent_s, cpu_s = time.perf_counter() - began_s, _cpu_s() - began_cpu_s
    print(f"soak: {spent_s / 60:.1f} minutes, {days * 86400 / cpu_s:.0f} terminal-seconds a processor-second")
    return 1 if broken else 0


def _cpu_s():
    """What this process and those that it has started, programs of terminals among them, have computed."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _list(faults):
    """Every fault, how often it happens in a profile, and what it is."""
    for name, meta in FAULTS.items():
        print(f"{name:<20} {getattr(faults, name):>8.4g} {meta['kind']:<17} {meta['meaning']}")
    print("\nprofiles: " + ", ".join(PROFILES))
    return 0


def summary(results):
    """Of many runs, in the form of one, and each."""
    rows = [result.as_json() for result in results]
    return {
        "seeds": [row["seed"] for row in rows],
        "trace": {row["seed"]: row["trace"] for row in rows},
        "violations": [f"seed {row['seed']}: {text}" for row in rows for text in row["violations"]],
        "terminal_days": round(sum(result.terminal_days for result in results), 4),
        "times_real_time": round(sum(result.times_real_time for result in results) / len(results), 1),
        "drain_s": max(result.drain_s for result in results),
        "runs": rows,
    }


def chosen(options):
    """The Faults that the options ask for. ValueError or WrongUse says what is wrong."""
    only, without = options.only, options.without
    faults = profile(options.faults).often(options.often)
    for names in (only, without):
        for each in _names(names):
            if each not in FAULTS:
                raise WrongUse(f"there is no fault {each!r}")
    if only is not None:
        faults = faults.only(*_names(only))
    if without is not None:
        faults = faults.without(*_names(without))
    moments = tuple(_moment(text, options.terminals) for text in options.at)
    return faults.with_(at=moments) if moments else faults


def _names(text):
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def _moment(text, terminals):
    """`power_cut@120` or `power_cut@120:1`."""
    name, _, when = text.partition("@")
    seconds, _, car = when.partition(":")
    if name not in ACTS:
        raise WrongUse(f"{text!r}: no fault {name!r} that could happen at a certain moment")
    try:
        index = int(car or 0)
        moment = (name, float(seconds), index if ACTS[name][0] == CAR else None)
        if not math.isfinite(moment[1]):
            raise ValueError
    except ValueError:
        raise WrongUse(f"{text!r} is not of the form NAME@SECONDS or NAME@SECONDS:CAR") from None
    if not 0 <= index < terminals:
        raise WrongUse(f"{text!r}: there are {terminals} cars, counted from 0")
    return moment


def command(options, seed, hours, faults):
    """What one would type to see it again with these faults."""
    of_profile = profile(options.faults).active()
    left = [fault for fault in of_profile if getattr(faults, fault)]
    words = f"python -m hwsim soak --seed {seed} --terminals {options.terminals} --hours {_whole(hours)}"
    words += f" --faults {options.faults if left else 'none'}"
    if options.life != PATROL:
        words += f" --life {options.life}"
    if options.often != 1:
        words += f" --often {_whole(options.often)}"
    if 0 < len(left) < len(of_profile):
        gone = [fault for fault in of_profile if fault not in left]
        words += f" --only {','.join(left)}" if len(left) <= len(gone) else f" --without {','.join(gone)}"
    for fault, seconds, car in faults.at:
        words += f" --at {fault}@{_whole(seconds)}" + ("" if not car else f":{car}")
    return words


def _whole(number):
    """All its digits: with fewer it is another run."""
    short = f"{number:g}"
    return short if float(short) == number else repr(number)


def _runs(seeds, options, faults, made):
    play = functools.partial(run, terminals=options.terminals, hours=options.hours, faults=faults)
    play = functools.partial(play, made=made, life=options.life)
    if options.jobs == 1 or len(seeds) == 1:
        with cores.one():
            yield from map(play, seeds)
        return
    jobs = min(options.jobs, len(seeds))
    yield from workers.as_done(jobs, play, ((seed,) for seed in seeds), *cores.share(workers.CONTEXT, jobs))


def _say(result, options):
    happened = sum(result.faults.values())
    verdict = f"{len(result.violations)} VIOLATIONS" if result.violations else "all promises kept"
    print(
        f"seed {result.seed}: {verdict}; {result.terminals} terminals, {result.hours:g} h, "
        f"{result.frames} frames, {result.alarms} alarms, {happened} faults, "
        f"home after {result.drain_s:.0f} s, {result.times_real_time:.0f} times real time",
        flush=True,
    )
    if not result.violations:
        return
    for text in result.violations[:8]:
        print(f"  BROKEN {text}")
    if len(result.violations) > 8:
        print(f"  ... and {len(result.violations) - 8} more")
    for text in result.story:
        print(f"  | {text}")
    faults = chosen(options)
    again = command(options, result.seed, options.hours, faults)
    print(f"  again: {again}", flush=True)


def shrink(result, options, faults, made):
    """Leave out faults and hours as long as the same rule is still broken; say the smallest command."""
    rule, seed = result.rules[0], result.seed
    left = _SHRINK_RUNS

    def breaks(tried, hours):
        nonlocal left
        if left == 0:
            return False
        left -= 1
        return rule in run(seed, options.terminals, hours, tried, made, life=options.life).rules

    hours = options.hours
    while hours > 0.1 and breaks(faults, hours / 2):
        hours /= 2
    smaller = halve(faults, lambda tried: breaks(tried, hours))
    print(
        f"  smallest that breaks {rule}: {command(seed, options.terminals, hours, options.faults, smaller)}"
    )
    return smaller, hours


def halve(faults, breaks):
    """The Faults with as few names as `breaks(faults)` allows: halves first, then one by one."""
    size = max(1, len(faults.active()) // 2)
    while True:
        names = faults.active()
        for start in range(0, len(names), size):
            tried = faults.without(*names[start : start + size])
            if len(tried.active()) < len(faults.active()) and breaks(tried):
                faults = tried
        if size == 1:
            return faults
        size //= 2
