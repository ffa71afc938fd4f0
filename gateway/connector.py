"""Getting to the broker and staying there: which of its nodes, which MQTT version, how long to wait, what the
state topic says."""

from collections.abc import Callable

from gateway import __version__, replay
from gateway.clock import Clock
from gateway.config import Config
from gateway.log import Log, iso
from gateway.machine import Machine
from gateway.mqtt import Incoming, Link, LinkError, Will
from gateway.northbound import JSON_TYPE, Publication, encode
from gateway.outgoing import Outgoing
from gateway.stream import Acked
from gateway.topics import gateway_topic
from protocol.backoff import Backoff

# A broker that understood us before and answers strangely was probably just ending; so many times, it is
# another.
_STRANGE = 3
# Another node of the cluster may serve at once.
_NEXT_S = 0.05


class Connector:
    """Makes one connection after the other. `five`: MQTT 5 is tried next, or in use."""

    def __init__(
        self,
        config: Config,
        log: Log,
        clock: Clock,
        machine: Machine,
        random16: Callable[[], int],
    ) -> None:
        self._machine = machine
        self._random16 = random16
        self._config = config
        self._log = log
        self._clock = clock
        self._prefix = config.text("northbound.prefix")
        self._backoff = Backoff(config.whole("broker.retry_first_ms"), config.whole("broker.retry_cap_ms"))
        self._brokers = config.brokers()
        self._turn = 0
        self._untried = len(self._brokers) - 1
        self._understood = False
        self._strange = 0
        self.five = config.text("broker.protocol") != "3.1.1"

    @property
    def version(self) -> str:
        return "5" if self.five else "3.1.1"

    def changed(self) -> None:
        """The configuration names other nodes, or who we are there is another one: from the first on."""
        self._brokers = self._config.brokers()
        self._turn = 0
        self.worked()

    def state(self, state: str) -> Publication:
        """What the gateway's own topic says of it."""
        name = self._config.text("gateway.id")
        body = {"id": name, "state": state, "time": iso(self._clock.wall_ms()), "version": __version__}
        return Publication(gateway_topic(self._prefix, name), "state", encode(body), JSON_TYPE, True)

    async def connect(
        self,
        on_acked: Acked,
        on_command: Callable[[Link, Incoming], None],
        on_down: Callable[[str], None],
    ) -> tuple[Link, Outgoing]:
        """Raises LinkError, ConfigError."""
        will = self.state("offline")
        link = Link(
            self._config,
            self._machine,
            at=self._brokers[self._turn],
            five=self.five,
            will=Will(will.topic, will.payload),
            on_acked=on_acked,
            # What waited at the broker comes right behind its CONNACK, before `open` returns.
            on_message=lambda incoming: on_command(link, incoming),
            on_down=on_down,
        )
        try:
            await link.open()
        except LinkError as error:
            self._fall_back(error)
            raise
        self._understood = True
        self._strange = 0
        if link.receive_maximum < 2:
            # A frame is two messages, and both are under way before either is confirmed.
            link.close()
            raise LinkError("the broker allows one message under way; two are needed (its receive maximum)")
        window = min(self._config.whole("broker.window"), link.receive_maximum)
        outgoing = Outgoing(link, window, self._config.whole("northbound.position_expiry_s"))
        link.subscribe(f"{self._prefix}/+/+/+/command")
        link.subscribe(f"{self._prefix}/+/+/+/command/by/+")
        link.subscribe(f"{self._prefix}/{replay.TOPIC}")
        outgoing.send("state", None, [self.state("online")])
        self._log.info("relay.up", mqtt=self.version, window=window, host=link.at[0], port=link.at[1])
        return link, outgoing

    def worked(self) -> None:
        """The broker confirmed something: the next pause is the shortest again."""
        self._backoff.reset()
        self._untried = len(self._brokers) - 1

    def pause_s(self) -> float:
        """This node is gone: how long to wait before the next attempt, at the next one of them. The pause
        grows when all were tried."""
        self._turn = (self._turn + 1) % len(self._brokers)
        if self._untried > 0:
            self._untried -= 1
            return _NEXT_S
        self._untried = len(self._brokers) - 1
        return self._backoff.next(self._random16()) / 1000

    def _fall_back(self, error: LinkError) -> None:
        """An answer that is no MQTT 5 may come from a broker that speaks 3.1.1 only."""
        if self._config.text("broker.protocol") != "auto" or not error.version:
            return
        self._strange += 1
        if not self._understood or self._strange >= _STRANGE:
            self._strange = 0
            self.five = not self.five
