"""The modem driver against the bench's modem model: two people's reading of what modems do.

Every second a datagram goes out whose bytes hold all a parser could fall for; headquarters sends it back.
"""

import datetime
import json
from pathlib import Path

import pytest

from flashing.image import compile_program, load_board, romfs
from hwsim.kernel import Kernel
from hwsim.modem import PROFILES, Modem, Sim
from hwsim.network import GATEWAY_ADDRESS, KernelHost, Network
from hwsim.terminal import Terminal

ROOT = Path(__file__).resolve().parents[2]
EPOCH = datetime.datetime(2026, 6, 3, 6, tzinfo=datetime.UTC)
CONFIG = {
    "apn": "internet",
    "user": "",
    "password": "",
    "pin": "",
    "host": GATEWAY_ADDRESS[0],
    "port": GATEWAY_ADDRESS[1],
    "local_port": 5683,
}
PROGRAM = """
import asyncio, gc, time
from board import BOARD
from firmware.clock import Clock
from firmware.hal import Hal
from firmware.driver import Modem
from firmware.maker import Maker
from firmware.simpin import FileStore

hal = Hal(BOARD)
config = hal.modem_options()
config.update({config!r})
clock = Clock(time.ticks_ms, time.ticks_diff)
# The SIM board is ours: what is needed here is the driver, nothing else of the terminal.
modem = Modem(
    Maker,
    hal.uart("modem"), hal.modem_pins(), config, clock, lambda level, text: print(text), FileStore("/simpin")
)
EVIL = b"\\r\\nOK\\r\\n> \\r\\nERROR\\r\\n+IPD9\\r\\n*ATREADY: 1\\r\\n+CIPERROR: 2\\r\\n\\x00\\xff"
waiting = set()

def came(datagram):
    if datagram[8:] != EVIL:
        print("BROKEN", datagram)
    elif datagram in waiting:
        waiting.discard(datagram)
        print("ROUND", int(datagram[:8]))

modem.on_datagram = came
modem.on_network_time = lambda ms: print("TIME", ms)

async def main():
    task = asyncio.create_task(modem.run())
    n = 0
    while True:
        if task.done():
            await task
        if modem.up:
            datagram = b"%08d" % n + EVIL
            if len(waiting) > 40:
                waiting.clear()
            waiting.add(datagram)
            modem.send(datagram, n % 3 == 0)
            n += 1
        await asyncio.sleep_ms(1000)

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """protocol/ and firmware/ as they stand: the program of the test picks its modules by name."""
    folder = tmp_path_factory.mktemp("image")
    program = {"board.py": f"BOARD = {load_board('SIM')!r}\n"}
    for room in ("protocol", "firmware"):
        for path in (ROOT / room).glob("*.py"):
            program[f"{room}/{path.name}"] = path.read_text("utf-8")
    compile_program(program, folder / "source", folder / "rom")
    romfs(folder / "rom", folder / "image")
    return folder / "image"


class Drive:
    def __init__(self, image, folder, profile="a7670", seed=1, sim=None, config=None, **changes):
        script = folder / "program.py"
        settings = json.loads(json.dumps(CONFIG))
        settings.update(config or {})
        program = PROGRAM.replace("{config!r}", repr(settings))
        if PROFILES[profile].dialect == "quectel":
            settings["modem"] = PROFILES[profile].model.lower().split("-")[0]
            program = PROGRAM.replace("{config!r}", repr(settings))
            program = program.replace(
                "firmware.maker import Maker", "firmware.quectel import Quectel as Maker"
            )
        script.write_text(program)
        self.kernel = Kernel(seed)
        self.lines = []
        self.kernel.subscribe(self._event)
        self.terminal = Terminal(self.kernel, "car", "SIM", image, folder / "flash", script=script)
        network = Network(self.kernel)
        network.serve(GATEWAY_ADDRESS, KernelHost(lambda data, source, reply: reply(data)))
        network.name("gateway.example", GATEWAY_ADDRESS[0])
        self.modem = Modem(
            self.kernel,
            self.terminal.port("modem"),
            network.path("car"),
            PROFILES[profile].copy(**changes),
            sim,
            name="car",
            epoch=EPOCH,
        )
        self.terminal.attach_uart("modem", self.modem)
        for pin in ("pwrkey", "reset", "supply"):
            self.terminal.watch_pin("modem_" + pin, lambda level, pin=pin: self.modem.set_pin(pin, level))

    def _event(self, event):
        if event.what == "log":
            self.lines.append((event.t_us // 1000, event.fields["line"]))
        elif event.what == "died":
            self.lines.append((event.t_us // 1000, f"DIED {event.fields}"))

    def run(self, seconds):
        if not self.terminal.powered:
            self.terminal.power_on()
        self.kernel.run_for(seconds)
        bad = [
            line
            for _, line in self.lines
            if line.startswith(("BROKEN", "DIED", "Traceback", "modem: callback"))
        ]
        assert bad == [], self.lines[-20:]
        return self

    def rounds(self, since_s=0):
        return [ms for ms, line in self.lines if line.startswith("ROUND") and ms >= since_s * 1000]

    def said(self, text):
        return [ms for ms, line in self.lines if text in line]

    def first_round_s(self):
        assert self.rounds(), self.lines[-30:]
        return self.rounds()[0] / 1000

    def close(self):
        self.terminal.close()


@pytest.fixture
def drive(image, tmp_path):
    drives = []

    def make(*arguments, **settings):
        drives.append(Drive(image, tmp_path, *arguments, **settings))
        return drives[-1]

    yield make
    for one in drives:
        one.close()


@pytest.mark.parametrize(
    ("profile", "within_s"),
    [
        ("plain", 8),
        ("a7670", 20),
        ("a7670-slow", 80),
        ("sim7600", 40),
        ("quectel-plain", 8),
        ("ec25", 40),
        ("bg95", 100),
    ],
)
def test_each_kind_of_modem_comes_up_and_carries_every_byte(drive, profile, within_s):
    run = drive(profile).run(within_s + 60)
    assert run.first_round_s() < within_s
    assert len(run.rounds(within_s)) >= 55, run.lines[-20:]


@pytest.mark.parametrize(
    "changes",
    [
        {"registers": ("CREG",)},
        {"registers": ("CGREG",)},
        {"registers": ("CEREG",), "roaming": True},
        {"csq_unknown": True, "location_fields": False},
        {"cmee": 0},
        {"recv_trailer": b"\r\n", "recv_blank_line": False},
        {"attach_needs_apn": "internet"},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_habits_of_single_firmwares(drive, changes):
    run = drive(**changes).run(60)
    assert len(run.rounds(30)) >= 25, run.lines[-20:]


@pytest.mark.parametrize("nitz", ["psuttz", "psuttz_quoted", "psuttz_unbalanced", "ctze"])
def test_network_time_in_every_layout(drive, nitz):
    run = drive(nitz=(nitz,)).run(40)
    told = [(ms, int(line.split()[1])) for ms, line in run.lines if line.startswith("TIME")]
    assert told
    for ms, utc_ms in told:
        assert abs(utc_ms - (int(EPOCH.timestamp() * 1000) + ms)) < 2500, (ms, utc_ms)


@pytest.mark.parametrize(
    "changes",
    [
        {"registers": ("CREG",)},
        {"csq_unknown": True, "location_fields": False, "cmee": 0},
        {"attach_needs_apn": "internet"},
        {"activate_lies": 1.0},
        {"urcs_elsewhere": False},
        {"nitz": ("ctze", "ctzv_zone")},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_habits_of_quectel_s_firmwares(drive, changes):
    run = drive("ec25", **changes).run(80)
    assert len(run.rounds(45)) >= 30, run.lines[-20:]
    told = [(ms, int(line.split()[1])) for ms, line in run.lines if line.startswith("TIME")]
    assert told and all(abs(utc - (int(EPOCH.timestamp() * 1000) + ms)) < 2500 for ms, utc in told), told


def test_quectel_by_name_with_its_pin_and_a_wrong_one(drive):
    sim = Sim(pin="1234")
    run = drive("ec25", sim=sim, config={"pin": "1234", "host": "gateway.example"}).run(80)
    assert run.rounds() and sim.attempts == ["1234"]
    sim = Sim(pin="9999")
    run = drive("ec25", sim=sim, config={"pin": "1234"}).run(600)
    run.terminal.reset()
    run.run(300)
    assert not run.rounds() and sim.attempts == ["1234"] and sim.tries == 2


@pytest.mark.parametrize(("profile", "seed"), [("ec25", 1), ("bg95", 2)])
def test_a_quectel_with_everything_going_wrong_at_times(drive, profile, seed):
    run = drive(
        profile,
        seed=seed,
        prompt_missing=0.02,
        send_fails=0.05,
        netopen_fails=0.3,
        cipopen_fails=0.3,
        spontaneous_restart_s=(60, 180),
    ).run(900)
    assert len(run.rounds()) > 100, run.lines[-40:]
    assert run.rounds(600), run.lines[-40:]


def test_a_quectel_loses_socket_and_context(drive):
    run = drive("ec25").run(60)
    run.modem.stack.close_by_network(0)
    run.run(20)
    assert run.rounds(70), run.lines[-20:]
    run.modem.stack.lose_network()
    run.run(40)
    assert run.rounds(110), run.lines[-20:]


@pytest.mark.parametrize(
    ("profile", "cure"), [("ec25", "reset"), ("bg95", "reset"), ("ec25", "pwrkey"), ("bg95", "pwrkey")]
)
def test_a_quectel_that_hangs_is_brought_back(drive, profile, cure):
    run = drive(profile, hang_cured_by=(cure,)).run(100)
    assert run.rounds()
    run.modem.hang()
    run.run(300)
    assert run.rounds(330), run.lines[-40:]


def test_a_noisy_wire_to_a_quectel(drive):
    run = drive("ec25", garble=0.0003)
    run.terminal.power_on()
    run.kernel.run_for(600)
    assert not run.said("DIED") and not run.said("Traceback")
    assert len(run.rounds()) > 250 and run.rounds(500), run.lines[-40:]


def test_manual_mode(drive):
    run = drive(config={"manual_receive": True}).run(60)
    assert len(run.rounds(30)) >= 25, run.lines[-20:]


def test_a_name_instead_of_an_address(drive):
    run = drive(config={"host": "gateway.example"}).run(40)
    assert len(run.rounds(25)) >= 12, run.lines[-20:]


def test_a_modem_at_another_rate(drive):
    run = drive(baud=9600).run(90)
    assert run.rounds(), run.lines[-20:]
    assert run.modem.baud == 115200


def test_the_right_pin_and_a_wrong_one(drive):
    sim = Sim(pin="1234")
    run = drive(sim=sim, config={"pin": "1234"}).run(60)
    assert run.rounds() and sim.attempts == ["1234"]
    sim = Sim(pin="9999")
    run = drive(sim=sim, config={"pin": "1234"}).run(600)
    run.terminal.reset()
    run.run(300)
    assert not run.rounds() and sim.attempts == ["1234"] and sim.tries == 2


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_modem_with_everything_going_wrong_at_times(drive, seed):
    """Failures at every step: it may be slow, but it always comes back, and not one byte is wrong."""
    run = drive(
        seed=seed,
        prompt_missing=0.02,
        send_fails=0.05,
        netopen_fails=0.3,
        cipopen_fails=0.3,
        spontaneous_restart_s=(40, 120),
    ).run(900)
    assert len(run.rounds()) > 300, run.lines[-40:]
    assert run.rounds(700), run.lines[-40:]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_noisy_wire(drive, seed):
    """Bits turn over on the way to the terminal: datagrams may be damaged, the driver never is."""
    run = drive(seed=seed, garble=0.0003)
    run.terminal.power_on()
    run.kernel.run_for(600)
    assert not run.said("DIED") and not run.said("Traceback")
    assert len(run.rounds()) > 250, run.lines[-40:]
    assert run.rounds(500), run.lines[-40:]


@pytest.mark.parametrize("cure", ["reset", "pwrkey", "supply"])
def test_a_modem_that_hangs_is_brought_back(drive, cure):
    run = drive(hang_cured_by=(cure,)).run(40)
    assert run.rounds()
    run.modem.hang()
    run.run(260)
    assert run.rounds(200), run.lines[-40:]


def test_a_storm_of_urcs_costs_nothing_but_time(drive):
    run = drive().run(40)
    run.modem.storm(20)
    run.run(40)
    assert len(run.rounds(60)) >= 15, run.lines[-40:]
    assert len(run.rounds(40)) >= 25


def test_no_coverage_for_a_quarter_of_an_hour(drive):
    run = drive().run(40)
    run.modem.set_coverage(False)
    run.run(900)
    run.modem.set_coverage(True)
    run.run(60)
    assert run.rounds(960), run.lines[-40:]


def test_the_modem_restarts_by_itself(drive):
    run = drive().run(40)
    for _ in range(3):
        run.modem.restart()
        run.run(40)
        now_s = run.kernel.now_us / 1e6
        assert run.rounds(now_s - 15), run.lines[-40:]
