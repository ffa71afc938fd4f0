"""Frames: none lost, none under two names, none that anybody else made."""

from hwsim.checks.excuses import ROT, STORE_LOST, WORN, WORN_OUT
from hwsim.checks.signed import URGENT
from hwsim.checks.verdict import Violation

_BULK_KB, _FRAME_BYTES, _LEAST_S = 256, 256, 5  # defaults of bulk_kb and least_s; a record on flash


def every_frame_arrives(recording, drained):
    """PROTOCOL.md, Delivery: stored before it counts as reported, dropped only on a 2.04. So what once was on
    the air is at headquarters in the end, and so is every number before the highest of its start."""
    if not drained:
        return
    for car in recording.cars.values():
        if car.withdrawn:
            continue
        if len(recording.faults_near(WORN, 0, recording.now_us, car.name)) >= WORN_OUT:
            continue
        rotten = len(recording.faults_near(ROT, 0, recording.now_us, car.name))
        lost = list(_lost(recording, car))
        if sum(count for count, _ in lost) > rotten:
            yield from (violation for _, violation in lost)


def _lost(recording, car):
    """(how many frames, what is to be said of them)."""
    full = _was_full(car, recording)
    sent = {name for name in car.frames if name not in recording.rows}
    for name in sorted(sent):
        at_us, frame = car.frames[name]
        urgent = frame.kind in URGENT
        if urgent or not full:
            kind = "urgent" if urgent else "bulk"
            text = f"{car.name}: {kind} frame {name[1]}/{name[2]} was sent and is not at headquarters"
            yield 1, Violation(at_us, "lost frame", text)
    if not full:
        yield from _gaps(recording, car, sent)


def _gaps(recording, car, sent):
    highest = {}
    for kid, boot, seq in [*car.frames, *recording.rows]:
        if kid == car.kid:
            highest[boot] = max(seq, highest.get(boot, -1))
    for boot, last in sorted(highest.items()):
        names = [(car.kid, boot, seq) for seq in range(last)]
        gone = [name[2] for name in names if name not in recording.rows and name not in sent]
        if gone:
            shown = ", ".join(str(seq) for seq in gone[:5]) + (" ..." if len(gone) > 5 else "")
            text = f"{car.name}: of start {boot}, frames {shown} of {last + 1} never came, later ones did"
            yield len(gone), Violation(recording.now_us, "lost frame", text)


def _was_full(car, recording):
    """Was there a silence long enough to fill the room for bulk? Then old positions may have been thinned."""
    heard = sorted([row.at_us for row in car.receipts if row.arrived] + [recording.now_us])
    longest_us = max(b - a for a, b in zip([0, *heard], heard, strict=False))
    records = car.settings.get("bulk_kb", _BULK_KB) * 1024 // _FRAME_BYTES
    return longest_us >= records * car.settings.get("least_s", _LEAST_S) * 1_000_000


def names_are_unique(recording):
    """(kid, boot, seq) names a frame for ever."""
    for at_us, name, where in recording.renamed:
        text = f"{_said(recording, name)} names other bytes {where} than before"
        yield Violation(at_us, "name used twice", text)
    for name in recording.conflicts:
        text = f"headquarters had to put a second frame named {_said(recording, name)} aside"
        yield Violation(recording.now_us, "name used twice", text)


def frames_are_signed(recording):
    """Every consumer can check with a public key alone which terminal said this."""
    for at_us, name in recording.forged:
        text = f"{_said(recording, name)} does not verify under its terminal's key"
        yield Violation(at_us, "signature", text)


def what_is_stored_stays(recording):
    """What was committed is never gone again."""
    if recording.kept is None or recording.faults_near(STORE_LOST, 0, recording.now_us):
        return
    for name, row in recording.rows.items():
        if name not in recording.kept:
            text = f"{_said(recording, name)} was committed and is not in the store any more"
            yield Violation(row.seen_us, "store", text)


def receipts_are_true(recording):
    """2.04 only when all of its frames are committed to durable storage."""
    for car in recording.cars.values():
        for receipt in car.receipts:
            for name in receipt.missing:
                text = f"{_said(recording, name)} was confirmed before it was committed"
                yield Violation(receipt.at_us, "2.04 before commit", text)


def _said(recording, name):
    car = recording.car_of(name[0])
    return f"{car.name if car is not None else name[0]}: frame {name[1]}/{name[2]}"
