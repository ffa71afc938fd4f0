"""NMEA: sentences per second on recorded logs."""

from benchmarks.measure import RATE, Bound, Side
from benchmarks.work import nmea as work

NAME = "nmea"
ABOUT = "sentences a second, against splitting alone, pynmea2 and pynmeagps"

_OURS = "benchmarks.work.nmea:"
_PEERS = "benchmarks.work.peers_nmea:"


def run(bench):
    """On MicroPython every line of the logs; on CPython what all parsers read, and the same fields of it."""
    if not work.recordings():
        bench.remark(
            "nmea: no recorded logs (set PATROLA_VECTORS to the folder of the vectors): a small log typed in "
            "stands in, so these figures are no verdict on the promised ones"
        )
    small, here = bench.places.micropython, bench.places.here
    bench.figure(
        "parser",
        Side("protocol.nmea, every line", small, _OURS + "everything"),
        Side("line.split(b',') alone", small, _OURS + "splitting"),
        RATE,
        [Bound("ours", at_least=30000)],
    )
    bench.figure(
        "stream",
        Side("protocol.lines and nmea, 64 bytes at a time", small, _OURS + "stream"),
        Side("line.split(b',') alone", small, _OURS + "splitting"),
        RATE,
        [Bound("ours", at_least=30000)],
    )
    bench.figure(
        "parser_both_pythons",
        Side("protocol.nmea, every line", small, _OURS + "everything"),
        Side("the same on CPython", here, _OURS + "everything"),
        RATE,
    )
    bench.figure(
        "pynmea2",
        Side("protocol.nmea, same fields", here, _PEERS + "ours"),
        Side("pynmea2", here, _PEERS + "by_pynmea2"),
        RATE,
        [Bound("ratio", at_least=3)],
    )
    bench.figure(
        "pynmea2_parse_only",
        Side("protocol.nmea, no field taken", here, _PEERS + "ours_parse"),
        Side("pynmea2.parse: nothing converted yet", here, _PEERS + "pynmea2_parse"),
        RATE,
    )
    bench.figure(
        "pynmeagps",
        Side("protocol.nmea, same fields", here, _PEERS + "ours"),
        Side("pynmeagps", here, _PEERS + "by_pynmeagps"),
        RATE,
    )
