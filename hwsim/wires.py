"""What hangs on a chip's pins: levels, UARTs, analogue inputs, I2C devices, as the bench and as the program
sees them."""

import struct

from hwsim import wire
from hwsim.uart import UartPort

_RISING, _FALLING = 1, 2
_INPUT = 1
_SHOWN = ("red", "green", "buzzer", "vibrator")  # outputs that are for people: no device answers to them


class Wires:
    """Of the board's description `board`; what comes in is queued for `self.program`, a Lockstep."""

    def __init__(self, kernel, name, board, lane):
        self.kernel = kernel
        self.name = name
        self.board = board
        self._numbers = {**board.get("pins", {}), **board.get("keys", {})}
        self._pin_names = {number: pin for pin, number in self._numbers.items()}
        self._ports = {
            uart: UartPort(kernel, f"{name}/{uart}", row["id"], self._bytes_in, self._offer, lane)
            for uart, row in board.get("uarts", {}).items()
        }
        self._ports_by_id = {port.number: port for port in self._ports.values()}
        self._inputs = {}  # pin number -> level that the world drives
        self._outputs = {}  # pin number -> level that the program drives
        self._watchers = {}
        self._adc = {}
        self._i2c = {}

    def _listens_to_nothing(self):
        self._triggers = {}  # pin number -> edges that interrupt
        self._listening = set()  # UARTs that interrupt
        self.program.listens = False

    def _goes_dark(self):
        """A chip in reset, or without power, drives nothing."""
        for port in self._ports.values():
            port.power_off()
        for number in [n for n, level in self._outputs.items() if level]:
            self._output(number, 0)

    def _unanswered(self):
        return [self._numbers[pin] for pin in _SHOWN if pin in self._numbers]

    # What the bench attaches

    def port(self, uart):
        """The device's end of the UART that the board calls so."""
        return self._ports[uart]

    def attach_uart(self, uart, device=None):
        """`device.bytes_from_guest(data)` gets what the program writes; returns the port to send through."""
        port = self._ports[uart]
        port.device = device
        return port

    def attach_i2c(self, bus, address, device):
        """`device.transfer(written, count) -> bytes` answers at that address of that bus."""
        self._i2c[bus, address] = device

    def watch_pin(self, pin, call):
        """`call(level)` whenever the program changes that output; without power it falls to 0."""
        self._watchers.setdefault(self._numbers[pin], []).append(call)

    def level(self, pin):
        """The level of an output now."""
        return self._outputs.get(self._numbers[pin], 0)

    def pin_in(self, pin, level):
        """The world drives that input to `level`, 0 or 1."""
        number = self._numbers[pin]
        if self._inputs.get(number) == level:
            return
        self._inputs[number] = level
        edge = _RISING if level else _FALLING
        urgent = bool(self._triggers.get(number, 0) & edge)
        self.program.queue(wire.PIN, number, bytes((level,)), urgent)

    def set_adc(self, channel, value):
        """`value` 0..65535 on that analogue input."""
        number = self.board["adc"][channel]
        self._adc[number] = value
        self.program.queue(wire.ADC, number, struct.pack("<H", value))

    # What the program does

    def _output(self, number, level):
        if self._outputs.get(number, 0) == level:
            return
        self._outputs[number] = level
        self.kernel.emit(self.name, "pin", pin=self._pin_names.get(number, number), level=level)
        for call in self._watchers.get(number, ()):
            call(level)

    def _on_pin(self, number, data):
        self._output(number, data[0])

    def _on_pin_setup(self, number, data):
        mode, _, self._triggers[number] = data
        if mode == _INPUT:
            self._output(number, 0)

    def _bytes_in(self, port, data):
        self.program.queue(wire.UART, port.number, data, port.number in self._listening)

    def _offer(self, port, steady):
        self.program.queue(wire.FORGET, port.number, bytes((steady,)), port.number in self._listening)

    def _on_stream(self, number):
        self.program.answer(self._ports_by_id[number].told(self.kernel.now_us), wire.AHEAD, number)

    def _on_uart(self, number, data):
        port = self._ports_by_id.get(number)
        if port is not None:
            port.bytes_written(data, self.kernel.now_us)

    def _on_uart_setup(self, number, data):
        baud, _, listens = struct.unpack("<IHB", data)
        (self._listening.add if listens else self._listening.discard)(number)
        self.program.listens = bool(self._listening)
        if number in self._ports_by_id:
            self._ports_by_id[number].setup(baud)

    def _on_pwm(self, number, data):
        freq, duty = struct.unpack("<IH", data)
        self.kernel.emit(self.name, "pwm", pin=self._pin_names.get(number, number), freq=freq, duty=duty)

    def _on_bus(self, bus, question):
        device = self._i2c.get((bus, question[0]))
        answer = b"\x01" if device is None else b"\x00" + device.transfer(question[2:], question[1])
        self.program.answer(answer)
