"""What happens by itself in a demonstration with `--seconds`: officers press keys, an operator answers."""

import asyncio

_ACKNOWLEDGE_S = 2.0
_CLEAR_S = 4.0
# An exchange that loses five datagrams in a row takes 62 to 93 s (RFC 7252 4.2) before the next may begin. At
# a loss of 20 % each way that happens, and loses nothing.
_DRAIN_S = 180.0
_LATE_S = 60.0


class Script:
    """Statuses, one panic at a little under half of the time, its acknowledgement, its end; then the way
    home.
    """

    def __init__(self, run, seconds, drain_s=_DRAIN_S):
        self._run = run
        self._seconds = seconds
        self._drain_s = drain_s
        self.drained = False
        self._start = 0.0

    async def play(self):
        self._start = asyncio.get_running_loop().time()
        run, cars = self._run, self._run.fleet.cars
        # Border police raises the alarm; with one car, that one.
        victim = cars[1 if len(cars) > 1 else 0]
        run.operator.auto_acknowledge_s = _ACKNOWLEDGE_S
        share = self._seconds / 100
        scenes = [
            (20, lambda: self._press_all("available")),
            (35, lambda: run.do(cars[0].press, "on_the_way")),
            (45, lambda: run.do(victim.press, "panic")),
            (70, lambda: run.do(cars[-1].press, "event")),
            (80, lambda: run.do(cars[0].press, "on_scene")),
        ]
        clearing = asyncio.create_task(self._clear())
        try:
            for at, scene in scenes:
                await self._until(at * share)
                scene()
            await self._until(self._seconds)
            # On a bad day an alarm needs longer than the demonstration was to last: it is worth waiting for.
            await run.until(lambda: all("shown" in alarm.at_ms for alarm in run.story.alarms), _LATE_S)
            await run.until(clearing.done, _LATE_S)
        finally:
            clearing.cancel()
        self.drained = await run.drain(self._drain_s)

    async def _until(self, seconds):
        """Wait until so many seconds after the start."""
        await self._run.until(lambda: False, self._start + seconds - asyncio.get_running_loop().time())

    def _press_all(self, key):
        for car in self._run.fleet.cars:
            self._run.do(car.press, key)

    async def _clear(self):
        """Some seconds after the lamp has shown the acknowledgement the operator closes the case."""
        run = self._run
        await run.until(
            lambda: bool(run.story.alarms) and all("shown" in a.at_ms for a in run.story.alarms), 3600
        )
        await asyncio.sleep(_CLEAR_S)
        for alarm in run.story.alarms:
            if (alarm.car.kid, alarm.panic) in run.operator.alarms:
                run.do(run.operator.clear, alarm.car.kid, alarm.panic)
        await run.until(lambda: all("cleared" in alarm.at_ms for alarm in run.story.alarms), 60)
