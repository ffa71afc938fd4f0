"""A modem played from a script, at the other end of the simulated UART, on the bench's clock in solo mode.

It knows nothing by itself: `answers` maps the beginning of a command to what comes back - bytes, or a
function of (modem, command) - and a test changes whichever it is about. It shares nothing with hwsim/modem.
"""

import time

import _solo
from machine import UART

OK = b"\r\nOK\r\n"
ERROR = b"\r\nERROR\r\n"


def answer(text):
    return b"\r\n" + text + b"\r\n" + OK


def healthy():
    """A registered A7670 with an open network of its own making."""
    return {
        b"AT+CPIN?": answer(b"+CPIN: READY"),
        b"AT+CEREG?": answer(b"+CEREG: 1,1"),
        b"AT+CGREG?": answer(b"+CGREG: 1,1"),
        b"AT+CREG?": answer(b"+CREG: 1,1"),
        b"AT+CGDCONT?": answer(b'+CGDCONT: 1,"IP","patrola","0.0.0.0",0,0'),
        b"AT+NETOPEN?": answer(b"+NETOPEN: 0"),
        b"AT+NETOPEN": OK + b"\r\n+NETOPEN: 0\r\n",
        b"AT+NETCLOSE": OK + b"\r\n+NETCLOSE: 0\r\n",
        b"AT+CIPCLOSE": b"\r\n+CIPCLOSE: 0,4\r\n" + ERROR,
        b"AT+CIPOPEN?": answer(b'+CIPOPEN: 0,"UDP",,,5683'),
        b"AT+CIPOPEN=": OK + b"\r\n+CIPOPEN: 0,0\r\n",
        b"AT+CIPSEND=": prompt,
        b"AT+CESQ": answer(b"+CESQ: 99,99,255,255,20,49"),
        b"AT+CSQ": answer(b"+CSQ: 18,99"),
        b"AT+CCLK?": answer(b'+CCLK: "70/01/01,00:00:12+00"'),
        b"AT+SPIC": answer(b"+SPIC: 3,10,0,10"),
        b"AT+CICCID": answer(b"+ICCID: 8938101234567890123"),
    }


def prompt(modem, command):
    modem.raw_left = int(command.split(b"=")[1].split(b",")[1])
    modem.raw = b""
    return b"\r\n>"


class ScriptedModem(UART):
    """`heard`: [(ms, command)], `datagrams`: raw blocks taken, `rate`: what it listens at."""

    def __init__(self, rate=115200):
        UART.__init__(self, 2, 115200, rxbuf=2048)
        self.answers = healthy()
        self.rate = rate
        self.awake = True
        self.echo = True
        self.delay_ms = 10
        self.heard = []
        self.datagrams = []
        self.on_datagram = None
        self.confirms = None  # what +CIPSEND says was sent; None: all
        self.raw = b""
        self.raw_left = 0
        self.before_echo = b""
        self.after_echo = b""
        self._line = b""

    def write(self, data):
        data = bytes(data)
        if self.awake and self._baud == self.rate:
            for i in range(len(data)):
                self._hear(data[i : i + 1])
        return len(data)

    def _hear(self, byte):
        if self.raw_left:
            self.raw += byte
            self.raw_left -= 1
            if not self.raw_left:
                self.datagrams.append(self.raw)
                self.say(self.taken(len(self.raw)))
                if self.on_datagram:
                    self.on_datagram(self.raw)
        elif byte == b"\r":
            command = self._line.strip()
            self._line = b""
            if command:
                self._obey(command)
        else:
            self._line += byte

    def taken(self, n):
        """What it says when it has all the raw bytes."""
        confirmed = n if self.confirms is None else self.confirms
        return OK + b"\r\n+CIPSEND: 0,%d,%d\r\n" % (n, confirmed)

    def _obey(self, command):
        self.heard.append((time.ticks_ms(), command))
        if self.echo:
            self.say(self.before_echo + command + b"\r\r\n" + self.after_echo)
        reply = OK
        longest = -1
        for beginning in self.answers:
            if command.startswith(beginning) and len(beginning) > longest:
                reply, longest = self.answers[beginning], len(beginning)
        if command == b"ATE0":
            self.echo = False
        if callable(reply):
            reply = reply(self, command)
        if reply:
            self.say(reply)

    def say(self, data, delay_ms=None):
        """Bytes to the terminal after a while."""
        _solo.later(self.delay_ms if delay_ms is None else delay_ms, lambda: self._speak(data))

    def _speak(self, data):
        if self.awake and self._baud == self.rate:
            self.inject(data)

    def receive(self, datagram, delay_ms=0):
        """A datagram from headquarters, in push mode."""
        self.say(b"\r\nRECV FROM:10.1.2.3:5683\r\n+IPD%d\r\n" % len(datagram) + datagram, delay_ms)

    def boot(self, after_ms):
        """Silent now; after so long it answers, echo on, and shows its URCs in an order of its own."""
        self.awake = False
        self.echo = True

        def start():
            self.awake = True
            self.inject(b"\xff\xf8\x00\r\n\r\nPB DONE\r\n\r\n*ATREADY: 1\r\n")
            self.say(b"\r\n+CPIN: READY\r\n", 500)
            self.say(b"\r\nSMS DONE\r\n", 9000)

        _solo.later(after_ms, start)

    def commands(self):
        return [command for _, command in self.heard]

    def times_of(self, beginning):
        return [ms for ms, command in self.heard if command.startswith(beginning)]


class Wire:
    """An output pin that remembers: `edges` = [(ms, level)]; `on_change(level)` is the hardware behind it."""

    def __init__(self, on_change=None):
        self.edges = []
        self.on_change = on_change

    def value(self, level):
        self.edges.append((time.ticks_ms(), level))
        if self.on_change:
            self.on_change(level)

    def pulses(self):
        """Lengths of the times at 1, ms."""
        lengths = []
        begun = None
        for ms, level in self.edges:
            if level and begun is None:
                begun = ms
            elif not level and begun is not None:
                lengths.append(time.ticks_diff(ms, begun))
                begun = None
        return lengths
