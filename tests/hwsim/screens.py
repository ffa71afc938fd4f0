"""Draws docs/images/live.svg, what `make demo` shows, from a real run:

python -m tests.hwsim.screens docs/images
"""

import argparse
import asyncio
import io
import sys
from pathlib import Path

from rich.console import Console

from hwsim.bench import Bench
from hwsim.cli import demo
from hwsim.script import Script
from hwsim.view import View

_SECONDS = 40
_SIZE = (104, 32)


async def main(target):
    parser = argparse.ArgumentParser()
    demo.arguments(parser)
    said = parser.parse_args([])
    bench = Bench(
        terminals=said.terminals,
        seed=said.seed,
        broker=said.broker,
        loss=said.loss,
        rtt_ms=said.rtt,
        nmea=None,
        boards=(),
    )
    try:
        await bench.start(print)
        title = f"{said.broker}, loss {said.loss:.0%}, round trip {said.rtt} ms"
        view = View(bench.kernel, bench.fleet, bench.story, bench.operator, title)
        view.chosen = 1
        bench.do(bench.fleet.start)
        play = asyncio.create_task(Script(bench, _SECONDS).play())
        await bench.until(lambda: any("shown" in each.at_ms for each in bench.story.alarms), 10 * _SECONDS)
        await bench.until(lambda: False, 1.5)  # the lamp is read by then
        width, height = _SIZE
        screen = Console(record=True, width=width, height=height, file=io.StringIO(), force_terminal=True)
        screen.print(view.render())
        screen.save_svg(str(target / "live.svg"), title="make demo", unique_id="live")
        play.cancel()
    finally:
        await bench.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
