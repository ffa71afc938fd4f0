"""The stage with the real gateway, a broker and an operations centre in it."""

from hwsim.conformance.stage import Stage
from hwsim.network import GATEWAY_ADDRESS


class HouseStage(Stage):
    """`rig` is a House. What the operations centre does goes by the broker, as a real one's."""

    def __init__(self, rig):
        super().__init__(rig)
        self.gateway = rig.gateway
        self.broker = rig.broker
        self.centre = rig.centre

    def acknowledge(self, id):
        self.say(f"the operations centre acknowledges alarm {id}")
        self.centre.acknowledge(self.car.kid, id)

    def clear(self, id):
        self.say(f"the operations centre clears alarm {id}")
        self.centre.clear(self.car.kid, id)

    def message(self, text="Check the parking area"):
        self.say("the operations centre: a message")
        self.centre.message(self.car.kid, text)

    def renew(self):
        self.say("the operations centre asks for new keys")
        self.centre.renew(self.car.kid)

    def gateway_killed(self, power=False):
        self.say("the gateway's server loses power" if power else "the gateway is killed, as by kill -9")
        self.gateway.kill(power=power)

    def gateway_starts(self):
        self.say("the gateway starts")
        self.gateway.start()

    def disk(self, **how):
        self.say("the gateway's disk: " + ", ".join(f"{name} {value}" for name, value in how.items()))
        self.gateway.disk(**how)

    def broker_killed(self, keep=True):
        self.say("the broker is killed" + ("" if keep else " and forgets"))
        self.broker.kill(keep=keep)

    def broker_starts(self):
        self.say("the broker starts")
        self.broker.start()

    def mend(self):
        self.gateway.disk(full=False, fsync_error=False, slow_ms=0)
        self.broker.start()
        self.gateway.start()

    def at_headquarters(self, kid):
        return self.gateway.named(kid)

    def rows(self, car=None):
        """(boot, seq) of the frames on the gateway's disk."""
        kid = (car or self.car).kid
        return [(row["boot"], row["seq"]) for row in self.gateway.journal() if row["kid"] == kid]

    def stranger(self):
        """Somebody with a socket and no keys: `send(data)`, and `got`, a list of what he was sent."""
        return Stranger(self.rig.network.host_at(GATEWAY_ADDRESS).host)


class Stranger:
    def __init__(self, host):
        self.got = []
        self._binding = host.bind("198.51.100.7", self.got.append)

    def send(self, data):
        self._binding.send(data)
