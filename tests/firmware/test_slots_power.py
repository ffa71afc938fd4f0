# runs on: micropython+guest
"""Power lost at every program and every erase while a new image is written, tried and confirmed: the board
starts the old image or the new one, whole, and the same work done again ends well."""

from firmware.slots import NONE, TRIES
from tests.firmware.slot_bench import NEW, OLD, Board, factory, new_chip, torn, write

THIRD = (b"third " * 900)[:4500]
SMALL = b"small image " * 20


def old_runs():
    with Board(new_chip()) as board:
        factory(board)
        assert board.start()[1] == OLD
        return bytes(board.chip.data)


def with_data(data, watch=None):
    chip = new_chip()
    chip.data[:] = data
    chip.watch = watch
    return chip


def starts_after(board, allowed):
    """What the next starts run when nobody confirms: the new one at most `TRIES` times, then the old one for
    good, or the new one for good."""
    seen = []
    for _ in range(TRIES + 2):
        slots, data = board.start()
        assert data is not None, "it starts nothing"
        assert data in allowed, "it starts what is neither"
        seen.append((data, slots.trial))
    runs = [data for data, trial in seen if trial]
    assert len(runs) <= TRIES and all(data == NEW for data in runs)
    rest = [data for data, trial in seen if not trial]
    assert len(set(rest)) == 1, "it does not come to rest"
    assert [trial for _, trial in seen] == sorted([trial for _, trial in seen], reverse=True)
    return rest[0]


class Life:
    """The story; `stage` is how far it has come, as those know who were told."""

    def __init__(self, board):
        self.board = board
        self.stage = "old"

    def tell(self, data=NEW, version=2):
        slots, running = self.board.start()
        assert running is not None
        self.stage = "writing"
        write(slots, data, version, 2048)
        self.stage = "staging"
        assert slots.stage()
        self.stage = "staged"
        slots, running = self.board.start()
        assert running == data and slots.trial
        self.stage = "confirming"
        slots.confirm()
        self.stage = "confirmed"


ALLOWED = {
    "old": (OLD,),
    "writing": (OLD,),
    "staging": (OLD, NEW),
    "staged": (OLD, NEW),
    "confirming": (OLD, NEW),
    "confirmed": (NEW,),
}


def test_every_operation_of_an_update():
    data = old_runs()
    cuts = {}

    def watch(chip):
        stage = life.stage
        cuts[stage] = cuts.get(stage, 0) + 1
        with torn(chip) as board:
            kept = bytes(chip.data)
            rest = starts_after(board, ALLOWED[stage])
            if stage not in ("confirming", "confirmed"):
                assert rest == OLD, "nobody has confirmed it: %s" % stage
            chip.data[:] = kept
        with torn(chip) as board:
            # The same again: it ends with the new image, whatever was half done.
            slots, running = board.start()
            if slots.trial:
                slots.confirm()
            else:
                if running != NEW:
                    write(slots, NEW, 2, 2048)
                    assert slots.stage()
                    slots, running = board.start()
                    assert slots.trial
                    slots.confirm()
            assert board.start()[1] == NEW, stage

    with Board(with_data(data)) as board:
        life = Life(board)
        board.chip.tears = 3
        board.chip.watch = watch
        life.tell()
        board.chip.watch = None
        assert board.start()[1] == NEW
    assert life.stage == "confirmed"
    assert cuts["writing"] > 60 and min(cuts[name] for name in ("staging", "staged", "confirming")) > 8, cuts


def test_power_fails_again_while_the_board_starts():
    """Each of the first cuts, and then each operation of the start that follows it."""
    data = old_runs()
    pairs = [0]

    def watch(chip):
        if life.stage == "writing":
            return  # such a start writes nothing
        stage = life.stage
        kept = bytes(chip.data)
        chip.watch = lambda second: again(second, stage)
        with torn(chip) as board:
            assert board.start()[1] in ALLOWED[stage]
        chip.watch = None
        chip.data[:] = kept

    def again(chip, stage):
        pairs[0] += 1
        with Board(chip, place="/slotagain") as board:
            starts_after(board, ALLOWED[stage])

    with Board(with_data(data)) as board:
        life = Life(board)
        board.chip.watch = watch
        life.tell()
    assert pairs[0] > 20, pairs


def test_every_operation_of_the_first_image():
    """A board that had none: it has none, or this one."""
    seen = set()

    def watch(chip):
        with torn(chip) as board:
            slots, data = board.start()
            assert data in (None, OLD)
            seen.add(data)
            if data is None:
                factory(board)
                assert board.start()[1] == OLD

    with Board(new_chip()) as board:
        board.chip.watch = watch
        factory(board)
        board.start()
    assert seen == {None, OLD}


def test_every_operation_when_an_image_is_given_up():
    data = old_runs()
    with Board(with_data(data)) as board:
        slots, _ = board.start()
        write(slots, NEW, 2, 2048)
        assert slots.stage()
        slots, _ = board.start()
        count = [0]

        def watch(chip):
            count[0] += 1
            with torn(chip) as other:
                starts_after(other, (OLD, NEW))

        board.chip.watch = watch
        slots.give_up()
        board.chip.watch = None
        assert count[0] > 2
        slots, running = board.start()
        assert running == OLD and slots.given_up == 1


def test_every_operation_of_a_second_update_over_the_first():
    """Both slots hold something by now; the third image replaces the old one."""
    data = old_runs()
    with Board(with_data(data)) as board:
        life = Life(board)
        life.tell()
        allowed = [(NEW,)]

        def watch(chip):
            with torn(chip) as other:
                for _ in range(TRIES + 2):
                    running = other.start()[1]
                    assert running in allowed[0], allowed
                assert running in allowed[0]

        slots, _ = board.start()
        board.chip.watch = watch
        write(slots, THIRD, 3, 2048)
        allowed[0] = (NEW, THIRD)
        assert slots.stage()
        slots, running = board.start()
        assert running == THIRD
        slots.confirm()
        allowed[0] = (THIRD,)
        board.start()


def test_power_fails_while_the_state_is_lost_and_found():
    """No state, two whole images: each cut of the start that writes a new one."""
    data = old_runs()
    with Board(with_data(data)) as board:
        Life(board).tell()
        from firmware import statefile

        statefile.remove(board.path)
        count = [0]

        def watch(chip):
            count[0] += 1
            with torn(chip) as other:
                slots, running = other.start()
                assert running == NEW and slots.good in (1, NONE)

        board.chip.watch = watch
        assert board.start()[1] == NEW
        assert count[0] > 2


def test_a_small_image():
    """Fewer pages than a block: the same holds."""
    with Board(new_chip()) as board:
        factory(board, SMALL)

        def watch(chip):
            with torn(chip) as other:
                assert other.start()[1] in (SMALL, NEW)

        slots, _ = board.start()
        board.chip.watch = watch
        write(slots, NEW, 2, 300)
        assert slots.stage()
        assert board.start()[1] == NEW
