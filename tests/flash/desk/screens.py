"""Draws the pictures of docs/technician.md from real runs at simulated boards:

    python -m tests.flash.desk.screens docs/images

Ports, folders and numbers that differ from run to run are shown as a technician would have them.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console as Screen
from rich.text import Text

from flashing import release
from flashing.desk import table
from flashing.desk.batch import Batch, State
from hwsim.board_stand import BoardStand
from hwsim.modem.sim import Sim
from tests.flash.desk import ready
from tests.flash.desk.conftest import Bench, Headquarters

_WIDTH = 100


def draw(target, name, title, command, said):
    """One screen: what was typed, what came."""
    screen = Screen(record=True, width=_WIDTH, file=open("/dev/null", "w"))
    if command:
        screen.print(Text(f"$ {command}", "bold"), soft_wrap=False)
    screen.print(said if not isinstance(said, str) else Text(said.rstrip("\n")))
    screen.save_svg(str(target / f"technician-{name}.svg"), title=title, unique_id=f"technician-{name}")


def plain(text, bench, *boards):
    for number, board in enumerate(boards):
        text = text.replace(str(board.port), f"/dev/ttyUSB{number}")
    text = text.replace(bench.headquarters.url, "https://gateway.example:9684").replace(
        f"{bench.folder}/", ""
    )
    return re.sub(r" --(records|technician) \S+", "", text)


def main(target):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        headquarters = Headquarters(folder / "headquarters")
        try:
            play(target, folder, Bench(folder, headquarters))
        finally:
            headquarters.served.end()


def play(target, folder, bench):
    bench.cars(
        [
            {"unit": "vr-101", "vehicle": "Škoda Octavia", "call_sign": "Vranje 101", "pin": "1234"},
            *({"unit": f"vr-{n}", "vehicle": "Dacia Duster", "pin": ""} for n in range(102, 107)),
        ]
    )
    image = folder / "program.romfs"
    with BoardStand() as board:
        subprocess.run(
            [sys.executable, "flash.py", "image", "--board", "SIM", "--output", str(image)], check=True
        )
        code, out, err = bench.run("flash", "--board", "SIM", "--port", board.port, "--image", image)
        assert code == 0, err
        draw(
            target,
            "flash",
            "flash",
            "./flash.py flash --board SIM --port /dev/ttyUSB0",
            plain(out, bench, board),
        )
    flash = ready.flashed(folder)

    def put(name, **options):
        path = folder / f"{name}.bin"
        shutil.copy(flash, path)
        return BoardStand(flash_path=path, name=name, **options)

    key = release.make_key(bench.folder / "release.pem")["public"]
    lists = "--config cars.csv --settings settings.json --release-key release.pem.pub --unit vr-101"
    lists += " --gateway https://gateway.example:9684"
    command = f"./flash.py provision --board SIM --port /dev/ttyUSB0 {lists}"
    with put("wrong", sim=Sim(pin="4321")) as board:
        code, out, err = bench.provision(board, "--release-key", key)
        assert code == 1
        draw(target, "pin", "a wrong PIN", command, plain(out + err, bench, board))
    with put("good", sim=Sim(pin="1234"), gateway=bench.headquarters.udp) as board:
        code, out, err = bench.provision(board, "--release-key", key)
        assert code == 0, err
        draw(target, "provision", "provision", command, plain(out, bench, board))
        draw(
            target,
            "test",
            "test",
            "./flash.py test --board SIM --port /dev/ttyUSB0 --unit vr-101",
            tested(board),
        )
        code, _, err = bench.run(
            *("label", "--unit", "vr-101", "--records", bench.records),
            *("--output", target / "technician-label.svg"),
        )
        assert code == 0, err
    batch(target, bench, put)


def tested(board):
    """The guided test, as it is printed."""
    import io

    from flashing.cli import test
    from tests.flash.desk.hands import Hands
    from tests.flash.desk.test_testing import examined

    out = io.StringIO()

    class Told(Hands):
        def say(self, text):
            print(text, file=out)

        def press(self, key, hold_ms):
            from flashing.desk.person import Technician

            Technician(out).press(key, hold_ms)
            super().press(key, hold_ms)

        def look(self, at, question, choices):
            answer = super().look(at, question, choices)
            offered = "/".join(f"{choice[0]}={choice}" for choice in choices)
            print(f"  >> {question} [{offered}] {answer[0]}", file=out)
            return answer

    record, _ = examined(board, Told(board), "vr-101", show=lambda step: test._show(step, out))
    print(
        f"\n{record['unit']}: {test._verdict(record)}. records/.../test.html",
        file=out,
    )
    return out.getvalue()


def batch(target, bench, put):
    """The table in the middle of a batch, and one board that is no use."""
    from flashing.desk import cars

    listed = cars.read(bench.csv, cars.shared(bench.settings))[1:]
    state = State(bench.folder / "state.json", listed)
    shown = []

    class Shop:
        def identify(self, port, tell):
            return port, ""

        def make(self, port, unit, tell):
            from flashing.errors import FlashError

            if port.endswith("3"):
                raise FlashError("the modem does not answer", port, "use another board")
            tell(*{"0": ("sim", "the card is ready"), "1": ("flash", "sending 62 %")}.get(port[-1], ("", "")))
            if port[-1] in "01":
                done.wait(5)
            return {"kid": "8a93cdcde8b05387", "chip": port}

    import threading

    done = threading.Event()
    work = Batch(state, Shop())

    def look():
        steps = [seat.step for seat in work.seats]
        if not shown and all(steps):
            shown.append(table.picture(state, work))
            done.set()

    work.run([f"/dev/ttyUSB{n}" for n in range(4)], look)
    command = "./flash.py batch cars.csv --board SIM --ports /dev/ttyUSB0 /dev/ttyUSB1 ..."
    draw(target, "batch", "batch", command, shown[0])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
