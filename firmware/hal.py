"""The one file that knows the chip: pins, UARTs, ADC, watchdog, built from the board's description (`BOARD`).

What a board lacks is None, and its user goes without: no vibrator, no ignition wire, no supply divider.
"""

import os

import machine

try:
    import esp32
except ImportError:
    esp32 = None
try:
    import rp2
except ImportError:
    rp2 = None

from protocol.compat import const

# What a reset cause is called in a health report, the same number on every chip.
RESET_UNKNOWN = const(0)
RESET_POWER = const(1)
RESET_HARD = const(2)
RESET_WATCHDOG = const(3)
RESET_SLEEP = const(4)
RESET_SOFT = const(5)
_ADC_MV = const(3300)  # what an ADC's pin may see, and what reads 65535
_CORE_TEMPERATURE = const(4)  # the ADC's channel of an RP2040

_CAUSES = (
    ("PWRON_RESET", RESET_POWER),
    ("HARD_RESET", RESET_HARD),
    ("WDT_RESET", RESET_WATCHDOG),
    ("DEEPSLEEP_RESET", RESET_SLEEP),
    ("SOFT_RESET", RESET_SOFT),
)


class BoardError(Exception):
    """The board's description does not fit the chip; the text names the entry."""


class Wire:
    """An output that may be absent: `write(level)` does nothing then. Starts at 0."""

    def __init__(self, number, level=0):
        self.pin = None if number is None else machine.Pin(number, machine.Pin.OUT, value=level)

    def write(self, level):
        if self.pin is not None:
            self.pin.value(level)


class Hal:
    """`board` is the dict that flash.py makes of boards/<NAME>/board.toml. Raises BoardError."""

    def __init__(self, board):
        self._board = board
        self._pins = board.get("pins", {})
        self.uid = machine.unique_id()
        self.reset_cause = _cause()
        self.red = Wire(self._pins.get("red"))
        self.green = Wire(self._pins.get("green"))
        self.buzzer = Wire(self._pins.get("buzzer"))
        self.vibrator = Wire(self._pins.get("vibrator"))
        number = self._pins.get("ignition")
        self._ignition = None if number is None else machine.Pin(number, machine.Pin.IN)
        self._supply = None
        adc = board.get("adc", {})
        self._supply_full_mv = adc.get("supply_full_mv", 0)
        if "supply" in adc:
            self._supply = machine.ADC(machine.Pin(adc["supply"]))
        # `memory(data)` puts bytes where no reset reaches, only a loss of power; `memory()` gives them back.
        self.memory = getattr(machine.RTC(), "memory", None)
        self._longest_ms = None  # of the watchdog
        if rp2 is not None:
            from firmware import rp2040

            self.memory = rp2040.Memory(machine.mem32)
            self._longest_ms = rp2040.WATCHDOG_MS
        self._watchdog = None

    def release(self):
        """Everything is built: the description is needed no more."""
        self._board = self._pins = None

    @property
    def keys(self):
        """{name of a key: pin number}"""
        return self._board.get("keys", {})

    def key_pin(self, number):
        return machine.Pin(number, machine.Pin.IN, machine.Pin.PULL_UP)

    def on_edges(self, pin, handler):
        """Call `handler(pin)` at both edges. It must not allocate."""
        pin.irq(handler, machine.Pin.IRQ_FALLING | machine.Pin.IRQ_RISING)

    def modem_pins(self):
        """{"pwrkey", "reset", "supply"} -> Pin, those the board has; 1 = pressed, pulled, on. What has to be
        held at one level for them (`[held]`: DTR, flight mode, ...) is."""
        for row in self._board.get("held", {}).values():
            Wire(row["pin"], row["level"])
        found = {}
        inverted = self._board.get("modem", {}).get("active_low", ())
        for name in ("pwrkey", "reset", "supply"):
            number = self._pins.get("modem_" + name)
            if number is None:
                continue
            level = 1 if name == "supply" else 0
            if name in inverted:
                pin = machine.Pin(number, machine.Pin.OUT, value=1 - level)
                found[name] = machine.Signal(pin, invert=True)
            else:
                found[name] = machine.Pin(number, machine.Pin.OUT, value=level)
        return found

    def modem_options(self):
        """What the driver has to know of the modem on this board: model, baud rate, what to tell it."""
        modem = self._board.get("modem", {})
        return {
            "modem": modem.get("model", "a76xx"),
            "baud": self._board.get("uarts", {}).get("modem", {}).get("baud", 115200),
            "commands": modem.get("commands", ()),
        }

    def uart(self, name):
        """The UART `[uarts.<name>]`. Raises BoardError when the board has none or the chip refuses it."""
        wires = self._board.get("uarts", {}).get(name)
        if wires is None:
            raise BoardError("board: [uarts.%s] is missing" % name)
        options = {}
        for key in ("tx", "rx", "rts", "cts"):
            if key in wires:
                options[key] = machine.Pin(wires[key])
        for key in ("rxbuf", "txbuf"):
            if key in wires:
                options[key] = wires[key]
        try:
            return machine.UART(wires["id"], wires["baud"], timeout=0, **options)
        except (KeyError, ValueError, TypeError) as error:
            raise BoardError("board: [uarts.%s]: %r" % (name, error))

    def journal(self):
        """The block device that is the journal's own. Raises BoardError when there is none."""
        if rp2 is not None:
            from firmware.rp2040 import Pages

            layout = self._board["flash"]
            journal = layout["journal"]
            start = journal["address"] - layout["files"]["address"]
            try:
                return Pages(rp2.Flash(start=start, len=journal["size"]))
            except ValueError:
                raise BoardError("board: [flash.journal] lies outside what MicroPython keeps for files")
        if esp32 is None:
            raise BoardError("board: this chip has no partitions")
        found = esp32.Partition.find(esp32.Partition.TYPE_DATA, label="journal")
        if not found:
            raise BoardError("board: flash has no partition `journal`")
        return found[0]

    def start_watchdog(self, seconds):
        """From now on `feed` has to be called; nothing stops it again."""
        ms = seconds * 1000
        self._watchdog = machine.WDT(timeout=min(ms, self._longest_ms or ms))

    def feed(self):
        if self._watchdog is not None:
            self._watchdog.feed()

    def ignition(self):
        """True, False, or None without a wire."""
        return None if self._ignition is None else bool(self._ignition.value())

    def on_ignition(self, handler):
        """Call `handler(pin)` when it goes on or off. It must not allocate."""
        if self._ignition is not None:
            self.on_edges(self._ignition, handler)

    def supply_mv(self):
        """The vehicle's supply, None where it is not measured."""
        if self._supply is None:
            return None
        read_uv = getattr(self._supply, "read_uv", None)  # calibrated, where the chip's own scale is not
        if read_uv is not None:
            return read_uv() // 1000 * self._supply_full_mv // _ADC_MV
        return self._supply.read_u16() * self._supply_full_mv // 65535

    def temperature_dc(self):
        """The chip's temperature in 0.1 C, None where it cannot be read."""
        if rp2 is not None:
            from firmware.rp2040 import temperature_dc

            return temperature_dc(machine.ADC(_CORE_TEMPERATURE).read_u16())
        if esp32 is None or not hasattr(esp32, "mcu_temperature"):
            return None
        return esp32.mcu_temperature() * 10

    def entropy(self, n):
        return os.urandom(n)

    def reset(self):
        machine.reset()


def _cause():
    value = machine.reset_cause()
    for name, number in _CAUSES:
        if getattr(machine, name, None) == value:
            return number
    return RESET_UNKNOWN
