"""`./flash.py batch`: many boards on many ports, some of them no use; and what is left after a stop."""

import io
import json
import shlex

import pytest

from flashing.desk import table
from flashing.desk.batch import DONE, FAILED, WAITING, Batch, Row, State
from flashing.desk.cars import Car
from flashing.errors import FlashError
from hwsim.board_stand import BoardStand
from tests.flash.small_programs import program


def listed(count):
    return [Car("vranje", "ps-vranje", f"vr-{n}", "Dacia", f"vr-{n}", {}) for n in range(1, count + 1)]


class Shop:
    """Boards by port: (chip, unit), or what is wrong with them."""

    def __init__(self, boards, stop=None):
        self.boards = boards
        self.stop = stop or {}
        self.made = []

    def identify(self, port, tell):
        tell("flash", "50 %")
        board = self.boards[port]
        if isinstance(board, FlashError):
            raise board
        return board

    def make(self, port, unit, tell):
        wrong = self.stop.get(port)
        if wrong is not None:
            raise wrong
        self.made.append((port, unit))
        return {"kid": f"kid-{unit}", "chip": self.boards[port][0]}


def played(path, shop, count=4, **more):
    state = State(path, listed(count))
    batch = Batch(state, shop, **more)
    batch.run(list(shop.boards), lambda: None, 0.01)
    return state, batch


def states(state):
    return [row.state for row in state.rows]


def test_what_failed_is_tried_again_and_what_is_done_is_not_done_twice(tmp_path):
    path = tmp_path / "state.json"
    dead = FlashError("the modem does not answer", "p2", "use another board")
    shop = Shop(
        {"p1": ("c1", ""), "p2": ("c2", ""), "p3": FlashError("wrong chip", "p3", "look")}, {"p2": dead}
    )
    state, batch = played(path, shop)
    assert sorted(states(state)) == [DONE, FAILED, WAITING, WAITING]
    assert [seat.error and seat.error.what for seat in batch.seats] == [None, None, "wrong chip"]
    (failed,) = [row for row in state.rows if row.state == FAILED]
    assert (failed.what, failed.do) == ("the modem does not answer", "use another board")
    done = {row.unit: row.kid for row in state.rows if row.state == DONE}
    state, _ = played(path, Shop({"p2": ("c9", ""), "p3": ("c3", ""), "p4": ("c4", "")}))
    assert states(state) == [DONE] * 4
    assert done.items() <= {row.unit: row.kid for row in state.rows}.items()
    shop = Shop({"p5": ("c5", "")})
    state, batch = played(path, shop)
    assert shop.made == []
    assert batch.seats[0].text == "no car is left"


def test_a_board_that_was_begun_as_one_car_is_that_car_again(tmp_path):
    path = tmp_path / "state.json"
    gone = FlashError("the board is gone", "p", "plug it in")
    played(path, Shop({"p1": ("c1", "")}, {"p1": gone}))
    shop = Shop({"p7": ("other", ""), "p8": ("c1", "")})
    played(path, shop)
    assert dict((port, unit) for port, unit in shop.made)["p8"] == "vranje/ps-vranje/vr-1"
    shop = Shop({"p1": ("c7", "vranje/ps-vranje/vr-4")})
    played(path, shop)
    assert shop.made == [("p1", "vranje/ps-vranje/vr-4")]


def test_a_board_of_somebody_else_is_left_alone(tmp_path):
    shop = Shop({"p1": ("c1", "bor/ps-bor/bo-1")})
    state, batch = played(tmp_path / "state.json", shop)
    assert shop.made == []
    assert "bor/ps-bor/bo-1 already" in batch.seats[0].error.what
    assert states(state) == [WAITING] * 4


def test_a_port_goes_on_with_its_next_board_while_cars_are_left(tmp_path):
    shop = Shop({"p1": ("c", "")})
    count = iter(range(100))

    def another(port):
        shop.boards[port] = (f"c{next(count)}", "")
        return True

    state, batch = played(tmp_path / "state.json", shop, 4, next_board=another)
    assert states(state) == [DONE] * 4
    assert batch.seats[0].done == 4


def test_a_state_that_cannot_be_read_does_not_pass_for_none(tmp_path):
    path = tmp_path / "state.json"
    path.write_text('{"rows": [{"unit": "x", "sta')
    with pytest.raises(FlashError, match="cannot be read"):
        State(path, listed(1))
    assert path.exists()


