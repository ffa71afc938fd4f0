"""A real UDP address on this computer as a peer of the bench's network, for benches without an asyncio
loop."""

import time

from hwsim.network import UdpSocket


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


class _Binding(UdpSocket):
    def __init__(self, host, deliver):
        super().__init__(host)
        self._deliver = deliver

    def send(self, data):
        if super().send(data):
            self.host.asked()

    def close(self):
        self.host.forget(self)
        super().close()

    def look(self):
        for data in self.received():
            self.host.answered()
            self._deliver(data)
