"""The whole house in virtual time: real terminals and the real gateway, a broker and an operations centre on
the bench's clock, from event to event.
"""

from hwsim.central import Central
from hwsim.centre import Centre
from hwsim.headquarters import Gateway
from hwsim.rig import EPOCH, Rig

_STARTED_S = 5


class Duty(Centre):
    """The operations centre at the bench's own broker."""

    def __init__(self, kernel, broker, keys, prefix="patrola/v1", name="duty-officer"):
        super().__init__(kernel, keys, prefix, name)
        self._client = broker.local(f"operations-{name}", self._hear, self.ready)
        self._client.subscribe(f"{prefix}/#")

    def send(self, topic, body):
        self._client.publish(topic, body)

    def _hear(self, topic, payload, _retain, _properties):
        self.take(topic, payload, self.kernel.now_us / 1000)


class House(Rig):
    """A Rig whose headquarters is the gateway itself: `gateway` (hwsim/headquarters.py), `broker`
    (hwsim/central.py), `centre` (hwsim/centre.py; None without `operator`); `publics` is {kid: key}."""

    def __init__(self, kit, directory, republish_s=30, operator=True, **options):
        """`options` as a Rig's."""
        units = dict(zip(kit.publics, kit.units, strict=True))
        self.publics = {}

        def headquarters(kernel):
            self.broker = Central(kernel)
            return _Enrolling(self, Gateway(kernel, directory, self.broker, EPOCH, republish_s), units)

        super().__init__(kit, directory, desk=headquarters, **options)
        self.desk = self.gateway
        self.centre = Duty(self.kernel, self.broker, self.publics) if operator else None
        self.gateway.start()
        self.kernel.run_until(lambda: self.gateway.ready, _STARTED_S)

    def __exit__(self, *exception):
        super().__exit__(*exception)
        self.gateway.close()
        self.broker.close()

    @property
    def context_of(self):
        return self.gateway.context_of


class _Enrolling:
    """What a Rig asks of its headquarters while it is put together."""

    def __init__(self, house, gateway, units):
        self._house = house
        self._units = units
        house.gateway = gateway
        self.host = gateway.host
        self.context_of = gateway.context_of

    def enroll(self, public):
        identity = self._house.gateway.enroll(public, self._units[public])
        self._house.publics[identity["kid"]] = public
        return identity
