"""The modem's own IP stack: NETOPEN, CIPOPEN for UDP, CIPSEND, and two ways to hand over what arrives."""

from hwsim.modem.stack import LINKS, Link, Stack, argument, is_ip, link_number, whole

# SIMCom's TCP/IP error numbers.
NOT_OPENED, WRONG_PARAMETER, NOT_SUPPORTED, NO_SOCKET, BIND_FAILED, BUSY = 2, 3, 4, 5, 6, 8


class SimcomStack(Stack):
    """`network` is closed, opening or open."""

    def reset(self):
        super().reset()
        self.manual = False
        self.show_from = True
        self.show_head = True

    # Network.

    def net_open(self, reply):
        if self.network != "closed":
            reply.line("+IP ERROR: Network is already opened")
            reply.error()
            return
        self.network = "opening"
        reply.ok(then=lambda: self._later("netopen_s", self._net_opened))

    def _net_opened(self):
        if self.network != "opening":
            return
        if not self._may_open():
            self.network = "closed"
            self._modem.urc("+NETOPEN: 1")
            return
        self.network = "open"
        self.ip = self._path.ip
        self._modem.urc("+NETOPEN: 0")

    def net_close(self, reply):
        if self.network == "closed":
            reply.line("+NETCLOSE: 2")
            reply.error()
            return
        self._close_network("closed")
        reply.ok(then=lambda: self._modem.urc("+NETCLOSE: 0"))

    def lose_network(self):
        """The bearer is gone: `+CIPEVENT` and one `+IPCLOSE` per link."""
        if self.network == "closed":
            return
        had = sorted(self.links)
        self._close_network("closed")
        self._modem.urc("+CIPEVENT: NETWORK CLOSED UNEXPECTEDLY")
        for number in had:
            self._modem.urc(f"+IPCLOSE: {number},2")

    # Links.

    def open_link(self, arguments, reply):
        number, kind, local_port = link_number(arguments, 0), argument(arguments, 1), whole(arguments, 4)
        if number is None or kind is None:
            reply.error()
            return
        failure = None
        if kind.upper() != "UDP":
            failure = NOT_SUPPORTED  # the terminal speaks UDP only, and so does this model
        elif self.network != "open":
            failure = NOT_OPENED
        elif number in self.links:
            failure = NOT_SUPPORTED
        elif local_port is None and self._modem.profile.udp_needs_local_port:
            failure = WRONG_PARAMETER
        elif local_port is not None and any(link.local_port == local_port for link in self.links.values()):
            failure = BIND_FAILED
        if failure is not None:  # here the number comes first, and ERROR after it
            reply.line(f"+CIPOPEN: {number},{failure}")
            reply.error()
            return
        reply.ok(
            then=lambda: self._later("cipopen_s", self._link_opened, number, local_port or 49152 + number)
        )

    def _link_opened(self, number, local_port):
        if self.network != "open" or number in self.links or self._modem.chance("cipopen_fails"):
            self._modem.urc(f"+CIPOPEN: {number},{NO_SOCKET}")
            return
        link = Link(local_port)
        link.flow = self._path.socket(lambda data, source: self._arrived(number, link, data, source))
        self.links[number] = link
        self._modem.urc(f"+CIPOPEN: {number},0")

    def close_link(self, arguments, reply):
        number = link_number(arguments, 0)
        if number is None:
            reply.error()
        elif number not in self.links:
            reply.line(f"+CIPCLOSE: {number},{NOT_SUPPORTED if self.network == 'open' else NOT_OPENED}")
            reply.error()
        else:
            self.links.pop(number).flow.close()
            reply.ok(then=lambda: self._modem.urc(f"+CIPCLOSE: {number},0"))

    def close_by_network(self, number):
        """The network closes one link: `+IPCLOSE`."""
        link = self.links.pop(number, None)
        if link is not None:
            link.flow.close()
            self._modem.urc(f"+IPCLOSE: {number},1")

    def link_table(self):
        lines = []
        for number in range(LINKS):
            link = self.links.get(number)
            lines.append(f"+CIPOPEN: {number}" + (f',"UDP",,,{link.local_port}' if link else ""))
        return lines

    # Sending.

    def send(self, arguments, reply):
        number, length = link_number(arguments, 0), whole(arguments, 1)
        address = (argument(arguments, 2), whole(arguments, 3))
        if number is None or length is None or not 1 <= length <= self._modem.profile.send_limit:
            reply.error()
        elif self.network != "open":
            reply.line(f"+CIPERROR: {NOT_OPENED}")
            reply.error()
        elif number not in self.links:
            reply.line(f"+CIPERROR: {NOT_SUPPORTED}")
            reply.error()
        elif not is_ip(address[0]) or address[1] is None or not 0 < address[1] < 65536:
            reply.line(f"+CIPERROR: {WRONG_PARAMETER}")
            reply.error()
        else:
            reply.prompt(length, lambda data: self._send(number, data, address, reply))

    def _send(self, number, data, address, reply):
        link = self.links.get(number)
        if link is None:  # closed while the data came in
            reply.line(f"+CIPERROR: {NOT_OPENED}")
            reply.error()
            return
        full = self._modem.chance("send_fails")
        confirmed = 0 if full else len(data)
        self._kernel.emit(self._modem.name, "sent", size=confirmed)
        if not full:
            link.flow.send(data, address)
        reply.ok(
            then=lambda: self._later(
                "send_confirm_s", self._modem.urc, f"+CIPSEND: {number},{len(data)},{confirmed}"
            )
        )

    # Receiving.

    def _arrived(self, number, link, data, source):
        if self.links.get(number) is not link or not self._modem.radio.registered:
            return
        if self.manual:
            if link.waiting() + len(data) > self._modem.profile.manual_buffer:
                self._kernel.emit(self._modem.name, "overflow", size=len(data))
                return
            link.received.append(data)
            if not link.announced:  # once, until the buffer was read empty
                link.announced = True
                self._modem.urc(f"+CIPRXGET: 1,{number}")
            return
        out = b""
        if self.show_from:
            out += (b"\r\n" if self._modem.profile.recv_blank_line else b"") + b"RECV FROM:%s:%d\r\n" % (
                source[0].encode(),
                source[1],
            )
        if self.show_head:
            out += b"+IPD%d\r\n" % len(data)
        self._modem.write(out + data + self._modem.profile.recv_trailer)

    def receive_command(self, arguments, reply):
        """AT+CIPRXGET=0|1 and =2|4,<n>[,<len>]; one read never crosses from one datagram into the next."""
        mode, number = whole(arguments, 0), link_number(arguments, 1)
        if mode in (0, 1):
            self.manual = mode == 1
            reply.ok()
            return
        if mode not in (2, 4) or number is None:
            reply.error()
            return
        link = self.links.get(number)
        if link is None:
            reply.line("+IP ERROR: No data")
            reply.error()
        elif mode == 4:
            reply.line(f"+CIPRXGET: 4,{number},{link.waiting()}")
            reply.ok()
        elif not link.received:
            link.announced = False
            reply.line("+IP ERROR: No data")
            reply.error()
        else:
            limit = whole(arguments, 2) or self._modem.profile.send_limit
            data, rest = link.received[0][:limit], link.received[0][limit:]
            if rest:
                link.received[0] = rest
            else:
                link.received.pop(0)
            link.announced = bool(link.received)
            reply.line(f"+CIPRXGET: 2,{number},{len(data)},{link.waiting()}")
            reply.raw(data + b"\r\n")
            reply.ok()
