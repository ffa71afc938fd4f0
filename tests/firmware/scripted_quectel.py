"""A Quectel modem played from a script: `scripted_modem` with Quectel's words. It shares nothing with
hwsim/modem."""

from tests.firmware.scripted_modem import OK, ScriptedModem, answer


def healthy():
    """A registered EC25 without a context."""
    return {
        b"AT+CPIN?": answer(b"+CPIN: READY"),
        b"AT+CEREG?": answer(b"+CEREG: 0,1"),
        b"AT+CGREG?": answer(b"+CGREG: 0,1"),
        b"AT+CREG?": answer(b"+CREG: 0,1"),
        b"AT+CGDCONT?": answer(b'+CGDCONT: 1,"IPV4V6","patrola","0.0.0.0",0,0,0,0'),
        b"AT+QIACT?": OK,
        b"AT+QIACT=1": OK,
        b"AT+QIOPEN=": OK + b"\r\n+QIOPEN: 0,0\r\n",
        b"AT+QISTATE=1,0": answer(b'+QISTATE: 0,"UDP","10.1.2.3",5683,49153,2,1,0,0,"uart1"'),
        b"AT+QISEND=": prompt,
        b"AT+QIRD=": fetched,
        b"AT+QCSQ": answer(b'+QCSQ: "LTE",-68,-98,120,-12'),
        b"AT+CSQ": answer(b"+CSQ: 18,99"),
        b"AT+QLTS=1": answer(b'+QLTS: ""'),
        b"AT+QPINC?": b'\r\n+QPINC: "SC",3,10\r\n' + answer(b'+QPINC: "P2",3,10'),
        b"AT+QCCID": answer(b"+QCCID: 8938101234567890123"),
    }


def prompt(modem, command):
    modem.raw_left = int(command.split(b",")[1])
    modem.raw = b""
    return b"\r\n> "


def fetched(modem, command):
    if not modem.waiting:
        return answer(b"+QIRD: 0")
    data = modem.waiting.pop(0)
    return b"\r\n+QIRD: %d\r\n" % len(data) + data + b"\r\n" + OK


class ScriptedQuectel(ScriptedModem):
    """`waiting`: datagrams that were announced and not fetched; `verdict`: what it says of one to send."""

    def __init__(self):
        ScriptedModem.__init__(self)
        self.answers = healthy()
        self.waiting = []
        self.verdict = b"SEND OK"

    def taken(self, n):
        return b"\r\n" + self.verdict + b"\r\n"

    def receive(self, datagram, delay_ms=0, announced=True):
        """A datagram from headquarters."""
        told = announced and not self.waiting
        self.waiting.append(datagram)
        if told:
            self.say(b'\r\n+QIURC: "recv",0\r\n', delay_ms)

    def boot(self, after_ms):
        """As the other's, with the URCs of an EC25."""
        self.awake = False
        self.echo = True
        self.waiting = []
        import _solo

        def start():
            self.awake = True
            self.inject(b"\xff\xf8\x00\r\nRDY\r\n")
            self.say(b"\r\n+CPIN: READY\r\n", 500)
            self.say(b"\r\n+QIND: SMS DONE\r\n", 3000)
            self.say(b"\r\n+QIND: PB DONE\r\n", 9000)

        _solo.later(after_ms, start)
