"""The terminal as a machine: it starts, it stays alive, a task that hangs is noticed, its flash is used as
NOR flash wants and sparingly, and nothing leaves it without protection."""

from hwsim.checks.excuses import BITES, BITES_US, FORGED, FORGED_US, HANGS, NOISE, NOISE_US, STARVES
from hwsim.checks.verdict import Violation

_READY_US = 20_000_000
_WATCHDOG_S = 8
_DEADLINE_US = 80_000_000  # a task has up to 60 s to report; then the watchdog's own time


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
                if recording.faults_near(STARVES, life.started_us, limit_us, car.name):
                    continue
                text = (
                    f"{car.name}: started ({life.cause}) and served no key within {_READY_US // 1_000_000} s"
                )
                yield Violation(life.started_us, "start", text)


def hangs_are_noticed(recording):
    """STYLE.md: the watchdog is fed only when EVERY supervised task has reported in time."""
    for fault in recording.faults:
        if fault.what not in HANGS or not fault.whole:
            continue
        car = recording.cars.get(fault.car)
        watchdog_us = 0 if car is None else car.settings.get("watchdog_s", _WATCHDOG_S) * 1_250_000
        limit_us = fault.at_us + _DEADLINE_US + watchdog_us
        if car is None or recording.now_us < limit_us:
            continue
        if not any(fault.at_us <= life.ended_us <= limit_us for life in car.lives):
            text = f"{car.name}: a task hangs, and the terminal was not started again"
            yield Violation(fault.at_us, "watchdog", text)


def flash_is_used_well(recording):
    """No bit is set by programming; the budget of programs and erases for each frame is kept."""
    for car in recording.cars.values():
        wear = car.wear
        if wear.set_again:
            text = (
                f"{car.name}: {wear.set_again} bits were to be set by programming: the block was not erased"
            )
            yield Violation(recording.now_us, "flash", text)
        frames = sum(name[0] == car.kid for name in recording.rows)
        programs = _STARTS[0] * len(car.lives) + _EACH[0] * frames
        erases = _STARTS[1] * len(car.lives) + _EACH[1] * frames
        if wear.programs > programs or wear.erases > erases:
            text = (
                f"{car.name}: {wear.programs} programs and {wear.erases} erases for {frames} frames and "
                f"{len(car.lives)} starts; {programs} and {erases} are its budget"
            )
            yield Violation(recording.now_us, "flash wear", text)


# Programs and erases: for each start (counter, files, a handshake), and for each frame with all that belongs
# to it (journal, marks, reserved numbers, open alarms).
_STARTS = (400, 80)
_EACH = (30, 6)


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
