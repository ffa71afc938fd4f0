"""Somebody who sees every datagram of one car, keeps them, and sends what he likes to either side. He has no
keys."""

from hwsim.checks import datagram
from hwsim.network import GATEWAY_ADDRESS

_ACK, _CHANGED = 2, 0x44
_KEPT = 80


class Intruder:
    """`up` and `down` are the newest datagrams of each direction, oldest first, each once."""

    def __init__(self, rig, car):
        self.kernel = rig.kernel
        self.car = car
        self.up, self.down = [], []
        self.forging = False
        self._network = rig.network
        self._binding = None
        self._leave = self.kernel.subscribe(self._event)

    def close(self):
        self._leave()

    def _event(self, event):
        if event.what != "air" or event.source != self.car.name or event.fields["fate"] == "intruder":
            return
        row = self.up if event.fields["direction"] == "up" else self.down
        data = bytes(event.fields["data"])
        if data not in row:
            row.append(data)
            del row[:-_KEPT]
        if self.forging and row is self.up:
            self._forge(data)

    def _forge(self, data):
        """A 2.04 for whatever was asked: without protection, with a made-up one, with an older answer's."""
        asked = datagram.read(data)
        if asked is None or not asked.is_request:
            return
        head = bytes([0x40 | _ACK << 4 | len(asked.token), _CHANGED]) + data[2:4] + asked.token
        answers = [head, head + b"\xff\xa1\x01\x03", head + b"\x90\xff" + bytes(range(24))]
        for old in self.down[-3:]:
            said = datagram.read(old)
            if said is not None and said.option(datagram.OSCORE) is not None:
                answers.append(head + old[4 + (old[0] & 15) :])
        for number, answer in enumerate(answers):
            self.kernel.after(20_000 + 1000 * number, self._inject, answer)

    def tell_the_car(self):
        """All old answers once more."""
        for number, data in enumerate(self.down):
            self.kernel.after(1000 * number, self._inject, data)

    def ask_headquarters(self):
        """All old requests once more, in their order, from an address of his own."""
        host = self._network.host_at(GATEWAY_ADDRESS)
        if self._binding is None or self._binding.host is not host:
            self._binding = host.bind("203.0.113.66", self._heard)
        for number, data in enumerate(self.up):
            self.kernel.after(2000 * number, self._binding.send, data)

    def _heard(self, data):
        # What he is told is on the air as well.
        self.kernel.emit(self.car.name, "air", direction="down", fate="intruder", data=bytes(data))

    def _inject(self, data):
        for flow in list(self.car.path._flows):
            flow._arrive(data, GATEWAY_ADDRESS)
