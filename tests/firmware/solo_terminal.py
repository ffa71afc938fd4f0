"""The whole firmware in one MicroPython without a bench: a littlefs in RAM at /, pins and UARTs driven by the
test.

Solo mode: time jumps at every wait. The modem is silent here; the bench's tests have one that speaks.
"""

import asyncio
import hashlib
import json
import os
import sys

import _bench
import _solo
import esp32
import machine
import vfs

import firmware
import protocol
from firmware import aftermath, bootcount, config, identity, p256_point, provision, signer, start
from firmware.hal import Hal
from protocol import cose, report
from protocol.nmea import checksum
from tests.firmware.gateway_key import GATEWAY_KEY
from tests.firmware.ramflash import RamFlash

BOARD = {
    "uarts": {
        "gnss": {"id": 1, "baud": 9600, "rxbuf": 2048},
        "modem": {"id": 2, "baud": 115200, "rxbuf": 2048},
    },
    "pins": {"red": 10, "green": 11, "buzzer": 12, "vibrator": 13, "ignition": 14},
    "keys": {
        "panic": 20,
        "available": 21,
        "on_the_way": 22,
        "on_scene": 23,
        "busy": 24,
        "off_duty": 25,
        "event": 26,
        "accept": 27,
    },
    "adc": {"supply": 30, "supply_full_mv": 36300},
    "modem": {"model": "a76xx"},
}
HOME = os.getcwd()
START_ONLY = {"aftermath": aftermath, "bootcount": bootcount, "config": config, "identity": identity}
SETTINGS = {"host": "192.0.2.10", "gateway_key": GATEWAY_KEY, "log": 1}


def sentence(second):
    body = b"GNRMC,0912%02d.00,A,4458.2000,N,01936.6000,E,0.30,084.4,221126,,,A" % second
    return b"$%s*%02X\r\n" % (body, checksum(body))


class Said:
    """The console: what was logged, and printed on failure."""

    level = 0
    trace = None

    def __init__(self):
        self.lines = []

    def __call__(self, level, text):
        self.lines.append((level, text))
        if self.trace is not None:
            self.trace.say(0, text)


class SoloTerminal:
    """`boot()` as after power-on; `run(ms)` goes on; `off()` takes power away. Flash stays from boot to
    boot."""

    def __init__(self, settings=SETTINGS):
        self.flash = RamFlash(256)
        esp32.partitions["journal"] = RamFlash(64)
        vfs.VfsLfs2.mkfs(self.flash)
        self.log = Said()
        self.app = None
        self._task = None
        with self:
            hal = Hal(BOARD)
            provision.create_identity(hal)
            wrong = provision.install(json.dumps(settings), hal)
            assert wrong == [], wrong

    # The firmware's paths begin at /: while it runs, / is its flash. Modules that it loads when it needs them
    # come from /program, as on a board from its ROM.

    def __enter__(self):
        vfs.umount("/")
        vfs.mount(vfs.VfsLfs2(self.flash), "/")
        vfs.mount(vfs.VfsPosix(HOME), "/program")
        for package in (firmware, protocol):
            package.__path__ = "/program/" + package.__name__
        return self

    def __exit__(self, kind, value, trace):
        vfs.umount("/program")
        for package in (firmware, protocol):
            package.__path__ = "./" + package.__name__
        vfs.umount("/")
        vfs.mount(vfs.VfsPosix("/"), "/")
        return False

    def spoil(self, path, text):
        """Write over a file of the terminal's flash."""
        with open(path, "w") as file:
            file.write(text)

    async def boot(self):
        machine.ADC(30).drive(24914)
        for number in BOARD["keys"].values():
            machine.Pin(number, machine.Pin.IN, machine.Pin.PULL_UP).drive(1)
        for name, module in START_ONLY.items():
            # The last boot let go of them; there is no image here to load them from again.
            sys.modules["firmware." + name] = module
            setattr(firmware, name, module)
        hal = Hal(BOARD)
        self.app = start.prepare(hal, self.log)
        _solo.watchdog = None  # each test decides for itself
        if self.app is not None:
            self._task = asyncio.create_task(self.app.run())
            await asyncio.sleep_ms(300)

    @property
    def said(self):
        return self.log.lines

    async def run(self, ms):
        await asyncio.sleep_ms(ms)

    async def drive(self, seconds):
        """A receiver that says a sentence each second."""
        for second in range(seconds):
            _bench.uarts[1].inject(sentence(second))
            await asyncio.sleep_ms(1000)

    async def off(self):
        """Power goes: nothing is tidied up."""
        self._task.cancel()
        for watch in self.app.supervisor.watches:
            watch.task.cancel()
        self.app = None
        await asyncio.sleep_ms(10)

    async def press(self, key, ms):
        pin = machine.Pin(BOARD["keys"][key])
        for level in (0, 1, 0, 1, 0):  # bounce
            pin.drive(level)
            await asyncio.sleep_ms(1)
        await asyncio.sleep_ms(ms)
        pin.drive(1)
        await asyncio.sleep_ms(60)

    async def levels(self, pin, ms=2000, step=10):
        """The levels of an output, one per 10 ms."""
        seen = []
        for _ in range(ms // step):
            seen.append(machine.Pin(BOARD["pins"][pin]).value())
            await asyncio.sleep_ms(step)
        return seen

    def frames(self, urgent):
        """Reports waiting in the journal, verified with the terminal's own public key."""
        found = []
        public = self.app.signer.public
        for _, frame in self.app.journal.peek(urgent, 100):
            parsed = cose.sign1_parse(frame)
            assert parsed.kid == signer.key_id(public)
            digest = hashlib.sha256(parsed.to_be_signed()).digest()
            assert p256_point.verify(public, digest, parsed.signature)
            found.append(report.decode(parsed.payload))
        return found


def blinks(levels, on_ms, off_ms, step=10):
    """True when the levels go on and off in this rhythm, each edge within 20 ms."""
    spans = []
    count = 1
    for before, after in [(levels[n], levels[n + 1]) for n in range(len(levels) - 1)]:
        if before == after:
            count += 1
        else:
            spans.append((before, count * step))
            count = 1
    inner = spans[1:]
    if len(inner) < 2:
        return False
    return all(abs(ms - (on_ms if level else off_ms)) <= 20 for level, ms in inner)
