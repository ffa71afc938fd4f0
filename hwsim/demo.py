"""`python -m hwsim demo`: everything real but the hardware, on one computer, in a minute.

The embedded broker, the gateway as a process, terminals that run the firmware's own image, an operations
centre. Live with keys, or by itself with `--seconds` and judged by the promises of checkers.py.
"""

import asyncio
import signal
import sys

from rich.console import Console
from rich.live import Live

from hwsim import checkers
from hwsim.bench import Bench
from hwsim.broker import BrokerError
from hwsim.gateway_process import HeadquartersError
from hwsim.keyboard import Keyboard
from hwsim.script import Script
from hwsim.story import STAGES
from hwsim.technician import FleetError
from hwsim.view import View

_DEFAULT_SECONDS = 40
_FRAMES_PER_SECOND = 10
_PROGRESS_S = 5
_HOME_S = 20


async def run(arguments):
    """Start, play, judge; (report, broken promises). Raises BrokerError, HeadquartersError, FleetError."""
    # Whoever ends us politely gets everything taken down, as with Ctrl-C.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)
    console = Console()
    live = console.is_terminal and sys.stdin.isatty()
    seconds = arguments.seconds if arguments.seconds or live else _DEFAULT_SECONDS
    bench = Bench(
        terminals=arguments.terminals,
        seed=arguments.seed,
        broker=arguments.broker,
        loss=arguments.loss,
        rtt_ms=arguments.rtt,
        nmea=arguments.nmea,
        boards=arguments.board,
    )
    try:
        with console.status("starting") as status:
            await bench.start(status.update if live else _say)
        bench.do(bench.fleet.start)
        drained = await (_live if live else _plain)(bench, seconds, console)
        report, broken = await bench.judge(drained or seconds is not None)
    finally:
        await bench.close()
    if seconds:
        if report["duplicates_northbound"]:
            broken.append("frames came to the operator more than once")
        broken += checkers.alarms_reach(bench.story, "shown")
    return report, broken


def demo(arguments):
    """The command; its exit code."""
    try:
        report, broken = asyncio.run(run(arguments))
    except asyncio.CancelledError:
        return 128 + signal.SIGTERM
    except (BrokerError, HeadquartersError, FleetError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    if arguments.json:
        arguments.json.write(report)
    _summary(report, broken)
    return 1 if broken else 0


async def _plain(bench, seconds, _console):
    """Without a terminal: a line now and then."""
    script = Script(bench, seconds)
    bench.kernel.subscribe(_complaint)
    progress = asyncio.create_task(_progress(bench))
    try:
        await script.play()
    finally:
        progress.cancel()
    return script.drained


def _complaint(event):
    """What a terminal prints on its console: with these settings, only what is wrong."""
    if event.what == "log":
        _say(f"{event.t_us / 1e6:6.1f} s  {event.source} says: {event.fields['line'].strip()}")


async def _progress(bench):
    while True:
        story, cars = bench.story, bench.fleet.cars
        links = sum(bool(car.modem.stack.links) for car in cars)
        alarms = "".join(f"  {alarm.car.name}: {alarm.stage}" for alarm in story.alarms)
        counts = f"made {story.created()}  stored {story.count('stored')}  relayed {story.count('relayed')}"
        _say(f"{bench.kernel.now_us / 1e6:6.1f} s  links {links}/{len(cars)}  {counts}{alarms}")
        await asyncio.sleep(_PROGRESS_S)


async def _live(bench, seconds, console):
    """On a terminal: the view, and keys. With `seconds` the script plays beside them."""
    options = bench.options
    title = f"{options['broker']}, loss {options['loss']:.0%}, round trip {options['rtt_ms']:.0f} ms"
    view = View(bench.kernel, bench.fleet, bench.story, bench.operator, title)
    keyboard = Keyboard(bench, view)
    script = Script(bench, seconds) if seconds else None
    play = asyncio.create_task(script.play() if script else bench.until(lambda: False, 86400))
    with keyboard, Live(view.render(), console=console, screen=True, auto_refresh=False) as screen:
        while not keyboard.quit and not play.done():
            screen.update(view.render(), refresh=True)
            await bench.until(lambda: keyboard.quit, 1 / _FRAMES_PER_SECOND)
    if play.done():
        play.result()
        return script is not None and script.drained
    play.cancel()
    _say("the patrols drive home")
    return await bench.drain(_HOME_S)


def _summary(report, broken):
    _say(
        f"frames made {report['created']}, stored {report['stored']}, relayed {report['relayed']}, "
        f"lost {report['lost']}, northbound twice {report['duplicates_northbound']}"
    )
    for panic in report["panics"]:
        times = "  ".join(_stage(panic, stage) for stage in STAGES[1:])
        _say(f"alarm of {panic['terminal']}: {times}")
    for sentence in broken:
        _say(f"BROKEN: {sentence}")
    _say("every promise was kept" if not broken else f"{len(broken)} promises were broken")


def _stage(panic, stage):
    at_ms = panic[stage + "_ms"]
    return f"{stage}: never" if at_ms is None else f"{stage} +{at_ms} ms"


def _say(text):
    print(text, flush=True)
