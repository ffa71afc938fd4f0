"""The UDP socket inside a SIMCom modem: network, address, open, send, fetch."""

from firmware.at_port import QUESTION_MS, SET_MS, TIMEOUT
from protocol import at, at_fields
from protocol.compat import const
from protocol.errors import Malformed

_OPEN_MS = const(120000)  # NETOPEN and CIPOPEN: maximum response time of the TCPIP manuals
_CLOSE_MS = const(10000)
_CLOSED_MS = const(3000)
_DNS_MS = const(30000)
_PROMPT_MS = const(3000)
_SEND_MS = const(5000)
_CONFIRM_MS = const(1000)
_MAX_READ = const(1500)
_PORTS = const(16)  # local ports to choose from when one is taken

# What came of a datagram
SENT = const(0)
FAILED = const(1)
GONE = const(2)  # the socket is not there any more


class Socket:
    """Socket 0. `config`: host, port, local_port, optional manual_receive."""

    def __init__(self, port, config):
        self._port = port
        self._host = config["host"].encode()
        self._remote = config["port"]
        self._local = config["local_port"]
        self._shift = 0
        self._peer = b""
        self.manual = bool(config.get("manual_receive", False))
        self.waiting = False  # received bytes wait in the modem

    def heard_waiting(self, line):
        """+CIPRXGET: 1, once until the modem's buffer was read empty."""
        self.waiting = True

    async def open_network(self):
        """None when the packet network is open, else what is wrong."""
        port = self._port
        # Push mode brings each datagram with its own count; a read in manual mode may join two of them.
        for command in (b"AT+CIPRXGET=%d" % self.manual, b"AT+CIPSRIP=1", b"AT+CIPHEAD=1"):
            await port.ask(command, SET_MS)
        result = await port.ask(b"AT+NETOPEN?", SET_MS, b"+NETOPEN:")
        if result == at.OK and _meaning(at_fields.net_opened, port.answer) == 1:
            return None
        result = await port.ask(b"AT+NETOPEN", _OPEN_MS, b"", b"+NETOPEN:", _OPEN_MS)
        already = result == at.IP_ERROR and b"already" in port.detail
        if already or (result == at.OK and _meaning(at_fields.net_opened, port.told) == 0):
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
        opened = _meaning(at_fields.socket_opened, port.told) if result == at.OK else None
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
        counts = _meaning(at_fields.sent, port.told)
        if counts is None or counts[2] >= counts[1]:
            return SENT
        # SIM7600 TCPIP manual: -1 the connection is gone, 0 its buffer is full.
        return GONE if counts[2] < 0 else FAILED

    async def fetch(self):
        """Manual mode: read once; `waiting` tells whether there is more."""
        text = b"AT+CIPRXGET=2,0,%d" % _MAX_READ
        result = await self._port.ask(text, QUESTION_MS, b"+CIPRXGET: 2")
        rest = _meaning(at_fields.received, self._port.answer) if result == at.OK else None
        self.waiting = rest is not None and rest[2] > 0

    async def _resolve(self):
        """The peer's address: CIPSEND takes numbers only."""
        if _dotted(self._host):
            self._peer = self._host
            return True
        text = b'AT+CDNSGIP="%s"' % self._host
        if await self._port.ask(text, _DNS_MS, b"+CDNSGIP: 1") == at.OK:
            fields = _meaning(at_fields.fields_of, self._port.answer)
            address = fields[-1].strip(b'"') if fields else b""
            if _dotted(address):
                self._peer = address
        return bool(self._peer)  # the last known one is better than none


def _meaning(parse, line):
    """What `parse` makes of the line; None when there is none or it is broken."""
    try:
        return parse(line) if line else None
    except Malformed:
        return None


def _dotted(host):
    parts = host.split(b".")
    return len(parts) == 4 and all(part.isdigit() and int(part) < 256 for part in parts)
