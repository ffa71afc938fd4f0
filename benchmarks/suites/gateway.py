"""The gateway as a whole: how many frames a second one process takes for good, against what the machine can
verify at all, and against a plain server that does the same."""

import math
import os
import time

from benchmarks.measure import BYTES, RATE, TIME, Bound, Figure
from benchmarks.work import gateways, raw_verify
from benchmarks.work.sustained import confirmed, search
from hwsim.load.stand import family, used_s

NAME = "gateway"
ABOUT = "frames a second, latency, memory and start of one gateway process, against aiocoap; 10 minutes"
ONLY_ASKED = True

CARS = 2000
SEARCH_S, LONG_S, BUSY_S = 6, 20, 10
CALM = 3  # flights at 70 %
# How near short flights come to the rate. That of the plain server is found by its long ones anyway.
NEAR, COARSE = 1.05, 1.15
URGENT = 0.02
BY = "issue 5"
_MB = 1 << 20
_WHERE = "one process, SQLite FULL, iotcore on the same machine"


def run(bench):
    raw = raw_verify.Verification()
    raw.measure()
    found = {}
    bench.part("ours", lambda: _ours(bench, found, raw.rate / 5))
    bench.part("aiocoap", lambda: _plain(bench, found))
    raw.measure()
    bench.detail("raw_verifications_per_s", raw.rates)
    bench.part("frames_per_s", lambda: _ratios(bench, raw, found))
    bench.part("workers", lambda: _workers(bench, found))
    bench.part("memory", lambda: _memory(bench))
    bench.part("start", lambda: _start(bench))


