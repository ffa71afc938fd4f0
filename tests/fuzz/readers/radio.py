"""The terminal's side of the radio: the modem's driver on any bytes and answers, the link on datagrams."""

import asyncio

from firmware import at_port, session, statefile
from firmware.driver import Modem
from firmware.link import Link
from firmware.quectel import Quectel
from firmware.registration import Registration
from firmware.sim_stage import SimStage
from firmware.simcom import Simcom
from firmware.simpin import MemoryStore, PinGuard
from protocol import at, coap
from protocol.coap import Message
from protocol.exchange import BULK, URGENT
from protocol.oscore import Context
from tests.fuzz.readers.at import TOKENS as AT
from tests.fuzz.readers.memory_flash import Flash
from tests.fuzz.readers.source import Source
from tests.protocol.pair import AEAD

TOKENS = AT + (
    b"+CPIN: READY", b"+CIPERROR: 2", b"+IPCLOSE: 0,1", b"+CIPEVENT: NETWORK CLOSED UNEXPECTEDLY",
    b"*ATREADY: 1", b"RDY", b"SMS DONE", b"PB DONE", b'+CGDCONT: 1,"IP","internet"', b"+ICCID: 8938",
    b'+CDNSGIP: 1,"gw","192.0.2.10"', b'+CIPOPEN: 0,"UDP","192.0.2.10",5683', b"Network is already opened",
    b"+CDNSGIP: 0,10", b"+CNSMOD: 0,8", b'+QIURC: "recv",0', b'+QIURC: "closed",0',
    b'+QIURC: "pdpdeact",1', b"+QIOPEN: 0,0", b"+QIOPEN: 0,565", b'+QCSQ: "LTE",-68,-98,120,-12',
    b'+QLTS: "2026/06/03,06:00:12+08,0"', b'+QPINC: "SC",3,10', b"APP RDY", b"+QIND: PB DONE",
    b'+QISTATE: 0,"UDP","192.0.2.10",5683,6000,2,1,0,0,"uart1"', b'+QIACT: 1,1,1,"10.0.0.7"', b"+QIRD: 0",
)  # fmt: skip
_CONFIG = {
    "apn": "internet",
    "user": "",
    "password": "",
    "pin": "1234",
    "host": "gw",
    "port": 5683,
    "local_port": 5683,
}


class _Nothing:
    """A UART, a pin, an owner: takes whatever is asked of it."""

    def __call__(self, *what):
        return 0

    def value(self, *what):
        return 0


class _Asyncio:
    """In place of asyncio: a stream that is never read, for the bytes come from the target."""

    def StreamReader(self, uart):
        return uart


class _Clock:
    ms = 5000

    def uptime_ms(self):
        return self.ms


def modem_bytes(data):
    """What a modem sends at any moment goes through the driver: no exception, no values from nowhere."""
    source = Source(data)
    clock = _Clock()
    nothing = _Nothing()
    maker = source.pick((Simcom, Quectel))
    at_port.asyncio = _Asyncio()
    try:
        pins = {"pwrkey": nothing, "reset": nothing, "supply": nothing}
        modem = Modem(maker, nothing, pins, _CONFIG, clock)
    finally:
        at_port.asyncio = asyncio
    told = []
    modem.on_datagram = told.append
    modem.on_network_time = told.append
    modem.state = source.byte() % 7
    port, reader = modem._port, modem._port._reader
    flags = source.byte()
    if flags & 1:
        port._begin(b"AT+CREG?", b"+CREG:", b"+CIPSEND:")
        port._busy = True
    chunk = source.byte() % 32 + 1
    stream = source.rest()
    for start in range(0, len(stream), chunk):
        clock.ms += 100
        reader.feed(stream, start, min(start + chunk, len(stream)))
        while True:
            kind = reader.next_event()
            if not kind:
                break
            port._heard(kind)
    assert modem._lost is None or 0 <= modem._lost <= 6
    assert modem.rssi_dbm is None or -120 <= modem.rssi_dbm <= 0
    assert modem.rsrp_dbm is None or -200 <= modem.rsrp_dbm <= 0
    for one in told:
        assert len(one) <= 1500 if isinstance(one, bytes) else one > 1700000000000
    said = (
        modem.registered,
        modem.roaming,
        modem._lost,
        modem.bad_lines,
        len(told),
        modem.rssi_dbm,
        modem.rsrp_dbm,
    )
    return repr(said).encode()


class _Answering:
    """A port whose modem answers every question with lines and results out of the fuzz bytes."""

    def __init__(self, source):
        self._source = source
        self.answer = self.told = self.detail = b""

    def hurry(self):
        return False

    async def ask(self, text, timeout_ms=0, answer=b"", after=b"", after_ms=0):
        result = self._source.pick(
            (at.OK, at.OK, at.OK, at.ERROR, at.CME_ERROR, at.IP_ERROR, at_port.TIMEOUT)
        )
        # As `Port` has it: an answer begins as was asked for, and OK needs one.
        self.answer = answer + self._line() if answer and self._source.byte() & 7 else b""
        self.told = after + self._line() if after and self._source.byte() & 3 else b""
        self.detail = self._line()
        return at_port.TIMEOUT if result == at.OK and answer and not self.answer else result

    async def send_raw(self, text, payload, prompt_ms, timeout_ms, after, after_ms):
        return await self.ask(text, timeout_ms, b"", after, after_ms)

    async def idle(self, end):
        return False

    async def pause(self, ms):
        pass

    def _line(self):
        return bytes([byte & 0x7F if byte & 0x7F >= 32 else 48 + byte % 10 for byte in self._source.short()])


