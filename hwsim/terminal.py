"""A terminal: the real firmware under the real MicroPython, and what the bench plays of its chip."""

import hashlib
import json
import struct
from pathlib import Path

from hwsim import costs, wire
from hwsim.board import load_board
from hwsim.costs import CHIP_HEAP, arguments
from hwsim.flash import ERASE, PROGRAM, Flash
from hwsim.kernel import ASIDE
from hwsim.lockstep import Lockstep
from hwsim.process import maps_image
from hwsim.prompt import PromptLockstep
from hwsim.watchdog import Watchdog
from hwsim.wires import Wires

_BENCH_HEAP = 160 * 1024  # the overlays; guest/boot.py fills what they leave
_CODE_HEAP = 80 * 1024  # and their code and buffers, where these have no other place
# What the program finds beside the heap that it is said to have, in bytes of a 64-bit MicroPython; measured.
_BESIDE = (
    # Python here and C on a chip: 18 pins 3,776, two UARTs 900, watchdog and RTC memory 640, a poller 320, 60
    # for each of 16 tasks.
    6656
    # Rings of two UARTs: an ESP32's driver has memory of its own for them.
    + 2 * 2080
    # asyncio: on a chip the program loads it, here it is there before.
    - 4288
    # The table of names that the board's MicroPython has not (flashing/frozen.py): room for 60.
    - 768
    # Texts and buffers are no shorter with words of 32 bits. In an alarm a 32-bit MicroPython with 96 KB has
    # that much less than half of what would be free here.
    - 5216
)
_READ_IN = 192 * 1024  # and a slot's image, read into it
_BOOT_US = 250_000  # from power or reset to the first line of the program
_MAIN = "firmware.main"  # its main() is the program


