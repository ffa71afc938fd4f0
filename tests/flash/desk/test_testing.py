"""`./flash.py test`: the guided test at a simulated board, whose keys somebody presses, up to a drill alarm
through a real gateway and back to the lamp."""

import io
import json
import re
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from flashing.board.console import Console
from flashing.cli import test as command
from flashing.desk import person, testing
from flashing.desk.device import Device
from flashing.errors import Usage
from flashing.image import load_board
from hwsim.modem.sim import Sim
from protocol import cose, report
from tests.flash.desk.hands import Hands


def examined(board, hands, unit=None, show=lambda step: None, **more):
    """What the test found: (record, {step: (result, text)})."""
    with Console.open(str(board.port), 921600) as console:
        device = Device(console, load_board("SIM"), "./flash.py flash")
        steps = []

        def tell(step):
            steps.append(step)
            show(step)

        record = testing.Test(device, hands, tell, 4, **more).run(unit)
        device.begin()
        device.reset()
    return record, {step.name: (step.result, step.text, step.do) for step in steps}


@pytest.fixture
def terminal(bench, stand):
    """A provisioned board with its gateway."""

    def make(**options):
        board = stand(gateway=bench.headquarters.udp, **options)
        code, _, err = bench.provision(board, "--skip-sim")
        assert code == 0, err
        return board

    return make


def panics(headquarters):
    """(terminal, state) of each alarm's frame that headquarters has."""
    found = []
    for row in headquarters.cli("journal", "--kind", "panic")["frames"]:
        fields = report.decode(cose.sign1_parse(bytes.fromhex(row["frame"])).payload)
        found.append((row["kid"], fields[report.PANIC][report.PANIC_STATE]))
    return found


def test_a_good_board_passes_with_a_drill_that_comes_back_to_its_lamp(bench, terminal):
    board = terminal()
    record, steps = examined(board, Hands(board), "vr-101")
    assert record["passed"], {name: row for name, row in steps.items() if row[0] != "good"}
    assert [name for name in steps if name.startswith("key ")] == [
        f"key {name}" for name in sorted(board.board["keys"])
    ]
    assert "satellites" in steps["gnss"][1]
    assert "dBm" in steps["modem"][1]
    assert steps["drill"][1] == "raised, received, shown; stored by the gateway"
    assert panics(bench.headquarters) == [(record["kid"], report.PANIC_DRILL)]
    # In the car it is over: the alarm of the workbench is not raised again, nor shown.
    started = board.now_us
    assert board.until(lambda: board.now_us > started + 60_000_000)
    assert len(panics(bench.headquarters)) == 1
    assert board.do(lambda: board.panel.red.state) == "off"


def test_what_is_wrong_is_found_and_said_with_what_to_do(bench, terminal):
    board = terminal(sim=Sim(present=False))
    board.do(board.panel.stick, "busy")
    wrong = {"event": "accept", "see green": "none", "see buzzer": "no"}
    record, steps = examined(board, Hands(board, wrong))
    assert not record["passed"]
    failed = {name for name, (result, _, _) in steps.items() if result == "failed"}
    # Every key step hears of the one that is stuck; it is the only one that is down "all the time".
    assert failed >= {"key busy", "key event", "green", "buzzer", "modem"}
    assert "no SIM card" in steps["modem"][1]
    assert "stuck" in steps["key busy"][2]
    assert steps["drill"][0] == "skipped"
    assert all(steps[name][2] for name in failed)
    assert steps["red"][0] == "good"
    assert panics(bench.headquarters) == []


def test_where_there_is_no_network_it_says_so_and_not_that_the_board_is_dead(bench, terminal, monkeypatch):
    """The board has nothing to say until its time is over: patience with it is longer."""
    board = terminal()
    asked = []
    watch = Device.watch

    def noted(self, what, *more, patience_s=30.0):
        asked.append((what, more, patience_s))
        return watch(self, what, *more, patience_s=patience_s)

    monkeypatch.setattr(Device, "watch", noted)
    board.do(board.car.modem.set_coverage, False)
    hands = Hands(board)
    skip = tuple(["gnss", "key", *[wire for wire, _, _ in testing._WIRES]])
    _, steps = examined(board, hands, skip=skip)
    assert steps["modem"][:2] == (
        "failed",
        "there is no network: the modem hears none, or none that takes this card",
    )
    assert "antenna" in steps["modem"][2]
    assert "  it looks for a network; without an antenna this takes three minutes" in hands.said
    assert steps["drill"][0] == "skipped"
    ((_, for_ms, _), patience_s) = next(rest for what, *rest in asked if what == "modem")
    assert patience_s * 1000 > for_ms


def test_the_last_line_says_what_failed_as_the_steps_may_have_left_the_screen():
    rows = [("supply", "good"), ("gnss", "skipped"), ("modem", "failed"), ("red", "failed")]
    steps = [{"name": name, "result": result} for name, result in rows]
    said = command._verdict({"passed": False, "steps": steps})
    assert said == "NOT passed (failed: modem, red; left out: gnss)"
    assert command._verdict({"passed": True, "steps": []}) == "passed"


