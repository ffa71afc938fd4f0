"""What the gateway is made of, in the order in which one needs the other."""

from collections.abc import Callable

from gateway.admission import Admission
from gateway.clock import Clock
from gateway.config import Config
from gateway.contexts import Contexts
from gateway.datagram import Endpoint
from gateway.edhoc import Edhoc
from gateway.exchange import Exchange
from gateway.intake import Intake
from gateway.journal.base import Journal
from gateway.key import GatewayKey, KeyFileError, settle
from gateway.log import Log
from gateway.machine import Machine
from gateway.observers import Observers
from gateway.orders import Orders
from gateway.peers import Peers
from gateway.posting import Posting
from gateway.presence import Presences
from gateway.refusals import Refusals
from gateway.registry import Registry
from gateway.relay import Relay
from gateway.reminders import Reminders
from gateway.resources import Resources
from gateway.retention import Retention
from gateway.vault import Vault
from gateway.verifier import Verifier
from protocol.responder import Server


class Parts:
    """Each is given what it needs and knows only that; who tells whom is tied in app.py. `endpoint` is what
    answers leave by, None until datagrams are taken."""

    journal: Journal
    vault: Vault

    def __init__(
        self, config: Config, log: Log, clock: Clock, random: Callable[[int], bytes], machine: Machine
    ) -> None:
        self.config = config
        self.log = log
        self.clock = clock
        self._random = random
        self._machine = machine
        self._prefix = config.text("northbound.prefix")
        self.endpoint: Endpoint | None = None

    async def _make(self) -> None:
        """`journal` is open, `vault` there. Raises JournalError."""
        config, log, clock = self.config, self.log, self.clock
        self.registry = Registry(self.journal, log)
        await self.registry.load()
        self.contexts = Contexts(self.journal, log, clock)
        await self.contexts.load()
        self.peers = Peers(self.journal, self.contexts, config.whole("security.contexts"), self.vault)
        self.presences = Presences(config, self.journal, self.registry, log, clock, self._prefix)
        await self.presences.load()
        window_s = config.whole("security.refusal_log_s")
        self.refusals = Refusals(log, clock, window_s)
        self.strangers = Refusals(log, clock, window_s, "edhoc.refused")
        self.verifier = Verifier(config.whole("security.verify_threads"))
        server = Server(self._random16, limit=config.whole("security.contexts"))
        self.observers = Observers(self.journal, self.peers, self.registry, server, log, clock, self._prefix)
        self.intake = Intake(self.journal, self.verifier, log, clock, self._prefix)
        self.resources = Resources(self.journal, self.intake, self.observers, log, clock, self._prefix)
        self.own_key = await self._own_key()
        self.edhoc = Edhoc(
            self.own_key,
            server,
            self.registry,
            self.contexts,
            self.journal,
            self.strangers,
            log,
            clock,
            sessions=config.whole("edhoc.sessions"),
            rate=config.whole("edhoc.rate"),
            random=self._random,
            send=self._send,
        )
        self.edhoc.vault = self.vault
        self.relay = Relay(config, self.journal, self.registry, log, clock, self._machine, self._random16)
        self.reminders = Reminders(config, self.journal, self.registry, self.relay, clock)
        self.retention = Retention(config, self.journal, log, clock)
        self.admission = admission = Admission(config.whole("journal.queue_limit"), clock.mono_ms())
        posting = Posting(
            self.registry,
            self.contexts,
            self.peers,
            self.intake,
            self.observers,
            self.refusals,
            clock,
            retry_after_s=config.whole("journal.retry_after_s"),
            admission=admission,
            send=self._send,
        )
        self.exchange = Exchange(
            server,
            self.registry,
            self.contexts,
            self.peers,
            self.edhoc,
            self.resources,
            posting,
            self.observers,
            self.refusals,
            self.journal,
            log,
            clock,
            retry_after_s=config.whole("journal.retry_after_s"),
            admission=admission,
            send=self._send,
            random16=self._random16,
        )
        self.orders = Orders(config, self.journal, self.registry, log, clock)

    async def _own_key(self) -> GatewayKey | None:
        """Contexts that were made serve without it: a lost file must not keep an alarm from being taken."""
        path = self.config.key_path
        try:
            return await self.journal.write(lambda tx: settle(path, tx))
        except KeyFileError as error:
            self.log.error("edhoc.keyless", error=str(error))
            return None

    def _send(self, datagram: bytes, source: object) -> None:
        if self.endpoint is not None:
            self.endpoint.send(datagram, source)

    def _random16(self) -> int:
        return int.from_bytes(self._random(2), "big")