class Terminal(Wires):
    """`image` is the ROMFS file to run, or `script` a program of a test's own; without both it runs what its
    flash holds. `heapsize` is what the program may use, image not counted. `console`: who sits at its prompt
    (console.py); nobody, if None. The flash image at `flash_path` is kept from run to run. `cpu`: how many
    times as long as the reference machine the chip takes for the operations of costs.toml; None: as its
    board says, 0: it computes in no time."""

    def __init__(
        self,
        kernel,
        name,
        board,
        image=None,
        flash_path=None,
        heapsize=CHIP_HEAP,
        script=None,
        cpu=None,
        console=None,
    ):
        self.lane = kernel.new_lane()  # its devices'; two more follow
        super().__init__(kernel, name, load_board(board), self.lane)
        self.image = Path(image).resolve() if image else None
        self.script = Path(script).resolve() if script else None
        self.heapsize = heapsize
        chip = self.board["flash"]
        self.flash = Flash(Path(flash_path).resolve(), chip["size"], chip.get("block", 4096))
        self.powered = False
        self.starts = 0
        self.cause = "power"
        self.costs = costs.charges(self.board.get("cpu", {}).get("factor", 0) if cpu is None else cpu)
        self.measured = []  # operations to be timed on the computer's processor (costs.py)
        self.wrap_ms = 20_000  # after a start, until ticks_ms begins anew
        self.told_us = 0  # computations as long as this are told as notes when they begin; 0: none
        self.unique_id = hashlib.sha256(name.encode()).digest()[:8]
        self.aside = self.lane + ASIDE
        self.console = console
        self.program = Lockstep(kernel, self, self.lane)
        if console is not None:
            self.program = PromptLockstep(kernel, self, console, self.lane)
        self._rng = kernel.rng("terminal/" + name)
        self._rtc_us = 0
        self.rtc_memory = b""
        self._watchdog = Watchdog(kernel, self._bitten, self.aside)
        self._clear()

    def _clear(self):
        self._listens_to_nothing()
        self._operation = None  # flash: kind, address, data, begin, end
        self._timers = []

    def afflict(self, what, data=b""):
        """A fault inside the running program, see guest/_fault.py."""
        self.program.queue(wire.FAULT, what, data, urgent=True)

    @property
    def messages(self):
        return self.program.messages

    @property
    def pid(self):
        """The process that plays the chip, or None."""
        return self.program.pid

    # Power and reset

    def power_on(self):
        if not self.powered:
            self.powered = True
            self._rtc_us = -self.kernel.now_us  # 2000-01-01, as in a chip that was without power
            self.rtc_memory = b""
            self._start("power")

    def power_off(self):
        """Power goes now, in the middle of a flash operation if there is one."""
        if not self.powered:
            return
        if self._operation is not None:
            kind, address, data, begun_us, ends_us = self._operation
            progress = (self.kernel.now_us - begun_us) / (ends_us - begun_us)
            self.flash.tear(kind, address, data, progress, self._rng)
            self.kernel.emit(self.name, "torn", operation=kind, address=address, progress=round(progress, 6))
        self.powered = False
        self._stop()
        self.kernel.emit(self.name, "power", on=False)

    def cut_power(self, off_s=None):
        """The same; power is back after `off_s` seconds if given."""
        self.power_off()
        if off_s is not None:
            self.kernel.after(round(off_s * 1_000_000), self.power_on)

    def reset(self, cause="hard"):
        """Restart with that cause: hard, soft or watchdog."""
        if self.powered:
            self._stop()
            self._start(cause)

    def close(self):
        """The end of this terminal on the bench."""
        self.powered = False
        self._stop()
        self.flash.close()

    def _start(self, cause):
        self.cause = cause
        self.starts += 1
        self.kernel.emit(self.name, "start", cause=cause, number=self.starts)
        self._later(self.kernel.now_us + _BOOT_US, self._launch)

    def _launch(self):
        ours = _BENCH_HEAP
        if not maps_image():
            ours += _CODE_HEAP + (self.image.stat().st_size if self.image else _READ_IN)
        files = {"flash": self.flash.path, "image": self.image, "script": self.script}
        files = {name: path for name, path in files.items() if path}
        self.program.start(ours, self.heapsize + _BESIDE, files, self.rom)

    def _stop(self):
        for timer in self._timers:
            timer.cancel()
        self._watchdog.stop()
        self.program.stop()
        self._clear()
        self._goes_dark()

    def _later(self, when_us, call):
        self._timers = [timer for timer in self._timers if timer.active]
        self._timers.append(self.kernel.at_lane(self.program.lane, when_us, call))

    @property
    def rom(self):
        """(place, size) of the slots on its flash, side by side. None: it has none, or runs an image of
        ours."""
        slots = self.board["flash"].get("slots")
        if not slots or self.image is not None:
            return None
        return slots[0]["address"], sum(slot["size"] for slot in slots)

    # What Lockstep asks of its owner

    def options(self):
        """What guest/boot.py gets to know."""
        options = {
            "cause": self.cause,
            "uid": self.unique_id.hex(),
            "pins": self._inputs,
            "adc": self._adc,
            "rtc_us": self._rtc_us,
            "rtc_memory": self.rtc_memory.hex(),
            "seed": f"{self._rng.getrandbits(128):032x}",
            "image": self.image is not None,
            "script": self.script is not None,
            "rom": self.rom,
            "console": self.console and self.console.options(),
            "main": _MAIN,
            "costs": "".join(f"{name} {us} {arguments(name)}\n" for name, us in self.costs.items()),
            "told_us": self.told_us,
            "wrap_ms": self.wrap_ms,
            "measured": self.measured,
            "unanswered": self._unanswered(),
            "flash": {
                "size": self.flash.size,
                "block": self.flash.block,
                "journal": self.board["flash"].get("journal"),
            },
        }
        return json.dumps(options).encode()

    def line(self, text):
        self.kernel.emit(self.name, "log", line=text)

    def died(self, reason):
        # The watchdog, if the program had started it, goes on and will bite.
        self.kernel.emit(self.name, "died", reason=reason)

    def apply(self, what, index, data):
        _RECORDS[what](self, index, data)

    def watched(self, fed, when_us, data):
        if fed:
            self._watchdog.feed(when_us)
        else:
            self._watchdog.start(*struct.unpack("<I", data), when_us)

    def asked(self, message):
        if message.kind == wire.RESET:
            self.reset(message.question.decode())
        elif message.kind == wire.BUS:
            self._on_bus(message.until_us, message.question)
        elif message.kind == wire.STREAM:
            self._on_stream(message.until_us)
        else:
            kind = PROGRAM if message.kind == wire.PROGRAM else ERASE
            self._on_flash(kind, message.until_us, message.question)

    # The chip

    def _bitten(self):
        self.kernel.emit(self.name, "watchdog")
        self.reset("watchdog")

    def _on_clock(self, _index, data):
        (self._rtc_us,) = struct.unpack("<q", data)

    def _on_memory(self, _index, data):
        self.rtc_memory = data

    def _on_note(self, _index, data):
        self.kernel.emit(self.name, "note", text=data.decode())

    def _on_console(self, index, data):
        if self.console is not None:
            self.console.told(index, data)

    def _on_flash(self, kind, address, data):
        self.flash.check(kind, address, data)
        now_us = self.kernel.now_us
        ends_us = now_us + self.flash.time_us(kind, data)
        self._operation = (kind, address, data, now_us, ends_us)
        if self.flash.cut_now():
            self._later(self._rng.randint(now_us, ends_us - 1), self.cut_power)
        self._later(ends_us, self._flash_done)

    def _flash_done(self):
        kind, address, data, _, _ = self._operation
        self._operation = None
        self.flash.do(kind, address, data)
        self.program.deaf()  # while an ESP32 writes its flash it runs nothing that is not in RAM
        self.program.answer()


_RECORDS = {
    wire.PIN: Terminal._on_pin,
    wire.PIN_SETUP: Terminal._on_pin_setup,
    wire.UART: Terminal._on_uart,
    wire.UART_SETUP: Terminal._on_uart_setup,
    wire.PWM: Terminal._on_pwm,
    wire.CLOCK: Terminal._on_clock,
    wire.NOTE: Terminal._on_note,
    wire.MEMORY: Terminal._on_memory,
    wire.CONSOLE: Terminal._on_console,
}
