"""The commands that every maker's modem takes: one method for each, found by its name."""

from hwsim.modem.stack import argument, whole

# Commands that these modems take and that change nothing the bench looks at.
_ACCEPTED = {
    "+IFC",
    "+ICF",
    "+CMGF",
    "+CNMI",
    "+CSCS",
    "+CGEREP",
    "+CTZU",
    "+CGATT",
    "+CGACT",
    "&W",
    "&V",
    "Q",
    "S",
    "L",
    "M",
    "X",
    "+COPS",
    "+CPSMS",
    "+CEDRXS",
}


_NO_ADDRESS = "0.0.0.0"  # noqa: S104 - what the modem prints, nothing is bound to it


class Commands:
    """Runs one command against the modem's parts and answers through `reply`. `accepted`: a maker's own
    commands that change nothing here."""

    accepted = frozenset()

    def __init__(self, modem):
        self._modem = modem

    def execute(self, name, form, arguments, reply):
        if form == "=?":
            if self._taken(name) or hasattr(self, self._method(name)):
                reply.ok()
            else:
                reply.error()
            return
        method = getattr(self, self._method(name), None)
        if method is not None:
            method(form, arguments, reply)
        elif self._taken(name) and form in ("=", ""):
            reply.ok()
        else:
            reply.error()

    def _taken(self, name):
        return name in _ACCEPTED or name in self.accepted

    @staticmethod
    def _method(name):
        return "on_" + name.lstrip("+*^").replace("&", "amp_").lower()

    # The interpreter itself.

    def on_e(self, _form, arguments, reply):
        self._modem.engine.echo = arguments[0] != "0"
        reply.ok()

    def on_v(self, _form, arguments, reply):
        self._modem.engine.verbose = arguments[0] != "0"
        reply.ok()

    def on_z(self, _form, _arguments, reply):
        engine, profile = self._modem.engine, self._modem.profile
        engine.echo, engine.verbose, engine.cmee = profile.echo, True, profile.cmee
        reply.ok()

    on_amp_f = on_z

    def on_cmee(self, form, arguments, reply):
        engine = self._modem.engine
        self._setting(
            form, arguments, reply, "+CMEE", engine.cmee, 2, lambda value: setattr(engine, "cmee", value)
        )

    def on_ipr(self, form, arguments, reply):
        modem = self._modem
        if form == "?":
            reply.line(f"+IPR: {modem.baud}")
            reply.ok()
            return
        baud = whole(arguments, 0)
        if baud not in (9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600):
            reply.error()
            return
        reply.ok(then=lambda: setattr(modem, "baud", baud))  # OK still at the old rate

    # Who it is.

    def on_i(self, _form, _arguments, reply):
        profile = self._modem.profile
        for line in (
            f"Manufacturer: {profile.maker}",
            f"Model: {profile.model}",
            f"Revision: {profile.revision}",
            f"IMEI: {profile.imei}",
        ):
            reply.line(line)
        reply.ok()

    def on_cgmi(self, _form, _arguments, reply):
        self._one(reply, self._modem.profile.maker)

    def on_cgmm(self, _form, _arguments, reply):
        self._one(reply, self._modem.profile.model)

    def on_cgsn(self, _form, _arguments, reply):
        self._one(reply, self._modem.profile.imei)

    def on_cimi(self, _form, _arguments, reply):
        self._with_sim(reply, self._modem.reader.card.imsi)

    # SIM.

    def on_cpin(self, form, arguments, reply):
        reader = self._modem.reader
        if form == "?":
            if reader.failure is not None:
                reply.cme(reader.failure)
            else:
                self._one(reply, "+CPIN: " + reader.state)
        elif form == "=" and argument(arguments, 0) is not None:
            failure = reader.enter(arguments[0])
            if failure is None:
                reply.ok(then=reader.unlock)
            else:
                reply.cme(failure)
        else:
            reply.error()

    # Radio.

    def on_cfun(self, form, arguments, reply):
        modem, value = self._modem, whole(arguments, 0)
        if form == "?":
            self._one(reply, f"+CFUN: {modem.function}")
        elif form == "=" and value in (0, 1, 4, 6):
            if value == 6 or argument(arguments, 1) == "1":
                reply.ok(then=modem.power.restart)
            else:
                reply.ok(then=lambda: modem.set_function(value))
        else:
            reply.error()

    def on_creg(self, form, arguments, reply):
        self._registration("CREG", form, arguments, reply)

    def on_cgreg(self, form, arguments, reply):
        self._registration("CGREG", form, arguments, reply)

    def on_cereg(self, form, arguments, reply):
        self._registration("CEREG", form, arguments, reply)

    def _registration(self, domain, form, arguments, reply):
        radio = self._modem.radio
        if form == "?":
            self._one(reply, radio.registration(domain, answer=True))
        else:
            self._setting(
                form, arguments, reply, "", 0, 2, lambda value: radio.reports.update({domain: value})
            )

    def on_csq(self, _form, _arguments, reply):
        self._one(reply, "+CSQ: " + self._modem.radio.csq())

    def on_cops(self, form, _arguments, reply):
        if form == "?":
            registered = self._modem.radio.registered
            self._one(reply, f'+COPS: 0,0,"{self._modem.profile.operator}",7' if registered else "+COPS: 0")
        else:
            reply.ok()

    def on_cclk(self, form, _arguments, reply):
        if form == "?":
            self._one(reply, f'+CCLK: "{self._modem.radio.local_time()}"')
        else:
            reply.ok()

    def on_ctzr(self, form, arguments, reply):
        radio = self._modem.radio
        self._setting(
            form,
            arguments,
            reply,
            "+CTZR",
            radio.time_report,
            2,
            lambda value: setattr(radio, "time_report", value),
        )

    # Packet data.

    def on_cgdcont(self, form, arguments, reply):
        stack = self._modem.stack
        if form == "?":
            for number, (kind, apn) in sorted(stack.contexts.items()):
                reply.line(f'+CGDCONT: {number},"{kind}","{apn}","0.0.0.0",0,0,0,0')
            reply.ok()
            return
        number = whole(arguments, 0)
        if number is None or not 1 <= number <= 15:
            reply.error()
            return
        stack.contexts[number] = (argument(arguments, 1) or "IP", argument(arguments, 2) or "")
        reply.ok()

    def on_cgpaddr(self, _form, _arguments, reply):
        self._one(reply, f"+CGPADDR: 1,{self._modem.stack.ip or _NO_ADDRESS}")

    # Helpers.

    @staticmethod
    def _one(reply, text):
        reply.line(text)
        reply.ok()

    def _with_sim(self, reply, text):
        reader = self._modem.reader
        if reader.state == reader.READY:
            self._one(reply, text)
        else:
            reply.cme(reader.failure or 11)

    def _setting(self, form, arguments, reply, name, value, largest, change):
        if form == "?":
            self._one(reply, f"{name}: {value}")
            return
        wanted = whole(arguments, 0)
        if form != "=" or wanted is None or wanted > largest:
            reply.error()
            return
        change(wanted)
        reply.ok()
