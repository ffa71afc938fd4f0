"""Quectel's own commands: QIACT, QIOPEN, QISEND, QIRD, QPINC, QLTS and their kin."""

from hwsim.modem.commands import Commands
from hwsim.modem.stack import argument, whole


class QuectelCommands(Commands):
    """EC25, EG25 and BG95."""

    accepted = frozenset(
        {"+QSCLK", "+QCFG", "+QINDCFG", "+QSIMDET", "+QGPSCFG", "+QIDNSCFG", "+QPSMS", "+QNWINFO", "+QNTP"}
    )

    # Who it is, its card, its cell.

    def on_cgmr(self, _form, _arguments, reply):
        self._one(reply, self._modem.profile.revision)

    def on_qccid(self, _form, _arguments, reply):
        self._with_sim(reply, "+QCCID: " + self._modem.reader.card.iccid)

    def on_qpinc(self, form, arguments, reply):
        card = self._modem.reader.card
        rows = {"SC": f'+QPINC: "SC",{card.tries},{card.puk_tries}', "P2": '+QPINC: "P2",3,10'}
        if form == "?":
            for row in rows.values():
                reply.line(row)
            reply.ok()
        elif argument(arguments, 0) in rows:
            self._one(reply, rows[arguments[0]])
        else:
            reply.error()

    def on_qinistat(self, _form, _arguments, reply):
        reader = self._modem.reader
        self._one(reply, f"+QINISTAT: {7 if reader.state == reader.READY else 0}")

    def on_qcsq(self, _form, _arguments, reply):
        self._one(reply, "+QCSQ: " + self._modem.radio.qcsq())

    def on_qlts(self, form, arguments, reply):
        if form == "=" and whole(arguments, 0) == 1:
            self._one(reply, f'+QLTS: "{self._modem.radio.network_time()}"')
        else:
            reply.error()

    def on_qurccfg(self, form, arguments, reply):
        if form == "=" and argument(arguments, 0) == "urcport":
            self._modem.urcs_here = argument(arguments, 1) in ("uart1", "all")
            reply.ok()
        else:
            reply.error()

    # Power.

    def on_qpowd(self, _form, _arguments, reply):
        reply.ok(then=self._modem.power.power_off)

    # GNSS inside the modem.

    def on_qgps(self, form, _arguments, reply):
        modem = self._modem
        if form == "?":
            self._one(reply, f"+QGPS: {int(modem.gnss_on)}")
        elif modem.gnss_on:
            reply.final("+CME ERROR: 504")  # it runs already
        else:
            modem.gnss_on = True
            reply.ok()

    def on_qgpsend(self, _form, _arguments, reply):
        self._modem.gnss_on = False
        reply.ok()

    # Packet data.

    def on_qicsgp(self, form, arguments, reply):
        number = whole(arguments, 0)
        if form != "=" or number is None or not 1 <= number <= 16:
            reply.error()
            return
        self._modem.stack.contexts[number] = ("IP", argument(arguments, 2) or "")
        reply.ok()

    def on_qiact(self, form, arguments, reply):
        stack = self._modem.stack
        if form == "?":
            if stack.network == "open":
                reply.line(f'+QIACT: 1,1,1,"{stack.ip}"')
            reply.ok()
        elif whole(arguments, 0) == 1:
            stack.activate(reply)
        else:
            reply.error()

    def on_qideact(self, _form, arguments, reply):
        if whole(arguments, 0) == 1:
            self._modem.stack.deactivate(reply)
        else:
            reply.error()

    def on_qiopen(self, form, arguments, reply):
        if form == "=":
            self._modem.stack.open_link(arguments, reply)
        else:
            reply.error()

    def on_qiclose(self, _form, arguments, reply):
        self._modem.stack.close_link(arguments, reply)

    def on_qistate(self, form, arguments, reply):
        which = whole(arguments, 1) if form == "=" and whole(arguments, 0) == 1 else None
        for line in self._modem.stack.link_table(which):
            reply.line(line)
        reply.ok()

    def on_qisend(self, _form, arguments, reply):
        self._modem.stack.send(arguments, reply)

    def on_qird(self, _form, arguments, reply):
        self._modem.stack.read(arguments, reply)

    def on_qigeterror(self, _form, _arguments, reply):
        error = self._modem.stack.error
        self._one(reply, f'+QIGETERROR: {error},"{"operate successfully" if not error else "failed"}"')