def test_a_long_line_keeps_its_words_and_its_column_on_a_terminal(monkeypatch):
    class Screen(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setenv("COLUMNS", "60")
    out = Screen()
    text = "there is no network: the modem hears none, or none that takes this card"
    command._show(testing.Step("modem", testing.FAILED, text, "screw the LTE antenna on"), out)
    assert out.getvalue().splitlines() == [
        "! modem            there is no network: the modem hears",
        "                   none, or none that takes this card",
        "  do:              screw the LTE antenna on",
    ]


def test_a_drill_that_is_cut_off_is_no_alarm_in_the_car(bench, terminal):
    board = terminal()

    class Clumsy(Hands):
        def look(self, at, question, choices):
            if "blink" in question:
                self.board.pull()
            return "red" if "blink" in question else super().look(at, question, choices)

    skip = tuple(["gnss", "modem", "key", *[wire for wire, _, _ in testing._WIRES]])
    with pytest.raises(Exception, match="gone"):
        examined(board, Clumsy(board), skip=skip)
    board.still = False
    board.plug()
    started = board.now_us
    assert board.until(lambda: board.now_us > started + 120_000_000)
    assert {state for _, state in panics(bench.headquarters)} == {report.PANIC_DRILL}
    assert board.do(lambda: board.panel.red.state) == "off"


def test_a_board_that_is_another_unit_or_none_is_not_tested(bench, stand, terminal):
    board = stand("blank")
    code, _, err = bench.run("test", *bench.words(board))
    assert (code, "no terminal yet" in err) == (1, True)
    board = terminal(name="other")
    code, _, err = bench.run("test", *bench.words(board), "--unit", "vr-102")
    assert (code, "this board is vranje/ps-vranje/vr-101, not vr-102" in err) == (1, True)


JIG = """
import json, sys
# Stands in for hands: the test writes what they are to do into a pipe of its own.
for line in sys.stdin:
    order = json.loads(line)
    print(line, end="", file=sys.stderr)
    if order["do"] == "press":
        print(json.dumps({"done": True}), flush=True)
    elif order["do"] == "look":
        print(json.dumps({"answer": order["choices"][0]}), flush=True)
"""


def test_a_jig_is_asked_in_lines_of_json(tmp_path):
    script = tmp_path / "jig.py"
    script.write_text(JIG)
    jig = person.Jig(f"{sys.executable} {script}")
    jig.say("hello")
    jig.press("panic", 800)
    assert jig.look("red", "?", ("red", "none")) == "red"
    jig.close()
    with pytest.raises(Usage, match="cannot be started"):
        person.Jig("/nowhere/jig")
    silent = person.Jig(f"{sys.executable} -c pass")
    with pytest.raises(Exception, match="ended"):
        silent.press("panic", 800)
    silent.close()


def test_flash_provision_and_test_without_anybody_there(bench, stand, tmp_path):
    """The commands alone, with a jig; the record is signed, and its page needs nothing else."""
    board = stand(gateway=bench.headquarters.udp)
    assert bench.provision(board)[0] == 0
    steps = tmp_path / "steps"
    script = tmp_path / "jig.py"
    script.write_text(JIG.replace("file=sys.stderr", f"file=open({str(steps)!r}, 'a')"))
    code, out, err = bench.run(
        "test", *bench.words(board), "--unit", "vr-101", "--jig", f"{sys.executable} {script}", "--json",
        *("--skip", "key", "--skip", "drill"),
    )  # fmt: skip
    assert code == 1, err  # what was left out was not passed
    document = json.loads(out)
    assert "error" not in document, document
    assert bench.record(name="test.json") == {n: document[n] for n in ("record", "jws", "public_key")}
    header, _, signature = document["jws"].split(".")
    assert good(document, bench.headquarters.technician)
    document["record"]["passed"] = True
    assert not good(document, bench.headquarters.technician)
    page = Path(document["files"][1]).read_text()
    assert "vr-101" in page
    assert not re.search(r"(src|href)=|url\(|@import", page)
    assert json.loads(steps.read_text().splitlines()[-1])["at"] == "vibrator"


def good(document, key_file):
    """As docs/technician.md says it is checked, by cryptography alone."""
    import base64

    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    def unpack(text):
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

    public = load_pem_private_key(key_file.read_bytes(), None).public_key()
    header, _, signature = document["jws"].split(".")
    record = json.dumps(document["record"], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    body = base64.urlsafe_b64encode(record.encode()).rstrip(b"=").decode()
    r, s = (int.from_bytes(unpack(signature)[at : at + 32], "big") for at in (0, 32))
    try:
        public.verify(encode_dss_signature(r, s), f"{header}.{body}".encode(), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True
