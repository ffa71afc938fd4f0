"""What SIMCom's A76xx, SIM767x and SIM7600 have of their own: network, socket, card, clock, keys.

Sources: A76XX Series AT Command Manual V1.11, SIM7500_SIM7600 Series AT Command Manual V2.00, their TCPIP
Application Notes; what modems do besides is told in the design's MODEMS.md.
"""

from firmware.at_port import QUESTION_MS, SET_MS, TIMEOUT, dotted, meaning
from firmware.modem import FAILED, GONE, NET, SENT, SOCKET
from protocol import at, at_fields
from protocol.compat import const

_OPEN_MS = const(120000)  # NETOPEN and CIPOPEN: maximum response time of the TCPIP manuals
_CLOSE_MS = const(10000)
_CLOSED_MS = const(3000)
_DNS_MS = const(30000)
_PROMPT_MS = const(3000)
_SEND_MS = const(5000)
_CONFIRM_MS = const(1000)
_MAX_READ = const(1500)
_PORTS = const(16)  # local ports to choose from when one is taken
_NOT_OPENED = const(2)  # +CIPERROR: the network is not opened


class Simcom:
    """Its socket is number 0. `config`: host, port, local_port, optional manual_receive; `modem` is the
    driver."""

    BOOT = (b"*ATREADY", b"RDY", b"SMS DONE", b"PB DONE")  # after a start; the first two come first
    RESTART = b"AT+CRESET"
    SIGNAL = b"+CESQ"

    def __init__(self, port, config, modem):
        self._port = port
        self._modem = modem
        self._host = config["host"].encode()
        self._remote = config["port"]
        self._local = config["local_port"]
        self._shift = 0
        self._peer = b""
        self.manual = bool(config.get("manual_receive", False))
        self.waiting = False  # received bytes wait in the modem

    def times(self, model):
        """ms of PWRKEY for on and for off, of going off, of RESET. Last: is a long PWRKEY a reset?"""
        # PWRKEY. A7672X/A7670X Hardware Design V1.03: on from 50 ms, off from 2.5 s. SIM7600 Hardware Design:
        # on from 100 ms, better 500, off from 2.5 s; SIM7600 takes the longest to go down after its key (up
        # to 26 s with a network to leave), A76xx needs 2 s: a press meanwhile would be lost. RESET: A76xx 2
        # to 2.5 s (below 2 s nothing happens), SIM7600 100 to 500 ms.
        if model.startswith(("sim7500", "sim7600")):  # SIM767x is of the newer kind, A7600 too
            return 600, 3000, 27000, 300, False
        return 600, 3000, 5000, 2500, False

    def heard(self, line):
        """One line of the modem's; False when it says nothing to us. Raises Malformed."""
        if line.startswith(b"+CIPRXGET: 1"):
            self.waiting = True  # told once, until the modem's buffer was read empty
        elif line.startswith(b"+CIPERROR:"):
            code = at_fields.whole(at_fields.fields_of(line)[0], line)
            self._modem.lose(NET if code == _NOT_OPENED else SOCKET)
        elif line.startswith(b"+IPCLOSE:"):
            if at_fields.fields_of(line)[0] == b"0":
                self._modem.lose(SOCKET)
        elif line.startswith(b"+CIPEVENT:"):
            if b"CLOSED" in line:
                self._modem.lose(NET)
        elif line.startswith((b"*PSUTTZ:", b"+CTZE:", b"+CCLK:")):
            self._modem.utc_told(at_fields.network_time(line)[0])
        else:
            return False
        return True

    async def set_up(self):
        """Nothing but what all modems are told."""

    def access(self, apn, user, password):
        # A76XX manual 5.2.16: the password stands before the user. 1 = PAP.
        return b'AT+CGAUTH=1,1,"%s","%s"' % (password, user)

    async def card(self):
        """The card's number, b"" when it isn't told."""
        if await self._port.ask(b"AT+CICCID", SET_MS, b"+ICCID:") != at.OK:
            return b""
        return at_fields.value_of(self._port.answer)

    async def tries(self):
        """Tries left for the PIN, None when it isn't told: AT+SPIC gives PIN1, PUK1, PIN2, PUK2."""
        if await self._port.ask(b"AT+SPIC", SET_MS, b"+SPIC:") != at.OK:
            return None
        left = meaning(at_fields.pin_tries, self._port.answer)
        return left and left[0]

    async def ask_time(self):
        await self._port.ask(b"AT+CCLK?", QUESTION_MS, b"+CCLK:")

    async def open_network(self):
        """None when the packet network is open, else what is wrong."""
        port = self._port
        # Push mode brings each datagram with its own count; a read in manual mode may join two of them.
        for command in (b"AT+CIPRXGET=%d" % self.manual, b"AT+CIPSRIP=1", b"AT+CIPHEAD=1"):
            await port.ask(command, SET_MS)
        result = await port.ask(b"AT+NETOPEN?", SET_MS, b"+NETOPEN:")
        if result == at.OK and meaning(at_fields.net_opened, port.answer) == 1:
            return None
        result = await port.ask(b"AT+NETOPEN", _OPEN_MS, b"", b"+NETOPEN:", _OPEN_MS)
        already = result == at.IP_ERROR and b"already" in port.detail
        if already or (result == at.OK and meaning(at_fields.net_opened, port.told) == 0):
            return None
        return "the network gives no data connection; is the access point right?"

    async def close_network(self):
        await self._port.ask(b"AT+NETCLOSE", _CLOSE_MS, b"", b"+NETCLOSE:", _CLOSED_MS)

    async def open(self):
        """None when the socket is open, else what is wrong."""
        port = self._port
        if not await self._resolve():
            return "no address for %s" % self._host.decode()
        # One of an earlier life of the terminal may still be open.
        await port.ask(b"AT+CIPCLOSE=0", _CLOSE_MS, b"", b"+CIPCLOSE:", _CLOSED_MS)
        text = b'AT+CIPOPEN=0,"UDP",,,%d' % (self._local + self._shift)
        result = await port.ask(text, _OPEN_MS, b"", b"+CIPOPEN:", _OPEN_MS)
        opened = meaning(at_fields.socket_opened, port.told) if result == at.OK else None
        if opened is not None and opened[1] == 0:
            self.waiting = self.manual
            return None
        self.shift()
        return "the socket does not open"

    def shift(self):
        """Another local port: this one may be taken, or its binding in the operator's NAT be stale."""
        self._shift = (self._shift + 1) % _PORTS

    async def is_open(self):
        """What the modem says of it; silence says nothing."""
        result = await self._port.ask(b"AT+CIPOPEN?", QUESTION_MS, b"+CIPOPEN: 0")
        return result == TIMEOUT or b'"UDP"' in self._port.answer

    async def send(self, datagram):
        """SENT, FAILED, GONE, or TIMEOUT when the modem did not answer."""
        text = b'AT+CIPSEND=0,%d,"%s",%d' % (len(datagram), self._peer, self._remote)
        port = self._port
        result = await port.send_raw(text, datagram, _PROMPT_MS, _SEND_MS, b"+CIPSEND:", _CONFIRM_MS)
        if result == TIMEOUT:
            return TIMEOUT
        if result != at.OK:
            return FAILED
        counts = meaning(at_fields.sent, port.told)
        if counts is None or counts[2] >= counts[1]:
            return SENT
        # SIM7600 TCPIP manual: -1 the connection is gone, 0 its buffer is full.
        return GONE if counts[2] < 0 else FAILED

    async def fetch(self):
        """Manual mode: read once; `waiting` tells whether there is more."""
        text = b"AT+CIPRXGET=2,0,%d" % _MAX_READ
        result = await self._port.ask(text, QUESTION_MS, b"+CIPRXGET: 2")
        rest = meaning(at_fields.received, self._port.answer) if result == at.OK else None
        self.waiting = rest is not None and rest[2] > 0

    async def _resolve(self):
        """The peer's address: CIPSEND takes numbers only."""
        if dotted(self._host):
            self._peer = self._host
            return True
        text = b'AT+CDNSGIP="%s"' % self._host
        if await self._port.ask(text, _DNS_MS, b"+CDNSGIP: 1") == at.OK:
            fields = meaning(at_fields.fields_of, self._port.answer)
            address = fields[-1].strip(b'"') if fields else b""
            if dotted(address):
                self._peer = address
        return bool(self._peer)  # the last known one is better than none