def _measure(bench, name, side, start, near):
    """(rate, long flight, flight at 70 %) of one side; the flights go into the JSON."""
    flights, began = [], time.perf_counter()

    def fly(rate, seconds=SEARCH_S, **more):
        cpu_s = side.cpu_s()
        document = side.load.fly(rate, seconds, urgent=URGENT, drain_s=3, jobs=2, **more)
        document["cpu_us_per_frame"] = round((side.cpu_s() - cpu_s) / document["frames"] * 1e6, 1)
        flights.append(document)
        return document

    fly(min(500, start), len(side.cars) / min(500, start))  # every car has spoken once
    rate, _ = search(fly, start, near=near)
    rate, long = confirmed(lambda rate: fly(rate, LONG_S), rate)
    # One pause of the machine for 0.2 s is the hundredth of such a flight: of three the middle one counts.
    calms = sorted((fly(0.7 * rate, LONG_S) for _ in range(CALM)), key=_p99)
    calm = calms[CALM // 2]
    took_s = round(time.perf_counter() - began, 1)
    bench.detail(
        name, {"rate": rate, "flights": flights, "long": long, "at_70_percent": calm, "took_s": took_s}
    )
    bench.detail(f"{name}_answer_p99_ms", [flight["answer_ms"]["all"]["p99"] for flight in calms])
    return rate, long, calm, fly


def _ours(bench, found, start):
    ours = gateways.Ours(CARS)
    try:
        ours.observed()
        rate, long, calm, fly = _measure(bench, "ours", ours, start, NEAR)
        found["ours"] = (rate, long, calm)
        bench.amount("cpu_per_frame", TIME, long["cpu_us_per_frame"], "processor time of a frame", _WHERE)
        _latency(bench, calm)
        _overload(bench, ours, fly, rate)
    finally:
        ours.close()


def _latency(bench, calm):
    for share in ("p50", "p99"):
        bounds = [Bound("ours", at_most=50_000, by=BY)] if share == "p99" else []
        what = f"answer at 70 % of the sustained rate, {share}"
        bench.amount(f"answer_{share}", TIME, 1000 * calm["answer_ms"]["all"][share], what, _WHERE, bounds)
        what = f"arrival at a subscriber at 70 %, {share}"
        bench.amount(f"arrival_{share}", TIME, 1000 * calm["arrival_ms"]["all"][share], what, _WHERE)


def _overload(bench, ours, fly, rate):
    """Three times what it can do, and as many forged datagrams as it can do frames. The cars repeat as
    terminals do, one bulk datagram at a time. Then the worst case, without a bound: each datagram by itself,
    as a fleet does that has a car for each."""
    document = fly(3 * rate, 10, forged=round(rate), warm_s=2)
    apart = fly(3 * rate, 10, forged=round(rate), warm_s=2, apart=True)
    bench.detail("overload", document)
    bench.detail("overload_apart", apart)
    value = _p99_us(apart, "answer", "panic")
    bench.amount(
        "panic_answer_apart", TIME, value, "the same, every datagram repeated by itself, p99", _WHERE
    )
    for when in ("answer", "arrival"):
        value = _p99_us(document, when, "panic")
        what = f"{when} of a panic in three times the load and a forged flood, p99"
        bounds = [Bound("ours", at_most=1_000_000, by=BY)]
        bench.amount(f"panic_{when}_overload", TIME, value, what, _WHERE, bounds)
    if document["lost"]:
        raise RuntimeError(f"{document['lost']} datagrams were answered 2.04 and lost in overload")


def _p99(flight):
    p99 = flight["answer_ms"]["all"]["p99"]
    return math.inf if p99 is None else p99


def _p99_us(document, when, kind):
    p99 = document[f"{when}_ms"][kind]["p99"]
    return float(10**9) if p99 is None else 1000 * p99


def _plain(bench, found):
    with gateways.Beside() as broker:
        plain = gateways.Plain(CARS, broker)
        try:
            found["plain"] = _measure(bench, "aiocoap", plain, 200, COARSE)[:3]
        finally:
            plain.close()


def _ratios(bench, raw, found):
    rate = found["ours"][1]["frames_per_s"]
    ours = ("frames taken for good", f"Patrola's gateway, {_WHERE}")
    _keep(bench, "of_raw", rate, raw.rate, ours, ("cryptography, ES256 verifications", "one thread"), 0.35)
    if "plain" in found:
        theirs = ("frames taken for good", "aiocoap, the same disk and broker")
        _keep(bench, "of_aiocoap", rate, found["plain"][1]["frames_per_s"], ours, theirs, 4)
        mine, other = found["ours"][2], found["plain"][2]
        for share in ("p50", "p99"):
            values = [1000 * each["answer_ms"]["all"][share] for each in (mine, other)]
            what = f"answer at 70 % of its own rate, {share}"
            bench.keep(Figure(NAME, f"answer_{share}", TIME, *values, what, what, ours[1], theirs[1]))


def _keep(bench, name, rate, peer, ours, theirs, at_least):
    bound = Bound("ratio", at_least=at_least, by=BY)
    bench.keep(
        Figure(NAME, name, RATE, rate, peer, ours[0], theirs[0], ours[1], theirs[1], 1, (1, 1), None, [bound])
    )


def _workers(bench, found):
    """Two worker processes against one. The generator, the broker and two workers want four cores; with fewer
    only processor time can be compared, of the busier worker and of one process: what two free cores would
    give, but for what they wait for each other. Both have somewhat more to do than they can. At the same
    lower rate a worker has half as much to do, commits smaller groups, and each frame costs it more."""
    rate = found["ours"][0]
    if (os.cpu_count() or 1) >= 4:
        two = gateways.Ours(CARS, command=("--workers", "2"))
        try:
            _, long, _, _ = _measure(bench, "two_workers", two, rate, NEAR)
        finally:
            two.close()
        rates = long["frames_per_s"], found["ours"][1]["frames_per_s"]
        _keep(bench, "two_workers", *rates, ("two workers", _WHERE), ("one process", _WHERE), 1.6)
        return
    bench.leave_out("two_workers", f"{os.cpu_count()} cores: gateway, generator and broker share them")
    one, two = _busier(1.15 * rate), _busier(1.6 * rate, "--workers", "2")
    bench.detail("two_workers", {"one": one, "two": two})
    if one["flight"]["lost"] or two["flight"]["lost"]:
        raise RuntimeError("answered 2.04 and lost, while there was more to do than could be done")
    what = "processor time of a frame, two workers with more to do than they can"
    bench.amount("cpu_per_frame_two", TIME, sum(two["cpu_us_per_frame"]), what, _WHERE)
    rates = (1e6 / max(each["cpu_us_per_frame"]) for each in (two, one))
    ours = ("frames for a second of the busier worker", f"two workers, {_WHERE}")
    theirs = ("frames for a second of its processor", f"one process, {_WHERE}")
    _keep(bench, "two_workers_processor", *rates, ours, theirs, 1.6)


def _busier(rate, *command):
    """A flight with a fresh journal, and without repeats; what each process used for a frame that was stored,
    and how many each stored."""
    side = gateways.Ours(CARS, command=command)
    try:
        side.load.fly(min(rate, 500), CARS / min(rate, 500), urgent=URGENT)
        before, stored = {pid: used_s(pid) for pid in family(side.stand.pid)}, side.stored()
        flight = side.load.fly(rate, BUSY_S, urgent=URGENT, jobs=2, drain_s=3, repeat=False)
        frames = [count - stored.get(node, 0) for node, count in side.stored().items()]
        spent = [(used_s(pid) - s) / sum(frames) * 1e6 for pid, s in before.items()]
    finally:
        side.close()
    share = max(frames) / sum(frames)
    return {"flight": flight, "cpu_us_per_frame": spent, "frames": frames, "share_of_busier": share}


def _memory(bench):
    ours = gateways.Ours(10_000, relay=False)
    try:
        bench.amount(
            "resident_start", BYTES, ours.stand.memory()[0], "10,000 terminals, just started", _WHERE
        )
        ours.observed()
        ours.load.fly(500, 20, urgent=0)
        most = ours.stand.memory()[1]
        what = "at most, with 10,000 terminals that all listen and have all spoken"
        bench.amount("resident", BYTES, most, what, _WHERE, [Bound("ours", at_most=256 * _MB, by=BY)])
    finally:
        ours.close()


def _start(bench):
    ours = gateways.Ours(100_000, relay=False)
    try:
        ours.stand.stop()  # the first start made the file; a restart is what counts
        times, spent = [ours.start_s], []
        for _ in range(3):
            began = time.perf_counter()
            ours.stand.start()
            times.append(time.perf_counter() - began)
            spent.append(ours.stand.cpu_s())
            ours.stand.stop()
        bench.detail("starts_s", times)
        bench.amount("start_cpu", TIME, 1e6 * min(spent), "processor time of that start", _WHERE)
        what = "until it takes datagrams, 100,000 terminals with their links"
        bound = Bound("ours", at_most=5_000_000, by=BY)
        bench.amount("start", TIME, 1e6 * max(times), what, _WHERE, [bound])
    finally:
        ours.close()
