"""Flash is used as NOR flash wants, and sparingly.

What the journal's own record promises (docs/adr/0014): a frame is at most three programs and no erase, a mark
is one program when headquarters has it; a block holds eight of the longest frames, and a dozen of the usual
ones. Four blocks are erased ahead after each start.
"""

from hwsim.checks.verdict import Violation

# Programs and erases of the journal: for the terminal, for each start, for each frame. A start leaves a block
# that power has interrupted, and the heads of blocks that are over are cleared; an eighth for the merges of
# a journal that is full.
_JOURNAL = ((40, 6), (8, 6), (4, 0.125))
# Of the files: for the terminal; for each start, its number; for each handshake, keys twice; for each alarm,
# its stages; for each sealed request, numbers reserved by 64; for each update, how far it is. About three
# times what was measured: littlefs writes what it likes.
_FILES = ((40, 4), (16, 1), (24, 1), (24, 1), (0.25, 0.03), (150, 12))
# Where a block of littlefs' root is worn, it can move every other pair away and not this one: each change
# tries that block once more, and programs it as far as it is sound. Half as many programs again were
# measured, and an erase for five of them; so much is let pass.
_WORN_PROGRAMS, _WORN = 2, 4
# Of the two images of the program, for each that was begun: its blocks once, and some once more.
_IMAGES = ((2400, 160),)


def bits_are_only_cleared(recording):
    """No bit is set by programming."""
    for car in recording.cars.values():
        if car.wear.set_again:
            text = f"{car.wear.set_again} bits were to be set by programming: the block was not erased"
            yield Violation(recording.now_us, "flash", f"{car.name}: {text}")


def flash_is_spared(recording):
    """The budget of programs and erases is kept."""
    for car in recording.cars.values():
        wear, lives = car.wear, len(car.lives)
        frames = _frames(car, recording)
        alarms = len({frame.panic[0] for _, frame in car.frames.values() if frame.raises})
        of_journal = _sum(_JOURNAL, 1, lives, frames)
        of_files = _sum(_FILES, 1, lives, len(car.handshakes), alarms, car.sealed, wear.images)
        if wear.root_worn:
            of_files[0] *= _WORN_PROGRAMS
            of_files[1] = max(of_files[1], of_files[0] / _WORN)
        for part, is_, most in (
            ("journal", (wear.programs, wear.erases), of_journal),
            ("files", (wear.file_programs, wear.file_erases), of_files),
            ("images", (wear.image_programs, wear.image_erases), _sum(_IMAGES, wear.images)),
        ):
            if is_[0] > most[0] or is_[1] > most[1]:
                text = (
                    f"{part}: {is_[0]} programs and {is_[1]} erases for {frames} frames, {lives} starts, "
                    f"{len(car.handshakes)} handshakes, {alarms} alarms and {car.sealed} requests; "
                    f"{most[0]:.0f} and {most[1]:.0f} are its budget"
                )
                yield Violation(recording.now_us, "flash wear", f"{car.name}: {text}")


def _frames(car, recording):
    """How many it has made: seq counts them."""
    highest = {}
    for kid, boot, seq in [*car.frames, *recording.rows]:
        if kid == car.kid:
            highest[boot] = max(seq + 1, highest.get(boot, 0))
    return sum(highest.values())


def _sum(rates, *counts):
    return [sum(rate[kind] * count for rate, count in zip(rates, counts, strict=True)) for kind in range(2)]