def test_a_row_that_was_being_worked_on_waits_again(tmp_path):
    path = tmp_path / "state.json"
    State(path, listed(2)).take("c1", "")
    assert json.loads(path.read_text())["rows"][0]["state"] == "working"
    again = State(path, listed(2))
    assert again.rows[0] == Row("vranje/ps-vranje/vr-1", WAITING, "c1")


def test_a_car_that_failed_has_its_own_command_below_it(tmp_path):
    """And not the batch's, which is printed at the end."""
    own = FlashError("the board holds no program", "p1", "flash it", "./flash.py flash --port p1")
    other = FlashError("the modem does not answer", "p2", "use another board", "./flash.py batch x.csv")
    state, batch = played(
        tmp_path / "s", Shop({"p1": ("c1", ""), "p2": ("c2", "")}, {"p1": own, "p2": other})
    )
    out = io.StringIO()
    table.summary(state, batch, "./flash.py batch x.csv", out)
    lines = out.getvalue().splitlines()
    assert "  run:   ./flash.py flash --port p1" in lines
    assert sum("batch x.csv" in line for line in lines) == 1


def test_ten_boards_two_of_them_no_use(bench, stand):
    """Eight are done, two are explained, and the same command with two good boards finishes the list."""
    bench.cars([{"unit": f"vr-{n}"} for n in range(1, 11)])
    boards = [stand(f"b{n}", seed=n, unique_id=bytes((0, 0, 0, 0, 0, 0, 0, n))) for n in range(8)]
    boards.append(stand("dead", seed=8, modem=None, unique_id=bytes(8)))
    boards.append(stand("other", seed=9, platform="esp32s3"))
    words = [
        *("batch", bench.csv, "--board", "SIM", "--no-flash", "--records", bench.records),
        *("--settings", bench.settings, "--gateway", bench.headquarters.url),
        *("--technician", bench.headquarters.technician, "--ports"),
    ]
    code, out, err = bench.run(*words, *[board.port for board in boards])
    assert code == 1, err
    assert "8 of 10 cars are done" in out
    assert len(bench.headquarters.registry()) == 8
    assert "the modem does not answer" in out
    wrong = out[out.index(f"! the board at {boards[9].port}") :].splitlines()
    assert wrong[0].endswith(
        "wrong board: this is 'Simulated terminal with esp32s3'; SIM, which was asked for, has the chip sim"
    )
    assert wrong[1:3] == [
        "  do:    put a SIM at this port; or, with that chip, it is to be --board LILYGO-T-A7670X-S3",
        "  run:   ./flash.py boards",
    ]
    assert "To go on:\n  ./flash.py" in out
    assert len(list(bench.records.glob("*/label.svg"))) == 8
    before = bench.headquarters.registry()
    good = [stand(f"g{n}", seed=20 + n, unique_id=bytes((1, 0, 0, 0, 0, 0, 0, n))) for n in range(2)]
    code, out, err = bench.run(*words, *[board.port for board in good], "--json")
    assert code == 0, err
    assert {row["state"] for row in json.loads(out)["rows"]} == {"done"}
    after = bench.headquarters.registry()
    assert len(after) == 10
    assert before.items() <= after.items()


def test_a_board_whose_file_system_broke_has_its_own_command(bench, tmp_path):
    """Only that one gets a new one; the batch goes on with it afterwards."""
    flash = tmp_path / "broken.bin"
    flash.write_bytes(bytes(3 * 4096) + b"\xff" * (4194304 - 3 * 4096))
    image = tmp_path / "program.romfs"
    image.write_bytes(program("0.1.0").data)
    with BoardStand(flash_path=flash) as board:
        code, out, err = bench.run(
            *("batch", bench.csv, "--board", "SIM", "--ports", board.port, "--image", image),
            *("--settings", bench.settings, "--gateway", bench.headquarters.url, "--records", bench.records),
            *("--technician", bench.headquarters.technician),
        )
        assert code == 1, err
        lines = out.splitlines()
        at = next(n for n, line in enumerate(lines) if line.startswith("! the board at"))
        assert "the board's file system is damaged" in lines[at]
        run, command = lines[at + 2].split(None, 1)
        assert (run, command) == (
            "run:",
            f"./flash.py flash --board SIM --port {board.port} --image {image} --format",
        )
        code, _, err = bench.run(*shlex.split(command)[1:])
        assert code == 0, err
