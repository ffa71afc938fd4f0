"""A real UDP address on this computer as a peer of the bench's network, for benches without an asyncio
loop."""

import socket
import time


class OutsideHost:
    """As network.UdpHost; whoever runs the bench calls `look()` now and then. `handles()` are the files that
    have something then."""

    def __init__(self, kernel, address):
        self.kernel = kernel
        self.address = address
        self.refused = 0
        self._bindings = []
        self._asked = None  # when the last datagram went out that nothing has answered, by the wall

    def bind(self, _ip, deliver):
        binding = _Binding(self, deliver)
        self._bindings.append(binding)
        return binding

    def handles(self):
        return [binding.fileno() for binding in self._bindings]

    def awaits(self, seconds):
        """May an answer be under way?"""
        return self._asked is not None and time.monotonic() - self._asked < seconds

    def look(self):
        for binding in list(self._bindings):
            binding.look()

    def close(self):
        for binding in list(self._bindings):
            binding.close()

    def asked(self):
        self._asked = time.monotonic()

    def answered(self):
        self._asked = None

    def forget(self, binding):
        if binding in self._bindings:
            self._bindings.remove(binding)


class _Binding:
    def __init__(self, host, deliver):
        self.host = host
        self._deliver = deliver
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(("127.0.0.1", 0))

    def fileno(self):
        return self._socket.fileno()

    def send(self, data):
        try:
            self._socket.sendto(data, self.host.address)
        except OSError:  # headquarters is down, or the socket's buffer is full: UDP loses, nothing more
            self.host.refused += 1
            return
        self.host.asked()

    def close(self):
        self.host.forget(self)
        self._socket.close()

    def look(self):
        while True:
            try:
                data, source = self._socket.recvfrom(65536)
            except BlockingIOError:
                return
            except OSError:
                self.host.refused += 1
                return
            if source == self.host.address:
                self.host.answered()
                self._deliver(data)
