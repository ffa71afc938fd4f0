"""Everything of a run on one computer: broker, gateway, network, operator, cars, and the story they tell."""

import asyncio
import tempfile
from pathlib import Path

from hwsim import checkers
from hwsim.broker import Broker
from hwsim.fleet import Fleet
from hwsim.gateway_process import GatewayProcess
from hwsim.kernel import Kernel
from hwsim.network import GATEWAY_ADDRESS, Network, UdpHost
from hwsim.operator import Operator
from hwsim.story import Story


class Bench:
    """All parts of one run; `async with Bench(...)` starts and ends them."""

    def __init__(
        self,
        terminals=3,
        seed=1,
        broker="iotcore",
        loss=0.0,
        rtt_ms=60,
        nmea=None,
        profile="a7670",
        settings=None,
        republish_s=30,
        boards=(),
    ):
        self.options = {
            "terminals": terminals,
            "seed": seed,
            "broker": broker,
            "loss": loss,
            "rtt_ms": rtt_ms,
        }
        self._nmea = nmea
        self._boards = boards
        self._folder = tempfile.TemporaryDirectory(prefix="patrola-")
        self.directory = Path(self._folder.name)
        self.kernel = Kernel(seed)
        self.network = Network(self.kernel, loss=loss, rtt_ms=rtt_ms, jitter_ms=rtt_ms / 5)
        self.story = Story(self.kernel)
        self.broker = Broker(broker, self.directory)
        self.headquarters = GatewayProcess(self.kernel, self.directory, self.broker, republish_s)
        self.operator = Operator(self.kernel, self.broker, self.headquarters.enrolled)
        self.fleet = Fleet(
            self.kernel, self.network, self.headquarters, self.directory, settings, profile, seed
        )
        self._stop = asyncio.Event()
        self._pace = None

    async def __aenter__(self):
        try:
            await self.start()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_):
        await self.close()

    async def start(self, told=None):
        """Broker, gateway, terminals made ready; the clock runs, but no terminal is switched on yet."""
        await self.broker.start()
        await self.headquarters.start()
        self.network.serve(GATEWAY_ADDRESS, UdpHost(self.kernel, self.headquarters.address))
        self.operator.start()
        for car in await self.fleet.build(self.options["terminals"], self._nmea, told, self._boards):
            self.story.add_car(car.name, car.kid)
        self._pace = asyncio.create_task(self.kernel.run_paced(self._stop))
        await self.until(lambda: self.operator.connected, 10)

    async def close(self):
        if self._pace is not None:
            self._stop.set()
            await asyncio.wait(
                [self._pace]
            )  # what went wrong in it was told by `until`; the rest ends all the same
            self._pace = None
        self.operator.stop()
        self.fleet.close()
        self.network.close()
        await self.headquarters.stop()
        self.broker.stop()
        self.story.close()
        self._folder.cleanup()

    def do(self, call, *arguments):
        """Let the kernel do something between two of its own events."""
        self.kernel.call_soon_external(call, *arguments)

    async def until(self, condition, limit_s):
        """True as soon as the condition holds, False when the time is over (or the clock has failed: then it
        raises).
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + limit_s
        while not condition():
            if self._pace is not None and self._pace.done():
                self._pace.result()
            if loop.time() > end:
                return False
            await asyncio.sleep(0.05)
        return True

    async def drain(self, limit_s, quiet_s=3.0):
        """Park every car and wait until nothing is under way any more. False when that took too long."""
        for car in self.fleet.cars:
            self.do(car.park)
        loop = asyncio.get_running_loop()
        quiet = {"since": loop.time(), "seen": None}

        def calm():
            asked = sum(car.air.unanswered for car in self.fleet.cars)
            # A frame is on flash before it is sent: whoever took the power just then would call it lost.
            flash = sum(car.terminal.flash.operations for car in self.fleet.cars)
            now = (len(self.story.frames), self.story.count("received"), flash)
            if asked or now != quiet["seen"] or checkers.nothing_lost(self.story, self._listener()):
                quiet.update(since=loop.time(), seen=now)
            return loop.time() - quiet["since"] > quiet_s

        return await self.until(calm, limit_s)

    def _listener(self):
        """The operator, unless the broker was killed and nothing can be expected of him."""
        return self.operator if self.broker.starts == 1 else None

    async def judge(self, drained=True):
        """Take the power from every terminal and read what its flash still holds: (report, broken promises).
        `drained`: there was time for everything to get through."""
        done = asyncio.Event()
        for car in self.fleet.cars:
            self.do(car.terminal.power_off)
        self.do(done.set)
        await done.wait()
        unsent = 0
        for car in self.fleet.cars:
            for boot, seq in await self.fleet.unsent(car):
                self.story.frame(car.kid, boot, seq)
                unsent += (car.kid, boot, seq) not in self.story.reached("stored")
        await self.headquarters.stop()
        self.story.take_journal(await self.headquarters.journal())
        broken = checkers.check(self.story, self.operator, drained, self.broker.starts == 1)
        return self.report(broken, unsent), broken

    def report(self, broken, unsent=0):
        """What --json writes."""
        story, operator = self.story, self.operator
        created, stored, relayed = story.created(), story.count("stored"), story.count("relayed")
        return {
            **self.options,
            "created": created,
            "stored": stored,
            "relayed": relayed,
            "lost": created - min(stored, relayed),
            "duplicates_northbound": operator.repeats,
            "panics": [alarm.as_json() for alarm in story.alarms],
            "received_by_operator": len(operator.frames),
            "unverified": len(operator.unverified),
            "unsent_on_flash": unsent,
            "seconds": round(self.kernel.now_us / 1e6, 1),
            "kids": {car.name: car.kid for car in self.fleet.cars},
            "datagrams": {car.name: dict(car.path.counts) for car in self.fleet.cars},
            "refused_by_gateway": len(story.refusals),
            "broken": broken,
        }
