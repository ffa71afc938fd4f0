"""The commands of the interpreter, as one table: name -> what is done for each form."""

from hwsim.modem.data_commands import DataCommands
from hwsim.modem.sockets import argument, whole

# Commands that these modems take and that change nothing the bench looks at.
_ACCEPTED = {
    "+IFC",
    "+ICF",
    "+CSCLK",
    "+CMGF",
    "+CNMI",
    "+CSCS",
    "+CGEREP",
    "+CNMP",
    "+CIPMODE",
    "+CIPTIMEOUT",
    "+CIPCCFG",
    "+CGAUTH",
    "+CTZU",
    "+CLTS",
    "+CREGRPT",
    "+CGATT",
    "+CGACT",
    "+CSDVC",
    "+CGNSSPORTSWITCH",
    "+CGPSNMEA",
    "+CVAUXS",
    "&W",
    "&V",
    "Q",
    "S",
    "L",
    "M",
    "X",
    "+COPS",
    "+CFGRI",
    "+CPSMS",
    "+CEDRXS",
}


class Commands(DataCommands):
    """Runs one command against the modem's parts and answers through `reply`."""

    def execute(self, name, form, arguments, reply):
        if form == "=?":
            if name in _ACCEPTED or hasattr(self, self._method(name)):
                reply.ok()
            else:
                reply.error()
            return
        method = getattr(self, self._method(name), None)
        if method is not None:
            method(form, arguments, reply)
        elif name in _ACCEPTED and form in ("=", ""):
            reply.ok()
        else:
            reply.error()

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

    on_simcomati = on_i

    def on_cgmi(self, _form, _arguments, reply):
        self._one(reply, self._modem.profile.maker)

    def on_cgmm(self, _form, _arguments, reply):
        self._one(reply, self._modem.profile.model)

    def on_cgmr(self, _form, _arguments, reply):
        self._one(reply, "+CGMR: " + self._modem.profile.revision)

    def on_cgsn(self, _form, _arguments, reply):
        self._one(reply, self._modem.profile.imei)

    def on_cimi(self, _form, _arguments, reply):
        self._with_sim(reply, self._modem.reader.card.imsi)

    def on_ciccid(self, _form, _arguments, reply):
        self._with_sim(reply, "+ICCID: " + self._modem.reader.card.iccid)

    on_ccid = on_ciccid

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

    def on_spic(self, _form, _arguments, reply):
        card = self._modem.reader.card
        self._one(reply, f"+SPIC: {card.tries},{card.puk_tries},3,10")

    def on_cpinr(self, _form, _arguments, reply):
        card = self._modem.reader.card
        reply.line(f"+CPINR: SIM PIN,{card.tries},3")
        reply.line(f"+CPINR: SIM PUK,{card.puk_tries},10")
        reply.ok()

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

    def on_cesq(self, _form, _arguments, reply):
        self._one(reply, "+CESQ: " + self._modem.radio.cesq())

    def on_cops(self, form, _arguments, reply):
        if form == "?":
            registered = self._modem.radio.registered
            self._one(reply, f'+COPS: 0,0,"{self._modem.profile.operator}",7' if registered else "+COPS: 0")
        else:
            reply.ok()

    def on_cpsi(self, _form, _arguments, reply):
        modem = self._modem
        if not modem.radio.registered:
            self._one(reply, "+CPSI: NO SERVICE,Online")
            return
        plmn = modem.profile.plmn
        rsrp = modem.profile.rsrp_dbm * 10
        self._one(
            reply,
            f"+CPSI: LTE,Online,{plmn[:3]}-{plmn[3:]},0x{modem.radio.tac},27440068,127,EUTRAN-BAND3,"
            f"1300,5,5,-110,{rsrp},{rsrp + 250},14",
        )

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

    # Power.

    def on_cpof(self, _form, _arguments, reply):
        reply.ok(then=self._modem.power.power_off)

    def on_creset(self, _form, _arguments, reply):
        reply.ok(then=self._modem.power.restart)

    on_creboot = on_creset

    def on_cbc(self, _form, _arguments, reply):
        self._one(reply, "+CBC: 3.842V")

    def on_cpmutemp(self, _form, _arguments, reply):
        self._one(reply, "+CPMUTEMP: 41")
