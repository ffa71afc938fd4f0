"""CBOR of real frames on CPython, against cbor2."""

from benchmarks.measure import Side

NAME = "cbor"
ABOUT = "encode and decode real frames, against cbor2's Python code and its C code"

_OURS = "benchmarks.work.frames:"
_PEERS = "benchmarks.work.peers_cbor:"


def run(bench):
    """A position, a panic and a health frame with the reports inside; all sides in the peers' CPython."""
    place = bench.places.peers
    for job in ("encode", "decode"):
        function = {"encode": "_encoder.dumps(canonical=True)", "decode": "_decoder.loads"}[job]
        ours = Side(f"protocol.cbor.{job}, a frame", place, _OURS + "cbor_" + job)
        bench.figure(
            f"{job}_python", ours, Side(f"cbor2.{function}, Python", place, _PEERS + "python_" + job)
        )
        bench.figure(
            f"{job}_c", ours, Side(f"_cbor2.{function.split('.')[1]}, C", place, _PEERS + "c_" + job)
        )
