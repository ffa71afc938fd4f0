"""The terminal's work on MicroPython: signatures, the handshake's arithmetic, encryption, frames, heap."""

from benchmarks.measure import Bound, Side
from benchmarks.suites.crypto import JOBS

NAME = "firmware"
ABOUT = "signatures, ECDH, AES-CCM, frames and heap on MicroPython"

_P256 = "benchmarks.work.p256:"
_ECDSA = "benchmarks.work.peers_ecdsa:"
_FRAMES = "benchmarks.work.frames:"
_AEAD = "benchmarks.work.peers_aead:"
_HEAP = "benchmarks.work.heap:"


def run(bench):
    _p256(bench)
    _signer(bench)
    _frames(bench)
    _heap(bench)


def _p256(bench):
    small, here = bench.places.micropython, bench.places.here
    sign = Side("firmware.p256, ES256 signature", small, _P256 + "sign")
    promised = {
        "sign": [Bound("ratio", at_most=0.6), Bound("ours", at_most=2000)],
        "verify": [Bound("ratio", at_most=4)],
        "verify_pinned": [Bound("ratio", at_most=2.5)],
    }
    for job, title in JOBS:
        ours = Side(f"firmware.p256, {title}", small, _P256 + job)
        bench.figure(f"{job}_ecdsa", ours, Side("ecdsa on CPython", here, _ECDSA + job))
        if job != "verify_pinned":
            bounds = promised[job] if job == "sign" else ()
            bench.figure(
                f"{job}_plain", ours, Side("our plain comb", small, _P256 + "plain_" + job), bounds=bounds
            )
        if job != "sign":
            bench.figure(f"{job}_signatures", ours, sign, bounds=promised.get(job, ()))


def _signer(bench):
    small = bench.places.micropython
    sign = Side("firmware.p256, ES256 signature", small, _P256 + "sign")
    plain = Side("our plain comb", small, _P256 + "plain_sign")
    long_run = Side("Signer, pool filled and used up", small, _P256 + "signed_frames")
    bench.figure("signer", long_run, plain, bounds=[Bound("ratio", at_most=0.6), Bound("ours", at_most=2000)])
    full = Side("Signer, nothing prepared", small, _P256 + "sign_from_empty")
    bench.figure("signer_empty", full, sign)
    # A whole signature of FIPS 186-5, 6.4.1: digest, nonce, point, s. The promise is judged by the stricter
    # `verify_signatures`, against the arithmetic alone.
    bench.figure("verify_full", Side("firmware.p256, ES256 verification", small, _P256 + "verify"), full)
    bench.figure(
        "signer_online",
        Side("Signer, point at hand (a panic)", small, _P256 + "sign_online"),
        full,
        bounds=[Bound("ratio", at_most=0.05)],
    )


def _frames(bench):
    small, here = bench.places.micropython, bench.places.here
    size = "a frame of 155 bytes"
    for job, peer in (("seal", ""), ("open_sealed", "_open")):
        ours = Side(f"firmware.ccm {job.split('_')[0]}, {size}", small, _FRAMES + job)
        bench.figure(
            f"ccm_{job}_openssl", ours, Side("cryptography on CPython", here, _AEAD + "openssl" + peer)
        )
        bench.figure(
            f"ccm_{job}_tlslite", ours, Side("tlslite-ng on CPython", here, _AEAD + "tlslite" + peer)
        )
    for job in ("encode", "decode"):
        ours = Side(f"protocol.report.{job}, a frame's", small, _FRAMES + job)
        bench.figure(f"report_{job}", ours, Side("MicroPython's json, C", small, f"{_FRAMES}{job}_json"))
        ours = Side(f"protocol.cbor.{job}, a whole frame", small, _FRAMES + "cbor_" + job)
        bench.figure(f"cbor_{job}", ours, Side("the same on CPython", here, _FRAMES + "cbor_" + job))
    bench.figure(
        "oscore_protect",
        Side("OSCORE, message to datagram", small, _FRAMES + "protect"),
        Side("AES-CCM of it alone", small, _FRAMES + "seal"),
    )


def _heap(bench):
    """Left to the collector, in blocks of 32 bytes; a chip's are 16, and most of its objects half as big."""
    small = bench.places.micropython
    for name, ours, work, peer, peer_work in (
        ("nmea", "an NMEA sentence", _HEAP + "sentence", "line.split(b',')", _HEAP + "splitting"),
        ("frame", "a frame, encoded and signed", _HEAP + "frame", "by the plain comb", _HEAP + "plain_frame"),
        ("oscore", "an OSCORE request protected", _FRAMES + "protect", "its AES-CCM alone", _FRAMES + "seal"),
        (
            "coap",
            "a CoAP message decoded",
            _FRAMES + "coap_decode",
            "its parts copied",
            _FRAMES + "coap_copy",
        ),
        ("at", "an AT line read", _FRAMES + "at_line", "line.split(b',')", _FRAMES + "at_split"),
    ):
        bench.heap("heap_" + name, Side(ours, small, work), Side(peer, small, peer_work))
