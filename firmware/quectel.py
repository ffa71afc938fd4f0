"""What Quectel's EC25, EG25 and BG95 have of their own: network, socket, card, clock, keys.

Sources: EC25&EC21 AT Commands Manual V1.3, BG95&BG77&BG600L Series TCP/IP Application Note, LTE Standard
TCP/IP Application Note V1.1, the Hardware Designs of both; what modems do besides is told in the design's
MODEMS.md.
"""

from firmware.at_port import QUESTION_MS, SET_MS, TIMEOUT, dotted, meaning
from firmware.modem import FAILED, NET, SENT, SOCKET
from protocol import at, at_fields, at_quectel
from protocol.compat import const

# Maximum response times of the application notes.
_ACTIVATE_MS = const(150000)
_DEACTIVATE_MS = const(40000)
_OPEN_MS = const(150000)
_CLOSE_MS = const(10000)
_PROMPT_MS = const(3000)
_SEND_MS = const(5000)
_NO_NAME = const(565)  # +QIOPEN: the name has no address


class Quectel:
    """Its socket is number 0 in context 1. `config`: host, port, apn, user, password; `modem` is the
    driver."""

    BOOT = (b"RDY", b"APP RDY", b"+QIND: SMS DONE", b"+QIND: PB DONE")  # after a start; the first come first
    RESTART = b"AT+CFUN=1,1"
    SIGNAL = b"+QCSQ"
    manual = True  # received bytes are fetched, always; a lost URC is made good by asking now and then

    def __init__(self, port, config, modem):
        self._port = port
        self._modem = modem
        self._host = config["host"].encode()
        self._remote = config["port"]
        self._known = b""  # the address that the peer's name had last
        self.waiting = False  # received bytes may wait in the modem

    def times(self, model):
        """ms of PWRKEY for on and for off, of going off, of RESET_N. Last: is a long PWRKEY a reset?"""
        # Both are switched on by 500 ms and more (BG95: up to 1,000) and off from 650 (BG95: up to 1,500).
        # EC25 and EG25 need up to 30 s to leave the network, BG95 about 2. RESET_N: EC25 150 to 460 ms, BG95
        # 2 to 3.8 s, and there it is PWRKEY itself that resets when it is held so long (Hardware Design 3.7).
        if model.startswith("bg"):
            return 600, 800, 5000, 2500, True
        return 600, 800, 30000, 300, False

    def heard(self, line):
        """One line of the modem's; False when it says nothing to us. Raises Malformed."""
        if line.startswith(b"+QIURC:"):
            what, number = at_quectel.event(line)
            if what == b"recv":
                self.waiting = True  # told once, until the modem's buffer was read empty
            elif what == b"closed":
                if number == 0:
                    self._modem.lose(SOCKET)
            elif what == b"pdpdeact":
                self._modem.lose(NET)
        elif line.startswith(b"+QCSQ:"):
            self._modem.rssi_dbm, self._modem.rsrp_dbm = at_quectel.signal(line)
        elif line.startswith(b"+QLTS:"):
            self._modem.utc_told(at_quectel.network_time(line))
        elif line.startswith(b"+QIRD: 0"):
            self.waiting = False
        elif line.startswith((b"+CTZE:", b"+CTZV:")):
            # Manuals disagree whether the time in +CTZE is local: it is a reason to ask, no more.
            if self._modem.network_time_ms is None:
                self._modem.time_changed()
        else:
            return False
        return True

    async def set_up(self):
        # Unsolicited lines go to the USB port by default (EC25, AT+QURCCFG). No sleep: DTR is not wired
        # everywhere.
        for command in (b'AT+QURCCFG="urcport","uart1"', b"AT+QSCLK=0"):
            await self._port.ask(command, SET_MS)

    def access(self, apn, user, password):
        # 1,1: context 1, IPv4. The last: 1 PAP.
        return b'AT+QICSGP=1,1,"%s","%s","%s",1' % (apn, user, password)

    async def card(self):
        """The card's number, b"" when it isn't told."""
        if await self._port.ask(b"AT+QCCID", SET_MS, b"+QCCID:") != at.OK:
            return b""
        return at_fields.value_of(self._port.answer)

    async def tries(self):
        """Tries left for the PIN, None when it isn't told."""
        if await self._port.ask(b"AT+QPINC?", SET_MS, b'+QPINC: "SC"') != at.OK:
            return None
        return meaning(at_quectel.pin_tries, self._port.answer)

    async def ask_time(self):
        await self._port.ask(b"AT+QLTS=1", QUESTION_MS, b"+QLTS:")

    async def open_network(self):
        """None when the context is active, else what is wrong."""
        if await self._active():
            return None
        if await self._port.ask(b"AT+QIACT=1", _ACTIVATE_MS) == at.OK:
            return None
        # It answers ERROR also when the context is up (MODEMS.md).
        if await self._active():
            return None
        await self._port.ask(b"AT+QIDEACT=1", _DEACTIVATE_MS)
        return "the network gives no data connection; is the access point right?"

    async def _active(self):
        # Without an active context the answer is OK alone.
        result = await self._port.ask(b"AT+QIACT?", SET_MS, b"", b"+QIACT: 1,")
        told = meaning(at_quectel.active, self._port.told)
        return result == at.OK and told is not None and told[1]

    async def close_network(self):
        await self._port.ask(b"AT+QICLOSE=0", _CLOSE_MS)
        await self._port.ask(b"AT+QIDEACT=1", _DEACTIVATE_MS)

    async def open(self):
        """None when the socket is open, else what is wrong."""
        # One of an earlier life of the terminal may still be open; and what was closed by the network has to
        # be closed here as well before it can be opened again.
        await self._port.ask(b"AT+QICLOSE=0", _CLOSE_MS)
        error = await self._open(self._host)
        if error == _NO_NAME and self._known:
            await self._port.ask(b"AT+QICLOSE=0", _CLOSE_MS)
            error = await self._open(self._known)  # the last known address is better than none
        if error == _NO_NAME:
            return "no address for %s" % self._host.decode()
        if error != 0:
            return "the socket does not open"
        if not dotted(self._host):
            await self.is_open()
        self.waiting = False
        return None

    async def _open(self, host):
        """The error of +QIOPEN, 0 for none, None when nothing was told."""
        # Local port 0: another one each time, so none is taken, and no stale binding in an operator's NAT
        # stays. The last 0: received bytes wait until they are fetched.
        text = b'AT+QIOPEN=1,0,"UDP","%s",%d,0,0' % (host, self._remote)
        result = await self._port.ask(text, _OPEN_MS, b"", b"+QIOPEN: 0", _OPEN_MS)
        told = meaning(at_quectel.opened, self._port.told)
        return told[1] if result == at.OK and told is not None else None

    def shift(self):
        """Each socket has a local port of its own anyway."""

    async def is_open(self):
        """What the modem says of it; silence says nothing."""
        result = await self._port.ask(b"AT+QISTATE=1,0", QUESTION_MS, b"", b"+QISTATE: 0")
        peer = meaning(at_quectel.peer, self._port.told)
        if peer is not None and dotted(peer):
            self._known = peer
        return result == TIMEOUT or peer is not None

    async def send(self, datagram):
        """SENT, FAILED, or TIMEOUT when the modem did not answer."""
        text = b"AT+QISEND=0,%d" % len(datagram)
        result = await self._port.send_raw(text, datagram, _PROMPT_MS, _SEND_MS, b"", 0)
        if result == TIMEOUT:
            return TIMEOUT
        return SENT if result == at.SEND_OK else FAILED

    async def fetch(self):
        """Read one datagram; `waiting` tells whether there may be more."""
        result = await self._port.ask(b"AT+QIRD=0,1500", QUESTION_MS, b"+QIRD:")
        if result != at.OK:
            self.waiting = False  # asked again in ten seconds
        if result == at.ERROR or result == at.CME_ERROR:
            self._modem.lose(SOCKET)  # it is not there
