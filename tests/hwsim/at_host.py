"""A modem on a bench without a terminal: the test types, and reads what comes back."""

from hwsim.kernel import Kernel
from hwsim.modem import PROFILES, Modem, Sim
from hwsim.network import GATEWAY_ADDRESS, KernelHost, Network
from hwsim.uart import UartPort


class Host:
    """`send` types, `take` gives what came since the last time, all in virtual time."""

    def __init__(self, profile="plain", seed=1, sim=None, baud=115200, weather=None, **changes):
        self.kernel = Kernel(seed)
        self.got = bytearray()
        self.reads = []  # every portion, as a driver's read would see it
        self.port = UartPort(self.kernel, "modem", 1, self._delivered)
        self.port.setup(baud)
        self.network = Network(self.kernel, **({"jitter_ms": 0} | (weather or {})))
        self.peer = []
        self.reply = None
        self.network.serve(GATEWAY_ADDRESS, KernelHost(self._peer))
        self.path = self.network.path("car")
        self.modem = Modem(self.kernel, self.port, self.path, PROFILES[profile].copy(**changes), sim or Sim())
        self.port.device = self.modem

    def _delivered(self, _port, data):
        self.reads.append(bytes(data))
        self.got += data

    def _peer(self, data, source, reply):
        self.peer.append((data, source))
        self.reply = reply

    def power_key(self, seconds=0.6):
        self.modem.set_pin("pwrkey", 1)
        self.kernel.run_for(seconds)
        self.modem.set_pin("pwrkey", 0)

    def start(self, seconds=6.0):
        """Supply, power key, and long enough to be registered; what came meanwhile is returned."""
        self.modem.set_pin("supply", 1)
        self.power_key()
        self.kernel.run_for(seconds)
        return self.take()

    def take(self):
        data = bytes(self.got)
        self.got.clear()
        return data

    def send(self, data):
        self.port.bytes_written(data, self.kernel.now_us)

    def at(self, line, seconds=1.0):
        """Type one line and a carriage return; everything that comes within `seconds`."""
        self.send(line.encode() + b"\r")
        self.kernel.run_for(seconds)
        return self.take()

    def connect(self):
        """ATE0, network open, link 0 open."""
        for line in ("ATE0", 'AT+CGDCONT=1,"IP","internet"', "AT+NETOPEN", 'AT+CIPOPEN=0,"UDP",,,5683'):
            answer = self.at(line, 2.0)
        assert answer == b"\r\nOK\r\n\r\n+CIPOPEN: 0,0\r\n"

    def post(self, data, seconds=1.0, address=GATEWAY_ADDRESS):
        """AT+CIPSEND, wait for the prompt, the bytes; what came after them."""
        prompt = self.at(f'AT+CIPSEND=0,{len(data)},"{address[0]}",{address[1]}', 0.2)
        assert prompt == b"\r\n>", prompt
        self.send(data)
        self.kernel.run_for(seconds)
        return self.take()
