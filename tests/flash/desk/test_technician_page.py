"""Every command of docs/technician.md, in its order, at boards on the bench: from the box to the car."""

import json
import re
import shlex
import socket
import sys
import threading
from pathlib import Path

from flashing import release
from flashing.board.console import Console
from flashing.desk.device import Device
from flashing.image import load_board
from hwsim.board_stand import BoardStand
from tests.flash.desk.hands import Hands, again

PAGE = Path(__file__).resolve().parents[3] / "docs" / "technician.md"
# What is tried elsewhere, since it changes the project's own files: by which test.
ELSEWHERE = {"pin": "tests/flash/test_programmer.py"}
OPENING = "hold **AVAILABLE and OFF DUTY**"
JIG = """
import socket, sys
line = socket.socket(socket.AF_UNIX)
line.connect(sys.argv[1])
with line.makefile("rw") as door:
    for order in sys.stdin:
        door.write(order)
        door.flush()
        if '"say"' not in order:
            print(door.readline(), end="", flush=True)
"""


def commands():
    """The words of each ./flash.py in the page's blocks."""
    for block in re.findall(r"^```\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith("./flash.py"):
                yield shlex.split(line, comments=True)[1:]


def block(first):
    """The block of the page that begins with this line."""
    found = re.search(rf"^```\n({re.escape(first)}.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return found[1]


class Door:
    """Where the jig asks: `hands` do it."""

    def __init__(self, path, hands):
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._serve, args=(hands,), daemon=True).start()

    def _serve(self, hands):
        line, _ = self._listener.accept()
        with line.makefile("rw") as door:
            for text in door:
                order = json.loads(text)
                if order["do"] == "press":
                    hands.press(order["key"], order["hold_ms"])
                    answer = {"done": True}
                elif order["do"] == "look":
                    question = "blink" if order["choices"] == ["red", "none"] else ""
                    answer = {"answer": hands.look(order["at"], question, tuple(order["choices"]))}
                else:
                    continue
                door.write(json.dumps(answer) + "\n")
                door.flush()
        self._listener.close()


def back_on_the_workbench(board):
    """Its test is passed, so its console is closed. It is opened as the page says, and kept open over the
    starts of a batch: the keys open one start."""
    assert OPENING in PAGE.read_text()
    again(board, ["available", "off_duty"])
    with Console.open(str(board.port), 921600) as console:
        device = Device(console, load_board("SIM"), "./flash.py flash")
        device.begin()
        device.workshop(20)


def test_the_page_from_top_to_bottom(bench, tmp_path, monkeypatch):
    bench.csv.write_text(block("unit,directorate"))
    release_key = release.make_key(tmp_path / "release.pem")["release_key"]
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "jig.py"
    script.write_text(JIG)
    done = []
    with (
        BoardStand(gateway=bench.headquarters.udp) as first,
        BoardStand(seed=2, unique_id=bytes(8)) as second,
    ):
        Door(tmp_path / "door", Hands(first))
        for words in commands():
            if words[0] in ELSEWHERE:
                assert (PAGE.parents[1] / ELSEWHERE[words[0]]).exists()
                continue
            offline = "--offline" in words
            if offline:
                code, _, err = bench.run("flash", "--board", "SIM", "--port", second.port)
                assert code == 0, err
            ports = {"/dev/ttyUSB0": second.port if offline else first.port, "/dev/ttyUSB1": second.port}
            words = [ports.get(word, word) for word in words]
            words = [bench.headquarters.url if word.startswith("https://") else word for word in words]
            if words[0] in ("provision", "test", "batch"):
                words += ["--technician", bench.headquarters.technician]
            if words[0] == "test":
                words += ["--jig", f"{sys.executable} {script} {tmp_path / 'door'}", "--acknowledge-s", "4"]
            if words[0] == "batch":
                back_on_the_workbench(first)
            code, out, err = bench.run(*words)
            assert code == 0, f"{words}\n{out[-6000:]}\n{err}"
            done.append(words[0])
    assert set(done) == {"boards", "image", "ports", "flash", "provision", "test", "label", "batch"}
    assert set(bench.headquarters.registry()) == {"vr-101", "vr-102"}
    assert [bench.record(unit)["release_key"] for unit in ("vr-101", "vr-102")] == [release_key] * 2
    document = bench.record(name="test.json")
    assert document["record"]["passed"], document
