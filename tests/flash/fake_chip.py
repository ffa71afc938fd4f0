"""A chip's `machine`, `esp32`, `rp2` and `vfs` as strict as the real ones: a pin it has not, an output on an
input-only pin, a UART on the wrong pins, a page written in half: MicroPython refuses each."""

import importlib.util
import sys
import types
from pathlib import Path

import pytest

from flashing.describe.chips import CHIPS, uart_pin_fits

ROOT = Path(__file__).resolve().parents[2]
SECTOR, PAGE = 4096, 256
RP2_WATCHDOG_MS = 8388


class Chip:
    """`levels`: pin -> level driven; `modules`: what the program imports."""

    def __init__(self, board):
        self.board = board
        self.kind = CHIPS[board["chip"]]
        self.levels, self.pulled, self.uarts, self.watchdog_ms = {}, set(), {}, None
        self.flash = bytearray(b"\xff") * board["flash"]["size"]
        self.words = {}
        self.microvolts = 1_250_000
        self.modules = {"machine": self._machine()}
        if board["chip"] == "rp2040":
            self.modules["rp2"] = types.SimpleNamespace(Flash=self._rp2_flash)
        else:
            self.modules["esp32"] = types.SimpleNamespace(
                Partition=self._partition(), mcu_temperature=lambda: 41
            )

    def hal(self):
        """firmware/hal.py on this chip: (a Hal, the module)."""
        with pytest.MonkeyPatch.context() as patch:
            module = self.program("hal", patch)
            return module.Hal(self.board), module

    def program(self, name, patch):
        """A module of firmware/ as this chip imports it."""
        for each in ("machine", "esp32", "rp2", "vfs"):
            patch.setitem(sys.modules, each, self.modules.get(each))
        patch.setattr(sys, "platform", "rp2" if "rp2" in self.modules else "esp32")
        spec = importlib.util.spec_from_file_location(name + "_on_a_chip", ROOT / "firmware" / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    def romfs(self):
        """What `vfs.rom_ioctl(2, 0)` gives: both slots."""
        first, second = self.board["flash"]["slots"]
        return RomFlash(self.flash, first["address"], first["size"] + second["size"])

    def _machine(self):
        chip = self

        class Pin:
            IN, OUT, PULL_UP, IRQ_FALLING, IRQ_RISING = 0, 1, 2, 4, 8

            def __init__(self, number, mode=None, pull=None, value=None):
                if number not in chip.kind.pins or number in chip.kind.reserved:
                    raise ValueError(f"invalid pin {number}")
                if number in chip.kind.input_only and (mode == Pin.OUT or pull is not None):
                    raise ValueError(f"pin {number} can only be input")
                self.number = number
                if mode == Pin.OUT:
                    chip.levels[number] = value or 0
                if pull is not None:
                    chip.pulled.add(number)

            def value(self, level=None):
                if level is None:
                    return chip.levels.get(self.number, 0)
                chip.levels[self.number] = level
                return None

            def irq(self, handler, trigger):
                pass

        class Signal:
            def __init__(self, pin, invert=False):
                self.pin, self.invert = pin, invert

            def value(self, level):
                self.pin.value(level ^ self.invert)

        class UART:
            def __init__(self, number, baud, timeout=0, tx=None, rx=None, rxbuf=256, txbuf=256):
                if number not in chip.kind.uarts:
                    raise ValueError(f"UART({number}) doesn't exist")
                for wire, pin in (("tx", tx), ("rx", rx)):
                    if pin is None or not uart_pin_fits(chip.kind, number, wire, pin.number):
                        raise ValueError(f"bad {wire} pin")
                chip.uarts[number] = (baud, tx.number, rx.number)

        class ADC:
            def __init__(self, pin):
                if isinstance(pin, Pin) and pin.number not in chip.kind.adc:
                    raise ValueError("Pin doesn't have ADC capabilities")

            def read_u16(self):
                return chip.microvolts * 65535 // 3_300_000

        if chip.board["chip"] != "rp2040":
            ADC.read_uv = lambda self: chip.microvolts

        class WDT:
            def __init__(self, id=0, timeout=5000):
                if chip.board["chip"] == "rp2040" and timeout > RP2_WATCHDOG_MS:
                    raise ValueError("timeout exceeds 8388")
                chip.watchdog_ms = timeout

            def feed(self):
                pass

        class Words:
            def __getitem__(self, address):
                return chip.words.get(address, 0)

            def __setitem__(self, address, value):
                if not 0x4005800C <= address < 0x4005801C or address % 4:
                    raise ValueError(f"not a free scratch register: {address:#x}")
                chip.words[address] = value & 0xFFFFFFFF

        rtc = (
            types.SimpleNamespace()
            if chip.board["chip"] == "rp2040"
            else types.SimpleNamespace(memory=lambda *d: b"")
        )
        return types.SimpleNamespace(
            Pin=Pin, Signal=Signal, UART=UART, ADC=ADC, WDT=WDT, RTC=lambda: rtc, mem32=Words(),
            unique_id=lambda: b"12345678", reset_cause=lambda: 3, PWRON_RESET=1, WDT_RESET=3, reset=None,
        )  # fmt: skip

    def _partition(self):
        chip = self

        class Partition:
            TYPE_APP, TYPE_DATA = 0, 1

            @staticmethod
            def find(type=0, subtype=0xFF, label=None, block_size=4096):
                rows = [
                    line.replace(" ", "").split(",") for line in chip.table().splitlines() if line[0] != "#"
                ]
                return [
                    (int(row[3], 0), int(row[4], 0)) for row in rows if row[0] == label and row[1] == "data"
                ]

        return Partition

    def table(self):
        return (ROOT / "boards" / self.board["name"] / "micropython" / "partitions.csv").read_text()

    def _rp2_flash(self, start=-1, len=-1):
        flash = self.board["flash"]
        base = flash["files"]["address"]
        return Rp2Flash(self.flash, base, self.board["flash"]["size"] - base, start, len)


class Rp2Flash:
    """ports/rp2/rp2_flash.c: a region of what MicroPython keeps for files; programs whole pages."""

    def __init__(self, data, base, room, start, length):
        if not 0 <= start < room or start % SECTOR or not 0 < length <= room - start or length % SECTOR:
            raise ValueError
        self.data, self.base, self.length = data, base + start, length

    def readblocks(self, block, buffer, offset=0):
        at = self.base + block * SECTOR + offset
        buffer[:] = self.data[at : at + len(buffer)]

    def writeblocks(self, block, buffer, offset=None):
        at = self.base + block * SECTOR + (offset or 0)
        if offset is None:
            self.data[at : at + len(buffer)] = b"\xff" * len(buffer)
        assert at % PAGE == 0 and len(buffer) % PAGE == 0, "flash_range_program takes whole pages"
        for i, byte in enumerate(buffer):
            self.data[at + i] &= byte

    def ioctl(self, op, argument):
        if op == 6:
            at = self.base + argument * SECTOR
            self.data[at : at + SECTOR] = b"\xff" * SECTOR
        return {4: self.length // SECTOR, 5: SECTOR}.get(op, 0)


class RomFlash(Rp2Flash):
    """The ROM's segment: a block device, and memory that is read in place."""

    def __init__(self, data, base, length):
        super().__init__(data, base, length, 0, length)
        self.memory = memoryview(data)[base : base + length]
