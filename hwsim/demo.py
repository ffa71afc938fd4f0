"""`python -m hwsim demo`: everything real but the hardware, on one computer, in a minute.

The embedded broker, the gateway as a process, terminals that run the firmware's own image, an operations centre.
Live with keys, or by itself with `--seconds` and judged by the promises of checkers.py.
"""
import asyncio
import json
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.live import Live

from hwsim import checkers
from hwsim.broker import Broker, BrokerError
from hwsim.fleet import Fleet, FleetError
from hwsim.headquarters import Headquarters, HeadquartersError
from hwsim.kernel import Kernel
from hwsim.keyboard import Keyboard
from hwsim.network import GATEWAY_ADDRESS, Network, UdpHost
from hwsim.operator import Operator
from hwsim.script import Script
from hwsim.story import Story
from hwsim.view import View

_DEFAULT_SECONDS = 40
_FRAMES_PER_SECOND = 10
_PROGRESS_S = 5


class Demo:
    """All parts of one demonstration; `async with Demo(...)` starts and ends them. Tests use it too."""

    def __init__(self, terminals=3, seed=1, broker="iotcore", loss=0.0, rtt_ms=60, nmea=None, profile="a7670",
                 settings=None, republish_s=30):
        self.options = {"terminals": terminals, "seed": seed, "broker": broker, "loss": loss, "rtt_ms": rtt_ms}
        self._nmea = nmea
        self._folder = tempfile.TemporaryDirectory(prefix="patrola-")
        self.directory = Path(self._folder.name)
        self.kernel = Kernel(seed)
        self.network = Network(self.kernel, loss=loss, rtt_ms=rtt_ms, jitter_ms=rtt_ms / 5)
        self.story = Story(self.kernel)
        self.broker = Broker(broker, self.directory)
        self.headquarters = Headquarters(self.kernel, self.directory, self.broker, republish_s)
        self.operator = Operator(self.kernel, self.broker, self.headquarters.enrolled)
        self.fleet = Fleet(self.kernel, self.network, self.headquarters, self.directory, settings, profile, seed)
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
        for car in await self.fleet.build(self.options["terminals"], self._nmea, told):
            self.story.add_car(car.name, car.kid)
        self._pace = asyncio.create_task(self.kernel.run_paced(self._stop))
        await self.until(lambda: self.operator.connected, 10)

    async def close(self):
        if self._pace is not None:
            self._stop.set()
            await self._pace
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
        """True as soon as the condition holds, False when the time is over (or the clock has failed: then it raises)."""
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
            now = (len(self.story.frames), self.story.count("received"))
            if now != quiet["seen"] or checkers.nothing_lost(self.story, self.operator):
                quiet.update(since=loop.time(), seen=now)
            return loop.time() - quiet["since"] > quiet_s

        return await self.until(calm, limit_s)

    async def judge(self):
        """Take the power from every terminal and read what its flash still holds. (report, broken promises)."""
        done = asyncio.Event()
        self.do(lambda: ([car.terminal.power_off() for car in self.fleet.cars], done.set()))
        await done.wait()
        unsent = 0
        for car in self.fleet.cars:
            for boot, seq in await self.fleet.unsent(car):
                self.story.frame(car.kid, boot, seq)
                unsent += 1
        broken = checkers.check(self.story, self.operator)
        return self.report(broken, unsent), broken

    def report(self, broken, unsent=0):
        """What --json writes."""
        story, operator = self.story, self.operator
        created, stored, relayed = story.created(), story.count("stored"), story.count("relayed")
        return {
            **self.options, "created": created, "stored": stored, "relayed": relayed,
            "lost": created - min(stored, relayed), "duplicates_northbound": operator.repeats,
            "panics": [alarm.as_json() for alarm in story.alarms],
            "received_by_operator": len(operator.frames), "unverified": len(operator.unverified),
            "unsent_on_flash": unsent, "seconds": round(self.kernel.now_us / 1e6, 1),
            "datagrams": {car.name: dict(car.path.counts) for car in self.fleet.cars},
            "refused_by_gateway": len(story.refusals), "broken": broken,
        }


async def demo(arguments):
    """The command; its exit code."""
    console = Console()
    live = console.is_terminal and sys.stdin.isatty()
    seconds = arguments.seconds if arguments.seconds or live else _DEFAULT_SECONDS
    run = Demo(arguments.terminals, arguments.seed, arguments.broker, arguments.loss, arguments.rtt, arguments.nmea)
    try:
        with console.status("starting") as status:
            await run.start(lambda text: status.update(text) if live else print(text, flush=True))
        run.do(run.fleet.start)
        await (_live if live else _plain)(run, seconds, console)
        report, broken = await run.judge()
    except (BrokerError, HeadquartersError, FleetError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    finally:
        await run.close()
    if seconds:
        broken += [] if report["duplicates_northbound"] == 0 else ["frames came to the operator more than once"]
        broken += checkers.alarms_reach(run.story, "shown")
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    _summary(report, broken)
    return 1 if broken else 0


async def _plain(run, seconds, _console):
    """Without a terminal: a line now and then."""
    script = Script(run, seconds)
    progress = asyncio.create_task(_progress(run))
    try:
        await script.play()
    finally:
        progress.cancel()


async def _progress(run):
    while True:
        story = run.story
        links = sum(bool(car.modem.stack.links) for car in run.fleet.cars)
        alarms = "".join(f"  {alarm.car.name}: {alarm.stage}" for alarm in story.alarms)
        print(f"{run.kernel.now_us / 1e6:6.1f} s  links {links}/{len(run.fleet.cars)}  made {story.created()}  stored "
              f"{story.count('stored')}  relayed {story.count('relayed')}{alarms}", flush=True)
        await asyncio.sleep(_PROGRESS_S)


async def _live(run, seconds, console):
    """On a terminal: the view, and keys. With `seconds` the script plays beside them."""
    title = f"{len(run.fleet.cars)} terminals, {run.options['broker']}, loss {run.options['loss']:.0%}, rtt {run.options['rtt_ms']} ms"
    view = View(run.kernel, run.fleet, run.story, run.operator, title)
    keyboard = Keyboard(run, view)
    script = asyncio.create_task(Script(run, seconds).play()) if seconds else None
    with keyboard, Live(view.render(), console=console, screen=True, auto_refresh=False) as screen:
        while not keyboard.quit and not (script and script.done()):
            screen.update(view.render(), refresh=True)
            await run.until(lambda: keyboard.quit, 1 / _FRAMES_PER_SECOND)
    if script is not None:
        script.cancel()
        if script.done() and not script.cancelled():
            script.result()
    else:
        console.print("the patrols drive home")
        await run.drain(20)


def _summary(report, broken):
    print(f"frames made {report['created']}, stored {report['stored']}, relayed {report['relayed']}, lost {report['lost']}, "
          f"northbound twice {report['duplicates_northbound']}")
    for panic in report["panics"]:
        times = "  ".join(f"{stage} +{panic[stage + '_ms']} ms" if panic[stage + "_ms"] is not None else f"{stage}: never"
                          for stage in ("sent", "stored", "relayed", "acknowledged", "shown"))
        print(f"alarm of {panic['terminal']}: {times}")
    for sentence in broken:
        print(f"BROKEN: {sentence}")
    print("every promise was kept" if not broken else f"{len(broken)} promises were broken")
