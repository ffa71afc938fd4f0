"""A car whose terminal runs a program of the bench's own, with everything around it that can fail: what a
fault does is told by that program, not by the device that was asked to do it."""

import hashlib
import textwrap
from types import SimpleNamespace

from cryptography.hazmat.primitives.asymmetric import ec

from hwsim import world
from hwsim.faults import Faults, Injector
from hwsim.house import House
from hwsim.network import KernelHost

PROGRAM = """
    import asyncio, gc, machine, os, time

    WRAP = (1 << 30) - time.ticks_ms()
    gnss = machine.UART(1, 9600, rxbuf=2048)
    modem = machine.UART(2, 115200, rxbuf=2048)
    supply = machine.ADC(machine.Pin(30))
    panic = machine.Pin(20, machine.Pin.IN, machine.Pin.PULL_UP)
    edges = bytearray(1)
    beats = [0] * 10
    said = {"rmc": b"", "gsv": b""}

    def edge(pin):
        edges[0] = min(255, edges[0] + 1)

    panic.irq(edge, machine.Pin.IRQ_FALLING | machine.Pin.IRQ_RISING)
    watchdog = machine.WDT(timeout=8000)

    async def beat(n):
        while True:
            beats[n] += 1
            await asyncio.sleep_ms(250)

    async def write():
        n = 0
        while True:
            n += 1
            with open("/note", "w") as file:
                file.write(str(n))
            await asyncio.sleep_ms(1000)

    async def listen():
        while True:
            for line in (gnss.read() or b"").split(b"\\r\\n"):
                if line[3:6] in (b"RMC", b"GSV"):
                    said[str(line[3:6], "ascii").lower()] = bytes(b if 32 <= b < 124 else 63 for b in line)
            heard[0] += len(modem.read() or b"")
            await asyncio.sleep_ms(100)

    heard = [0]

    async def main():
        tasks = [asyncio.create_task(beat(n)) for n in range(10)]  # tasks 2 to 11
        asyncio.create_task(write())
        asyncio.create_task(listen())
        before = [0] * 10
        while True:
            alive = "".join("+" if now > then else "-" for now, then in zip(beats, before))
            before = list(beats)
            gc.collect()
            room = os.statvfs("/")[3]
            print("%d|%d|%d|%d|%s|%s|%d|%d|%s" % (WRAP, supply.read_u16(), edges[0], gc.mem_free(),
                  str(said["rmc"], "ascii"), alive, heard[0], room, str(said["gsv"], "ascii")))
            watchdog.feed()
            await asyncio.sleep_ms(1000)

    asyncio.run(main())
"""
FIELDS = ("wrap", "supply", "edges", "free", "rmc", "alive", "heard", "room", "gsv")


class Echo:
    """Answers every datagram, and remembers where each came from."""

    def __init__(self):
        self.sources = []
        self.host = KernelHost(self._take)

    def _take(self, data, source, reply):
        self.sources.append(source)
        reply(data)


class IdleHouse:
    """`with IdleHouse(folder, Faults(...)) as idle: idle.run(10); idle.said("rmc")`."""

    def __init__(self, folder, faults=None, seed=1, units=1):
        script = folder / "idle.py"
        script.write_text(textwrap.dedent(PROGRAM))
        publics = []
        for index in range(units):
            key = ec.derive_private_key(index + 7, ec.SECP256R1()).public_key().public_numbers()
            publics.append(key.x.to_bytes(32, "big") + key.y.to_bytes(32, "big"))
        flash = folder / "blank.flash"
        flash.write_bytes(b"")
        kit = SimpleNamespace(
            publics=publics, units=world.units(units), flashes=[flash] * units, image=None, settings={}
        )
        self.house = House(kit, folder, seed=seed, script=script)
        self.kernel = self.house.kernel
        self.car = self.house.cars[0]
        self.echo = Echo()
        self.house.network.serve(("192.0.2.99", 7), self.echo.host)
        self.injector = Injector(self.house, faults or Faults())

    def __enter__(self):
        self.injector.start()
        for car in self.house.cars:
            car.start()
            car.modem.set_pin("supply", 1)
            car.modem.set_pin("pwrkey", 1)
            self.kernel.after(300_000, car.modem.set_pin, "pwrkey", 0)
        return self

    def __exit__(self, *_):
        self.house.__exit__()

    def run(self, seconds):
        self.kernel.run_for(seconds)

    def lines(self):
        """What the first car's program said, newest last."""
        rows = [event.fields["line"] for event in self.house.events if event.what == "log"]
        rows = [row.split("|") for row in rows if row.count("|") == len(FIELDS) - 1]
        return [dict(zip(FIELDS, row, strict=True)) for row in rows]

    def said(self, field):
        return self.lines()[-1][field]

    def seen(self, what, source=None):
        rows = self.house.events
        return [event for event in rows if event.what == what and source in (None, event.source)]

    @property
    def starts(self):
        return len(self.seen("start", self.car.name))

    def faults(self, name=None):
        found = [event for event in self.house.events if event.source == "fault" and event.what != "over"]
        return found if name is None else [event for event in found if event.what == name]

    def digest(self):
        flash = self.car.terminal.flash
        return hashlib.sha256(flash.read(0, flash.size)).hexdigest()
