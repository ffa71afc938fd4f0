"""The terminal as a machine: it starts, it stays alive, a task that hangs is noticed, and nothing leaves it
without protection."""

from hwsim.checks.excuses import BITES, BITES_US, FORGED, FORGED_US, HANGS, NOISE, NOISE_US, STARVES
from hwsim.checks.verdict import Violation

_READY_US = 10_000_000
_AGAIN_US = 40_000_000  # a start that failed shows so for half a minute, and is tried again
_WATCHDOG_S = 8
_DEADLINE_US = 30_000_000  # a task has so long to report
_MARGIN_US = 5_000_000  # the tasks are looked at every four seconds


def terminals_stay_alive(recording):
    """No program ends by itself, no watchdog bites, unless the bench did something to it."""
    for car in recording.cars.values():
        for life in car.lives:
            if life.end in ("died", "watchdog"):
                near = recording.faults_near(BITES, life.ended_us - BITES_US, life.ended_us, car.name)
                if not near:
                    how = "its program ended" if life.end == "died" else "its watchdog bit"
                    yield Violation(
                        life.ended_us, "alive", f"{car.name}: {how}, and nothing had been done to it"
                    )


def every_start_succeeds(recording):
    """From power or reset to lamps and keys: every time, whatever the flash looks like."""
    for car in recording.cars.values():
        for life in car.lives:
            lasted_us = min(life.ended_us, recording.now_us) - life.started_us
            limit_us = life.started_us + _READY_US
            if lasted_us > _READY_US and life.ready_us > limit_us:
                starved = recording.faults_near(STARVES, life.started_us, limit_us, car.name)
                if starved and min(life.ended_us, recording.now_us) <= limit_us + _AGAIN_US:
                    continue
                text = (
                    f"{car.name}: started ({life.cause}) and served no key within {_READY_US // 1_000_000} s"
                )
                yield Violation(life.started_us, "start", text)


def hangs_are_noticed(recording):
    """STYLE.md: the watchdog is fed only when EVERY supervised task has reported in time."""
    for fault in recording.faults:
        if fault.what not in HANGS or not fault.hangs:
            continue
        car = recording.cars.get(fault.car)
        if car is None:
            continue
        limit_us = fault.at_us + car.settings.get("watchdog_s", _WATCHDOG_S) * 1_000_000 + _MARGIN_US
        if fault.hangs == "task":
            limit_us += _DEADLINE_US
        if recording.now_us < limit_us:
            continue
        if not any(fault.at_us <= life.ended_us <= limit_us for life in car.lives):
            text = f"{car.name}: a {fault.hangs} hangs, and the terminal was not started again"
            yield Violation(fault.at_us, "watchdog", text)


def nothing_goes_unprotected(recording):
    """Positions are secret on the air: everything but a handshake is protected; and whoever proves nothing
    gets an answer no larger than his request."""
    for car in recording.cars.values():
        for at_us, text in car.naked:
            if recording.faults_near(NOISE, at_us - NOISE_US, at_us, car.name):
                continue  # bytes changed on the wire to the modem: it may have been anything
            yield Violation(at_us, "unprotected", f"{car.name}: {text}")
        lives = {}
        for at_us, life, share in car.handshakes:
            if lives.setdefault(share, life) != life:
                yield Violation(at_us, "nonce", f"{car.name}: an EDHOC key share of an earlier start, again")
    for at_us, name, asked, size in recording.amplified:
        if recording.faults_near(FORGED, at_us - FORGED_US, at_us, name):
            continue  # that was not headquarters
        text = f"{name}: {size} unprotected bytes answer a request of {asked}"
        yield Violation(at_us, "amplified", text)
