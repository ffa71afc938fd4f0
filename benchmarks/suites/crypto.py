"""Our algorithms and others' on the same interpreter: what is left is the algorithm."""

from benchmarks.measure import Side

NAME = "crypto"
ABOUT = "P-256 on CPython against the ecdsa package and the plain comb: the algorithm alone"

_OURS = "benchmarks.work.p256:"
_ECDSA = "benchmarks.work.peers_ecdsa:"
JOBS = (
    ("sign", "ES256 signature"),
    ("verify", "ES256 verification"),
    ("verify_pinned", "ES256 verification, pinned key"),
    ("shared_secret", "ECDH shared secret"),
)


def run(bench):
    here = bench.places.here
    for job, title in JOBS:
        ours = Side(f"firmware.p256, {title}", here, _OURS + job)
        bench.figure(f"{job}_ecdsa", ours, Side("ecdsa, pure Python", here, _ECDSA + job))
        if job != "verify_pinned":
            bench.figure(f"{job}_plain", ours, Side("our plain comb", here, _OURS + "plain_" + job))
