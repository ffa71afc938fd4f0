"""SIMCom's own commands: NETOPEN, CIPOPEN, CIPSEND, CIPRXGET, CGNSSINFO and their kin."""

from hwsim.modem.commands import Commands
from hwsim.modem.stack import argument, link_number


class SimcomCommands(Commands):
    """A76xx and SIM7600."""

    accepted = frozenset(
        {
            "+CSCLK",
            "+CNMP",
            "+CIPMODE",
            "+CIPTIMEOUT",
            "+CIPCCFG",
            "+CGAUTH",
            "+CLTS",
            "+CREGRPT",
            "+CSDVC",
            "+CGNSSPORTSWITCH",
            "+CGNSSIPR",
            "+CGDRT",
            "+CGSETV",
            "+CGPSNMEA",
            "+CVAUXS",
            "+CFGRI",
        }
    )

    # Who it is, its card, its cell.

    on_simcomati = Commands.on_i

    def on_cgmr(self, _form, _arguments, reply):
        self._one(reply, "+CGMR: " + self._modem.profile.revision)

    def on_ciccid(self, _form, _arguments, reply):
        self._with_sim(reply, "+ICCID: " + self._modem.reader.card.iccid)

    on_ccid = on_ciccid

    def on_spic(self, _form, _arguments, reply):
        card = self._modem.reader.card
        self._one(reply, f"+SPIC: {card.tries},{card.puk_tries},3,10")

    def on_cpinr(self, _form, _arguments, reply):
        card = self._modem.reader.card
        reply.line(f"+CPINR: SIM PIN,{card.tries},3")
        reply.line(f"+CPINR: SIM PUK,{card.puk_tries},10")
        reply.ok()

    def on_cesq(self, _form, _arguments, reply):
        self._one(reply, "+CESQ: " + self._modem.radio.cesq())

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

    # Packet data.

    def on_netopen(self, form, _arguments, reply):
        if form == "?":
            self._one(reply, f"+NETOPEN: {int(self._modem.stack.network == 'open')}")
        else:
            self._modem.stack.net_open(reply)

    def on_netclose(self, _form, _arguments, reply):
        self._modem.stack.net_close(reply)

    def on_ipaddr(self, _form, _arguments, reply):
        ip = self._modem.stack.ip
        if ip is None:
            reply.line("+IP ERROR: Network not opened")
            reply.error()
        else:
            self._one(reply, f"+IPADDR: {ip}")

    def on_cdnsgip(self, _form, arguments, reply):
        name = argument(arguments, 0)
        ip = self._modem.path.resolve(name) if self._modem.stack.network == "open" else None
        if ip is None:
            reply.line("+CDNSGIP: 0,10")
            reply.error()
        else:
            self._one(reply, f'+CDNSGIP: 1,"{name}","{ip}"')

    def on_cipopen(self, form, arguments, reply):
        if form == "?":
            for line in self._modem.stack.link_table():
                reply.line(line)
            reply.ok()
        else:
            self._modem.stack.open_link(arguments, reply)

    def on_cipclose(self, form, arguments, reply):
        stack = self._modem.stack
        if form == "?":
            self._one(reply, "+CIPCLOSE: " + ",".join(str(int(n in stack.links)) for n in range(10)))
        else:
            stack.close_link(arguments, reply)

    def on_cipsend(self, _form, arguments, reply):
        self._modem.stack.send(arguments, reply)

    def on_ciprxget(self, form, arguments, reply):
        if form == "?":
            self._one(reply, f"+CIPRXGET: {int(self._modem.stack.manual)}")
        else:
            self._modem.stack.receive_command(arguments, reply)

    def on_cipsrip(self, form, arguments, reply):
        stack = self._modem.stack
        self._setting(
            form,
            arguments,
            reply,
            "+CIPSRIP",
            int(stack.show_from),
            1,
            lambda value: setattr(stack, "show_from", bool(value)),
        )

    def on_ciphead(self, form, arguments, reply):
        stack = self._modem.stack
        self._setting(
            form,
            arguments,
            reply,
            "+CIPHEAD",
            int(stack.show_head),
            1,
            lambda value: setattr(stack, "show_head", bool(value)),
        )

    # GNSS inside the modem.

    def on_cgnsspwr(self, form, arguments, reply):
        modem = self._modem
        if not modem.profile.gnss:
            reply.error()
        elif form == "?":
            self._one(reply, f"+CGNSSPWR: {int(modem.gnss_on)}")
        else:
            modem.gnss_on = argument(arguments, 0) == "1"
            reply.ok(then=(lambda: modem.urc("+CGNSSPWR: READY!")) if modem.gnss_on else None)

    on_cgps = on_cgnsspwr

    def on_cgnssinfo(self, form, arguments, reply):
        if form == "=" and link_number(arguments, 0) is not None:
            reply.ok()
        elif not self._modem.profile.gnss:
            reply.error()
        else:
            self._one(reply, "+CGNSSINFO: " + self._modem.gnss_text())

    on_cgpsinfo = on_cgnssinfo
