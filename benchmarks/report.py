"""What is told of a run: the machine, a table, JSON."""

import os
import platform
import time
from importlib import metadata
from pathlib import Path

from benchmarks.measure import BYTES, RATE

PEERS = ("ecdsa", "tlslite-ng", "cryptography", "pynmea2", "pynmeagps")


def load():
    """Processes waiting for a processor; None where the system does not say."""
    try:
        return round(os.getloadavg()[0], 2)
    except OSError:
        return None


def machine(places, load_before):
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "pythons": places.versions(),
        "packages": {name: _version(name) for name in PEERS},
        "load": [load_before, load()],
    }


def _processor():
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"


def _version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def document(bench, machine):
    """Everything, as JSON."""
    return {
        "machine": machine,
        "figures": [figure.as_json() for figure in bench.figures],
        "amounts": [each.as_json() for each in bench.amounts],
        "details": bench.details,
        "left_out": [vars(row) for row in bench.left_out],
        "failed": [vars(row) for row in bench.failed],
        "remarks": bench.remarks,
        "missed": [f"{f.suite}.{f.name}: {bound}" for f, bound in bench.missed],
    }


def amount(value, unit):
    """A value with its unit, in three figures or so."""
    if unit == RATE:
        return f"{value:,.0f} /s"
    if unit == BYTES:
        return f"{value:,.0f} B"
    if value >= 1000:
        return f"{value / 1000:.3f} ms" if value < 100000 else f"{value / 1000:.0f} ms"
    return f"{value:.1f} us" if value >= 10 else f"{value:.2f} us"


def _ratio(value):
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def _said(figure):
    parts = []
    for bound in figure.bounds:
        parts.append(f"{bound} {'kept' if bound.kept(figure) else 'MISSED'}")
    return "; ".join(parts)


def _where(what, where):
    return f"{what} [{where}]"


def table(bench, machine):
    """For people. One block of lines per suite."""
    lines = [
        f"{machine['time']}  {machine['processor']}, {machine['cores']} cores, {machine['system']}, "
        f"load {machine['load'][0]} .. {machine['load'][1]}",
        *machine["pythons"],
        ", ".join(f"{name} {version}" for name, version in machine["packages"].items() if version),
    ]
    suite = None
    for figure in bench.figures:
        if figure.suite != suite:
            suite = figure.suite
            lines += ["", f"{suite:26} {'ours':>11} {'peer':>11} {'ratio':>6} {'middle half':>13}  x  of"]
        spread = "" if figure.spread is None else f"{_ratio(figure.spread[0])}..{_ratio(figure.spread[1])}"
        lines.append(
            f"  {figure.name:24} {amount(figure.ours, figure.unit):>11} "
            f"{amount(figure.peer, figure.unit):>11} {_ratio(figure.ratio):>6} {spread:>13} "
            f"{figure.rounds:>2}  "
            f"{_where(figure.ours_what, figure.ours_where)} : {_where(figure.peer_what, figure.peer_where)}"
        )
        if figure.bounds:
            lines.append(f"{'':26} {_said(figure)}")
    for each in bench.amounts:
        value = amount(each.ours, each.unit)
        lines.append(f"  {each.suite + '.' + each.name:34} {value:>11}  {_where(each.what, each.where)}")
        if each.bounds:
            lines.append(f"{'':26} {_said(each)}")
    for row in bench.left_out:
        lines.append(f"left out: {row.suite}.{row.name}: {row.reason}")
    for row in bench.failed:
        lines.append(f"FAILED: {row.suite}.{row.name}: {row.reason}")
    lines += [f"remark: {text}" for text in bench.remarks]
    for figure, bound in bench.missed:
        lines.append(f"MISSED: {figure.suite}.{figure.name}: {bound}, promised by {bound.by}")
    return "\n".join(lines)


def progress(file):
    """A line per figure while it goes, where somebody looks on."""
    if not file.isatty():
        return None

    def tell(figure):
        print(f"{figure.suite}.{figure.name}: {_ratio(figure.ratio)}", file=file)

    return tell
