"""What the pins of each chip can do, by its maker's data sheet.

ESP32: ESP32 Series Datasheet 2.2, 2.4; MicroPython's docs/esp32/quickref.rst. ESP32-S3: ESP32-S3 Series
Datasheet 2.2, 2.6. RP2040: RP2040 Datasheet 1.4.3, Raspberry Pi Pico W Datasheet 2.1; MicroPython's
ports/rp2/machine_uart.c.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Chip:
    """`reserved`: pin -> what it serves inside the module; `strapping`: pin -> what it decides at a reset;
    `uarts`: the numbers a program may use; `max_watchdog_s`: the longest, 0 for any."""

    name: str
    pins: frozenset[int]
    reserved: dict[int, str] = field(default_factory=dict)
    input_only: frozenset[int] = frozenset()
    strapping: dict[int, str] = field(default_factory=dict)
    adc: frozenset[int] = frozenset()
    uarts: tuple[int, ...] = (1, 2)
    fixed_uarts: bool = False  # its UARTs reach certain pins only
    partitions: bool = False  # flash has a table of partitions
    map_page: int = 0  # flash is mapped for reading in pages of so many bytes


def _range(*spans: tuple[int, int]) -> frozenset[int]:
    return frozenset(pin for first, last in spans for pin in range(first, last + 1))


CHIPS = {
    "esp32": Chip(
        "ESP32",
        _range((0, 19), (21, 23), (25, 27), (32, 39)),
        {
            **dict.fromkeys(range(6, 12), "the module's flash"),
            1: "the console (UART 0)",
            3: "the console (UART 0)",
        },
        input_only=_range((34, 39)),
        strapping={
            0: "low at a reset starts the loader",
            2: "has to be low or open for the loader",
            5: "timing of SDIO",
            12: "high at a reset sets the flash to 1.8 V: it does not start",
            15: "low at a reset silences the ROM's messages",
        },
        adc=_range((32, 39), (12, 15), (25, 27)) | {0, 2, 4},
        partitions=True,
        map_page=0x10000,
    ),
    "esp32s3": Chip(
        "ESP32-S3",
        _range((0, 21), (26, 48)),
        {
            **dict.fromkeys(range(26, 33), "the module's flash and PSRAM"),
            19: "USB",
            20: "USB",
            43: "the console (UART 0)",
            44: "the console (UART 0)",
        },
        strapping={
            0: "low at a reset starts the loader",
            3: "chooses where JTAG comes from",
            45: "high at a reset sets the flash to 1.8 V",
            46: "with pin 0, the kind of loader",
        },
        adc=_range((1, 20)),
        partitions=True,
        map_page=0x10000,
    ),
    "rp2040": Chip(
        "RP2040",
        _range((0, 29)),
        {
            23: "the radio or the regulator of a Pico",
            24: "the radio or USB sense of a Pico",
            25: "the radio or the LED of a Pico",
            29: "the radio or VSYS sense of a Pico",
        },
        adc=_range((26, 29)),
        uarts=(0, 1),
        fixed_uarts=True,
    ),
    # The bench's: any number will do.
    "sim": Chip("simulated", _range((0, 63)), adc=_range((0, 63)), uarts=(0, 1, 2, 3)),
}


def uart_pin_fits(chip: Chip, uart: int, wire: str, pin: int) -> bool:
    """May that UART's tx, rx, cts or rts be that pin?"""
    if not chip.fixed_uarts:
        return True
    place = {"tx": 0, "rx": 1, "cts": 2, "rts": 3}[wire]
    return pin & 3 == place and ((pin + 4) & 8) >> 3 == uart
