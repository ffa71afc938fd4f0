"""Packet data and the modem's own GNSS: NETOPEN, CIPOPEN, CIPSEND, CIPRXGET, CGNSSINFO and their kin."""

from hwsim.modem.sockets import argument, link_number, whole

_NO_ADDRESS = "0.0.0.0"  # noqa: S104 - what the modem prints, nothing is bound to it


class DataCommands:
    """One method for each command; `commands.Commands` finds them by name."""

    def __init__(self, modem):
        self._modem = modem

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
