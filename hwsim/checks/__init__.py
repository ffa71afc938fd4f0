"""Checkers: they stand outside, and hold a run to PROTOCOL.md and to the pages that officers and technicians
read. They share no code with what they check: CoAP and OSCORE are read here anew, CBOR by cbor2, cryptography
by OpenSSL, headquarters' store by sqlite3 (tests/hwsim/checks/test_independent.py reads the imports).

    recorder = Recorder(rig_or_house)      # before it is started
    ...
    for violation in violations(recorder, drained=True):
        print(violation)

`drained`: there was time for everything to get through, so nothing may be missing. Without it only what must
never happen is looked for.
"""

from hwsim.checks import frames, house, lamps, machine, nonces, presses, wear
from hwsim.checks.recorder import Recorder
from hwsim.checks.verdict import Violation

# What must never happen.
ALWAYS = (
    nonces.no_nonce_twice,
    frames.names_are_unique,
    frames.frames_are_signed,
    frames.receipts_are_true,
    frames.what_is_stored_stays,
    lamps.lamps_tell_the_truth,
    lamps.sounds_tell_the_truth,
    lamps.open_alarms_are_shown,
    lamps.covert_is_covert,
    house.relayed_after_commit,
    house.relayed_in_order,
    house.stages_are_facts,
    house.terminals_hear_facts,
    machine.terminals_stay_alive,
    machine.every_start_succeeds,
    machine.hangs_are_noticed,
    wear.bits_are_only_cleared,
    wear.flash_is_spared,
    machine.nothing_goes_unprotected,
)
# What must have happened in the end.
IN_THE_END = (
    presses.presses_are_reported,
    frames.every_frame_arrives,
    house.everything_is_relayed,
    house.alarms_stay_open,
)


def judge(recording, drained=True):
    """All rules on a Recording: the violations, earliest first."""
    found = [violation for rule in ALWAYS for violation in rule(recording)]
    found += [violation for rule in IN_THE_END for violation in rule(recording, drained)]
    return sorted(found)


def violations(recorder, drained=True):
    """All rules on what a Recorder has seen."""
    return judge(recorder.finish(), drained)


__all__ = ["Recorder", "Violation", "judge", "violations"]