class _Bearer:
    registered = roaming = False
    rsrp_dbm = rssi_dbm = fault = None

    def set_fault(self, text):
        assert text is None or isinstance(text, str)

    def say(self, level, text):
        pass

    def may_disturb(self):
        return False

    def wake(self):
        pass

    def lose(self, state):
        assert 0 <= state <= 6

    changed = wake


def modem_answers(data):
    """Whatever a modem answers, the driver's conversations come to their end: sockets, names, PIN, signal."""
    source = Source(data)
    port = _Answering(source)
    config = dict(
        _CONFIG, host=source.pick(("gw.example", "192.0.2.10")), manual_receive=bool(source.byte() & 1)
    )
    bearer = _Bearer()
    maker = source.pick((Simcom, Quectel))(port, config, bearer)
    sim = SimStage(port, bearer, lambda: 5000, "1234", PinGuard(MemoryStore()), maker)
    network = Registration(port, bearer, lambda: 5000, config, maker)
    talks = (maker.open_network, maker.open, maker.is_open, maker.fetch, maker.set_up, maker.close_network)
    talks += (maker.ask_time, maker.card, maker.tries, sim._enter)
    talks += (network.ask_next, network.ask_signal, network._set_apn, network.radio_restart)
    said = []
    for _ in range(8):
        if not source.left():
            break
        said.append(repr(_driven(source.pick(talks)())).encode())
        outcome = _driven(maker.send(b"datagram"))
        assert outcome in (-1, 0, 1, 2)
        said.append(b"%d" % outcome)
    return b" ".join(said)


def _driven(coroutine):
    """Its result; nothing of it really waits."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("waits")


class _Owner:
    def __init__(self):
        self.heard = []

    def answered(self, attempt, message):
        assert attempt.binding is None or message.payload == b"true", "believed what the gateway did not say"
        self.heard.append(b"a")

    def noted(self, attempt, message):
        assert message.payload == b"true"
        self.heard.append(b"n")

    def sent(self, attempt):
        self.heard.append(b"s")

    def hinted(self, attempt):
        self.heard.append(b"h")

    def failed(self, attempt):
        self.heard.append(b"f")


class _Air:
    def __init__(self):
        self.datagrams = []

    def send(self, datagram, urgent):
        assert 0 < len(datagram) <= 1152, "the modem's driver refuses such a datagram"
        self.datagrams = (self.datagrams + [bytes(datagram)])[-4:]
        return True


def link_datagrams(data):
    """Requests under way, and datagrams: answers true, changed and invented: only true ones count."""
    source = Source(data)
    air, owner = _Air(), _Owner()
    now = [1000]
    with Flash({}, statefile, session):
        one = session.Session(AEAD)
        one.adopt(b"s" * 16, b"t" * 8, b"car", b"\x01", None)
        gateway = Context(b"s" * 16, b"t" * 8, b"\x01", b"car", AEAD)
        link = Link(one, air, lambda: now[0], lambda: 77)
        bindings = {}
        for _ in range(40):
            if not source.left():
                break
            op = source.byte()
            lane = URGENT if op & 16 else BULK
            op &= 15
            if op < 3 and len(link._attempts) < 4:
                options = [(coap.OBSERVE, b"")] if op == 2 else []
                link.ask(owner, None, coap.GET if op == 2 else coap.POST, b"f", b"x", lane, options)
            elif op == 3 and len(link._attempts) < 4:
                link.openly(owner, Message(coap.CON, coap.POST, payload=b"hello"), lane)
            elif op == 4:
                link.pump()
            elif op == 5:
                now[0] += source.word()
            elif op < 12 and air.datagrams:
                link.receive(_answer(source, air.datagrams[-1], gateway, bindings, op))
            else:
                link.receive(source.take(source.byte()))
            assert len(link._attempts) <= 4 and len(link._client._exchanges) <= 4
    return b"".join(owner.heard)


def _answer(source, datagram, gateway, bindings, op):
    """To the request in `datagram`: as the gateway would (6, 7), a byte changed (8 to 10), or unprotected."""
    request = coap.decode(datagram)
    true = Message(coap.ACK, coap.CONTENT, request.message_id, request.token, [], b"true")
    if op & 1:
        true.type, true.message_id = coap.CON, source.word()
    if op == 11 or request.option(coap.OSCORE) is None:
        true.code, true.payload = source.byte() | 0x40, source.short()
        return _encoded(true)
    if request.token not in bindings:
        bindings[request.token] = gateway.unprotect_request(request)[1]
    if request.option(coap.OBSERVE) is not None and source.byte() & 1:
        true.options = [(coap.OBSERVE, b"")]
    protected = _encoded(gateway.protect_response(true, bindings[request.token], True))
    if op < 8:
        return protected
    at_byte = 4 + source.byte() % (len(protected) - 4)
    return (
        protected[:at_byte] + bytes((protected[at_byte] ^ (source.byte() or 1),)) + protected[at_byte + 1 :]
    )


def _encoded(message):
    # Classes 1, 6 and 7 are reserved; a strict encoder does not write them.
    return b"" if message.code >> 5 in (1, 3, 6, 7) else message.encode()
