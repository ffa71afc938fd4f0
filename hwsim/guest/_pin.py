"""Pins of the simulated chip: digital with interrupts, PWM, analogue in. One object a number, as on ESP32."""

import _bench
import _interrupt
from micropython import const

_IN = const(1)


class Pin:
    IN, OUT, OPEN_DRAIN = 1, 3, 7
    PULL_DOWN, PULL_UP = 1, 2
    IRQ_RISING, IRQ_FALLING = 1, 2

    def __new__(cls, id, *args, **kwargs):
        if not isinstance(id, int):
            raise ValueError("invalid pin")
        pin = _bench.pins.get(id)
        if pin is None:
            pin = object.__new__(cls)
            _bench.pins[id] = pin
            pin.id = id
            pin._mode = pin.IN
            pin._pull = None
            pin._in = _bench.options["pins"].get(str(id))  # what drives the wire from outside, None: nothing
            pin._out = 0
            pin._handler = None
            pin._trigger = 0
            pin._setup()
        return pin

    def __init__(self, id, mode=-1, pull=-1, value=None):
        self.init(mode, pull, value)

    def init(self, mode=-1, pull=-1, value=None):
        if mode == -1 and pull == -1 and value is None:
            return
        if mode not in (-1, None):
            self._mode = mode
        if pull != -1:
            self._pull = pull
        if value is not None:
            self._out = 1 if value else 0
        if mode not in (-1, None) or pull != -1:
            self._setup()
        if self._mode != self.IN and (value is not None or mode not in (-1, None)):
            self._shown()

    def _setup(self):
        trigger = self._trigger if self._handler else 0
        _bench.record(_bench.PIN_SETUP, self.id, bytes((self._mode, self._pull or 0, trigger)))

    def value(self, level=None):
        if level is None:
            # Programs look at their keys far more often than at anything else.
            if self._mode != _IN:
                if self._mode == self.OUT:
                    return self._out
                if self._mode == self.OPEN_DRAIN and not self._out:
                    return 0
            level = self._in
            if level is None:
                return 1 if self._pull == self.PULL_UP else 0
            return level
        level = 1 if level else 0
        if level != self._out:
            self._out = level
            if self._mode != self.IN:
                self._shown()
        return None

    def _shown(self):
        out = _bench.quiet if self.id in _bench.unanswered else _bench.record
        out(_bench.PIN, self.id, b"\x01" if self._out else b"\x00")

    __call__ = value

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)

    def toggle(self):
        self.value(1 - self._out)

    def irq(self, handler=None, trigger=IRQ_RISING | IRQ_FALLING, hard=False):
        # Hard or not, the handler runs with the heap locked: the stricter of the two.
        self._handler = handler
        self._trigger = trigger
        self._setup()
        return self

    def drive(self, level):
        """The world outside pulls the wire to `level`. (Solo mode: a test calls this.)"""
        before = self.value()
        self._in = level
        level = self.value()
        if level == before or not self._handler:
            return
        edge = self.IRQ_RISING if level else self.IRQ_FALLING
        if self._trigger & edge and not _interrupt.run(self._handler, self):
            self._handler = None

    def __repr__(self):
        return "Pin(%d)" % self.id


class PWM:
    """Frequency and duty go to the bench; nothing is modelled behind them."""

    def __init__(self, pin, freq=1000, duty_u16=0, duty_ns=None):
        self._pin = pin
        self._freq = freq
        self._duty = duty_u16
        self._tell()

    def _tell(self):
        data = self._freq.to_bytes(4, "little") + self._duty.to_bytes(2, "little")
        _bench.record(_bench.PWM, self._pin.id, data)

    def init(self, freq=None, duty_u16=None):
        self._freq = self._freq if freq is None else freq
        self._duty = self._duty if duty_u16 is None else duty_u16
        self._tell()

    def freq(self, value=None):
        if value is not None:
            self.init(freq=value)
        return self._freq

    def duty_u16(self, value=None):
        if value is not None:
            self.init(duty_u16=value)
        return self._duty

    def deinit(self):
        self.init(duty_u16=0)


class ADC:
    ATTN_0DB, ATTN_2_5DB, ATTN_6DB, ATTN_11DB = 0, 1, 2, 3

    def __init__(self, pin, atten=ATTN_11DB):
        self._id = pin if isinstance(pin, int) else pin.id

    def read_u16(self):
        return _bench.options["adc"].get(str(self._id), 0)

    def read_uv(self):
        return self.read_u16() * 3_300_000 // 65535

    def drive(self, value):
        """The wire's level, 0..65535. (Solo mode: a test calls this.)"""
        _bench.options["adc"][str(self._id)] = value
