# runs on: micropython+guest
"""What a reset leaves, and what the next start makes of it."""

from firmware import aftermath
from firmware.trace import ROOM, TEXT
from protocol import report

POWER, HARD, WATCHDOG, SOFT = 1, 2, 3, 5


class Chip:
    """RTC memory and the cause of the latest reset."""

    def __init__(self):
        self.kept = b""
        self.reset_cause = POWER

    def memory(self, data=None):
        if data is None:
            return self.kept
        self.kept = bytes(data)
        return None

    def start(self, cause):
        self.reset_cause = cause
        if cause == POWER:
            self.kept = b"noise"
        return aftermath.begin(self)


def take(trace):
    text = trace.peek()
    trace.done(text)
    return text


def test_it_says_after_the_reset_what_was_said_before_it():
    chip = Chip()
    trace, fails, _ = chip.start(POWER)
    assert (take(trace), fails, trace.safe) == (b"", 0, 0)
    trace.say(61999, "modem: up")
    trace.say(62000, "task gnss hangs")
    trace, fails, why = chip.start(WATCHDOG)
    assert (fails, why) == (1, report.SAFE_WATCHDOG)
    trace.say(0, "boot 7")
    assert take(trace) == b"61 modem: up\n62 task gnss hangs\n"
    assert take(trace) == b"" and trace.old == 0
    # Taken is gone; what came since is there at the next start.
    trace, fails, _ = chip.start(WATCHDOG)
    assert fails == 2 and take(trace) == b"0 boot 7\n"


def test_a_loss_of_power_leaves_nothing_and_noise_is_not_believed():
    for spoil in (
        lambda kept: b"",
        lambda kept: kept[:-1],
        lambda kept: bytes([kept[0] ^ 1]) + kept[1:],
        lambda kept: kept[:TEXT] + b"X" + kept[TEXT + 1 :],
        lambda kept: b"\xff" * len(kept),
        lambda kept: bytes(len(kept)),
    ):
        chip = Chip()
        chip.start(POWER)[0].say(0, "text")
        chip.kept = spoil(chip.kept)
        trace, fails, _ = chip.start(WATCHDOG)
        assert (fails, trace.safe, take(trace)) == (0, 0, b"")
    chip = Chip()
    chip.start(POWER)[0].say(0, "text")
    trace, fails, _ = chip.start(POWER)
    assert (fails, take(trace)) == (0, b"")


def test_the_oldest_lines_give_way_and_pieces_are_whole_lines():
    chip = Chip()
    trace = chip.start(POWER)[0]
    for n in range(200):
        trace.say(n * 1000, "line %d" % n)
    trace.say(300000, "x" * 500)
    assert len(chip.kept) == TEXT + ROOM
    trace = chip.start(HARD)[0]
    pieces = []
    while trace.old:
        pieces.append(take(trace))
    assert len(pieces) == 3 and max([len(piece) for piece in pieces]) <= 240, pieces
    for piece in pieces[:-1]:
        assert piece.endswith(b"\n")
    lines = b"".join(pieces).split(b"\n")
    assert lines[-1] == b"" and lines[-3] == b"199 line 199" and lines[-2][:6] == b"300 xx"
    assert lines[1:-2] == [b"%d line %d" % (n, n) for n in range(202 - len(lines) + 1, 200)], lines


def test_a_piece_is_there_until_it_is_in_a_frame():
    chip = Chip()
    trace = chip.start(POWER)[0]
    for n in range(100):
        trace.say(n * 1000, "line %d" % n)
    trace = chip.start(HARD)[0]
    piece = trace.peek()
    assert trace.peek() == piece, "no frame came of it"
    trace.say(0, "no frame")  # takes the room of the oldest line
    trace.done(piece)
    last = int(piece.split(b"\n")[-2].split(b" ")[0])
    assert trace.peek().startswith(b"%d line" % (last + 1)), "no more than that piece is gone"


def test_three_failed_starts_make_safe_mode_and_five_its_barest_form():
    chip = Chip()
    assert chip.start(POWER)[0].safe == 0
    seen = [chip.start(WATCHDOG)[0].safe for _ in range(6)]
    assert seen == [0, 0, 1, 1, 2, 2]


def test_a_start_that_was_good_or_that_power_ended_has_not_failed():
    chip = Chip()
    for _ in range(2):
        chip.start(WATCHDOG)
    trace, fails, _ = chip.start(WATCHDOG)
    assert fails == 2
    trace.keep(0)
    for _ in range(3):
        trace, fails, _ = chip.start(WATCHDOG)
        assert fails == 0 and trace.safe == 0
        trace.keep(0)
    chip = Chip()
    for _ in range(20):
        assert chip.start(POWER)[0].safe == 0, "an engine that cranks"


def test_why_the_last_start_failed():
    chip = Chip()
    trace = chip.start(POWER)[0]
    aftermath.failed(trace)
    trace, fails, why = chip.start(HARD)
    assert (fails, why) == (1, report.SAFE_ERROR), "counted once"
    _, fails, why = chip.start(HARD)
    assert (fails, why) == (2, report.SAFE_CRASH)
    trace, fails, why = chip.start(WATCHDOG)
    assert (fails, why, trace.safe) == (3, report.SAFE_WATCHDOG, 1)


def test_after_safe_mode_one_more_failure_leads_back_to_it():
    chip = Chip()
    for _ in range(4):
        trace = chip.start(WATCHDOG)[0]
    assert trace.safe == 1
    trace.keep(2)  # as the terminal does when it has had its good while
    assert chip.start(HARD)[0].safe == 0
    assert chip.start(WATCHDOG)[0].safe == 1


def test_a_chip_without_such_memory_goes_without():
    chip = Chip()
    chip.memory = None
    for _ in range(5):
        trace, fails, _ = chip.start(WATCHDOG)
        trace.say(0, "text")
        assert (fails, trace.safe, trace.old) == (0, 0, 0)


def test_where_it_went_wrong():
    try:
        aftermath.begin(None)
    except AttributeError as error:
        found = aftermath.where(error)
    assert found.startswith("test_trace.py:") and " aftermath.py:" in found, found
