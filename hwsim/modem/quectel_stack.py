"""A Quectel modem's own IP stack: QIACT, QIOPEN for UDP, QISEND, and bytes that wait to be fetched."""

from hwsim.modem.stack import Link, Stack, argument, is_ip, whole

_LINKS = 12
# Quectel's TCP/IP error numbers.
INVALID, SOCKET_IN_USE, NO_NAME, CONNECT_FAILED, OPEN_FAILED = 552, 563, 565, 566, 561


class QuectelStack(Stack):
    """`network` is closed, opening, open, or lost: taken away and not put away yet."""

    def reset(self):
        super().reset()
        self.error = 0

    # The context.

    def activate(self, reply):
        if self.network != "closed":
            reply.error()  # it is up already, or on its way, or was taken away and not put away yet
            return
        self.network = "opening"
        self._later("netopen_s", self._activated, reply)

    def _activated(self, reply):
        if self.network != "opening":
            reply.error()
            return
        if not self._may_open():
            self.network, self.error = "closed", OPEN_FAILED
            reply.error()
            return
        self.network = "open"
        self.ip = self._path.ip
        if self._modem.chance("activate_lies"):
            reply.error()
        else:
            reply.ok()

    def deactivate(self, reply):
        self._close_network("closed")
        reply.ok()

    def lose_network(self):
        """The bearer is gone: `+QIURC: "pdpdeact"`. The context has to be put away before it comes again."""
        if self.network == "closed":
            return
        was = self.network
        self._close_network("closed" if was == "opening" else "lost")
        if was == "open":
            self._modem.urc('+QIURC: "pdpdeact",1')

    # Links.

    def open_link(self, arguments, reply):
        number, kind = _number(arguments, 1), argument(arguments, 2)
        host, port, mode = argument(arguments, 3), whole(arguments, 4), whole(arguments, 6) or 0
        if number is None or whole(arguments, 0) != 1 or kind is None or host is None or port is None or mode:
            reply.error()  # the terminal speaks UDP and fetches, and so does this model
            return
        reply.ok(then=lambda: self._later("cipopen_s", self._link_opened, number, kind, host, port))

    def _link_opened(self, number, kind, host, port):
        address = host if is_ip(host) else self._path.resolve(host)
        failure = 0
        if kind.upper() != "UDP":
            failure = INVALID
        elif number in self.links:
            failure = SOCKET_IN_USE
        elif self.network != "open":
            failure = OPEN_FAILED
        elif address is None:
            failure = NO_NAME
        elif self._modem.chance("cipopen_fails"):
            failure = CONNECT_FAILED
        self.error = failure
        if not failure:
            link = Link(49152 + self._kernel.rng("ports/" + self._modem.name).randrange(16384))
            link.address, link.closed = (address, port), False
            link.flow = self._path.socket(lambda data, source: self._arrived(number, link, data, source))
            self.links[number] = link
        self._modem.urc(f"+QIOPEN: {number},{failure}")

    def close_link(self, arguments, reply):
        number = _number(arguments, 0)
        if number is None:
            reply.error()
            return
        link = self.links.pop(number, None)
        if link is not None:
            link.flow.close()
        reply.ok()

    def close_by_network(self, number):
        """The network closes one link; until it is closed here as well it cannot be opened again."""
        link = self.links.get(number)
        if link is not None and not link.closed:
            link.closed = True
            link.flow.close()
            self._modem.urc(f'+QIURC: "closed",{number}')

    def link_table(self, which=None):
        return [
            f'+QISTATE: {number},"UDP","{link.address[0]}",{link.address[1]},{link.local_port},'
            f'{4 if link.closed else 2},1,{number},0,"uart1"'
            for number, link in sorted(self.links.items())
            if which is None or number == which
        ]

    # Sending.

    def send(self, arguments, reply):
        number, length = _number(arguments, 0), whole(arguments, 1)
        link = self.links.get(number)
        if link is None or link.closed or length is None or not 1 <= length <= self._modem.profile.send_limit:
            reply.error()
        else:
            reply.prompt(length, lambda data: self._send(number, link, data, reply))

    def _send(self, number, link, data, reply):
        if self.links.get(number) is not link or link.closed:  # gone while the data came in
            reply.error()
            return
        full = self._modem.chance("send_fails")
        self._kernel.emit(self._modem.name, "sent", size=0 if full else len(data))
        if not full:
            link.flow.send(data, link.address)
        self._later("send_confirm_s", reply.final, "SEND FAIL" if full else "SEND OK")

    # Receiving.

    def _arrived(self, number, link, data, source):
        if self.links.get(number) is not link or not self._modem.radio.registered or source != link.address:
            return
        if link.waiting() + len(data) > self._modem.profile.manual_buffer:
            self._kernel.emit(self._modem.name, "overflow", size=len(data))
            return
        link.received.append(data)
        if not link.announced:  # once, until the buffer was read empty
            link.announced = True
            self._modem.urc(f'+QIURC: "recv",{number}')

    def read(self, arguments, reply):
        """One read never crosses from one datagram into the next."""
        number, limit = _number(arguments, 0), whole(arguments, 1)
        link = self.links.get(number)
        if link is None:
            reply.error()
            return
        if limit == 0:
            unread = link.waiting()
            reply.line(f"+QIRD: {link.read + unread},{link.read},{unread}")
            reply.ok()
            return
        if not link.received:
            link.announced = False
            reply.line("+QIRD: 0")
            reply.ok()
            return
        data, rest = link.received[0][: limit or 1500], link.received[0][limit or 1500 :]
        if rest:
            link.received[0] = rest
        else:
            link.received.pop(0)
        link.read += len(data)
        reply.line(f"+QIRD: {len(data)}")
        reply.raw(data + b"\r\n")
        reply.ok()


def _number(arguments, index):
    number = whole(arguments, index)
    return number if number is not None and number < _LINKS else None
