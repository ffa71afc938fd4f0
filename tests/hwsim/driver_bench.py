"""The modem driver and the bench's modem model at two ends of a UART: what their tests have in common.

Every second a datagram goes out whose bytes hold all a parser could fall for; headquarters sends it back.
"""

import datetime
import json
from pathlib import Path

from flashing.image import compile_program, load_board, romfs
from hwsim.kernel import Kernel
from hwsim.modem import PROFILES, Modem
from hwsim.network import GATEWAY_ADDRESS, KernelHost, Network
from hwsim.terminal import Terminal

WIRES = ("pwrkey", "reset", "supply")
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
pins = {name: pin for name, pin in hal.modem_pins().items() if name in {wires!r}}
# The SIM board is ours: what is needed here is the driver, nothing else of the terminal.
modem = Modem(
    Maker,
    hal.uart("modem"), pins, config, clock, lambda level, text: print(text), FileStore("/simpin")
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


def make_image(folder):
    """protocol/ and firmware/ as they stand: the program of the test picks its modules by name."""
    program = {"board.py": f"BOARD = {load_board('SIM')!r}\n"}
    for room in ("protocol", "firmware"):
        for path in (ROOT / room).glob("*.py"):
            program[f"{room}/{path.name}"] = path.read_text("utf-8")
    compile_program(program, folder / "source", folder / "rom")
    romfs(folder / "rom", folder / "image")
    return folder / "image"


class Drive:
    def __init__(self, image, folder, profile="a7670", seed=1, sim=None, config=None, wires=WIRES, **changes):
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
        script.write_text(program.replace("{wires!r}", repr(wires)))
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
        for pin in wires:
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
