"""A workbench: boards with their program, a gateway that enrolls, a technician with a key."""

import contextlib
import io
import json
import shutil

import pytest

import flash as tool
from hwsim.board_stand import BoardStand
from tests.flash.desk import ready
from tests.gateway.bench import call_cli, config_text
from tests.gateway.served import Served

ADDRESS = ("192.0.2.10", 5683)  # as the bench calls the gateway, whatever port it really has


@pytest.fixture(scope="session")
def flashed(tmp_path_factory):
    """The flash of a board with its program; to be copied."""
    return ready.flashed(tmp_path_factory.mktemp("flashed"))


@pytest.fixture
def stand(flashed, tmp_path):
    """`stand(**options)` puts a board on the bench; it goes with the test."""
    made = []

    def put(name="board", **options):
        path = tmp_path / f"{name}.bin"
        if not path.exists():
            shutil.copy(flashed, path)
        board = BoardStand(flash_path=path, name=name, **options)
        board.start()
        made.append(board)
        return board

    yield put
    for board in made:
        board.close()


class Headquarters:
    """A gateway as a process; `cli` is its command line beside it."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        (folder / "gateway.toml").write_text(config_text(enrolment={"host": "127.0.0.1", "port": 0}))
        self.served = Served(folder)
        (opened,) = self.served.events("enrolment.open")
        self.url = "http://%s:%d" % tuple(opened["address"])
        self.udp = self.served.address
        self.key = self.cli("key")["gateway_key"]
        self.technician = folder / "ana.pem"
        words = ["--role", "technician", "--area", "vranje", "--make-key", str(self.technician)]
        self.cli("operator", "ana", *words)

    def cli(self, *words, code=0):
        return call_cli(self.folder, *words, code=code)

    def registry(self):
        """{unit: id} of those that may speak."""
        return {
            row["unit"]: row["kid"] for row in self.cli("list")["terminals"] if row["state"] == "enrolled"
        }


@pytest.fixture
def headquarters(tmp_path):
    made = Headquarters(tmp_path / "headquarters")
    yield made
    made.served.end()


class Bench:
    """A technician's folder with a list of cars, and `run`, which is ./flash.py in this process."""

    def __init__(self, folder, headquarters):
        self.folder = folder
        self.headquarters = headquarters
        self.records = folder / "records"
        self.csv = folder / "cars.csv"
        self.cars([{"unit": "vr-101"}, {"unit": "vr-102"}])
        common = {"apn": "internet", "host": ADDRESS[0], "gateway_key": headquarters.key}
        self.settings = folder / "settings.json"
        self.settings.write_text(json.dumps(common))

    def cars(self, rows):
        standard = {"directorate": "vranje", "station": "ps-vranje", "vehicle": "Škoda Octavia"}
        rows = [{**standard, **row} for row in rows]
        names = list(dict.fromkeys(name for row in rows for name in row))
        lines = [",".join(names)] + [",".join(str(row.get(name, "")) for name in names) for row in rows]
        self.csv.write_text("\n".join(lines) + "\n")

    def run(self, *words):
        """(exit code, standard output, standard error)."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = tool.main([str(word) for word in words])
            except SystemExit as end:
                code = end.code
        return code, out.getvalue(), err.getvalue()

    def words(self, board):
        """What each command at a board is told."""
        common = ["--board", "SIM", "--port", board.port, "--records", self.records]
        return [*common, "--technician", self.headquarters.technician]

    def provision(self, board, *more, unit="vr-101", way=None):
        way = way or ["--gateway", self.headquarters.url]
        lists = ["--config", self.csv, "--settings", self.settings, "--unit", unit]
        return self.run("provision", *self.words(board), *lists, *way, *more)

    def record(self, unit="vr-101", name="provision.json"):
        return json.loads((self.records / f"vranje.ps-vranje.{unit}" / name).read_text())


@pytest.fixture
def bench(tmp_path, headquarters):
    return Bench(tmp_path, headquarters)
