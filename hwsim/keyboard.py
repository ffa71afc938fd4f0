"""The computer's keyboard as officers' keys and as the operator's desk."""

import asyncio
import os
import sys
import termios
import tty

_KEYS = {
    "p": "panic",
    "v": "available",
    "w": "on_the_way",
    "s": "on_scene",
    "b": "busy",
    "o": "off_duty",
    "e": "event",
    "t": "accept",
}


class Keyboard:
    """A context: inside, single keys are read without Enter. `quit` turns true with q or Ctrl-C."""

    def __init__(self, run, view):
        self.quit = False
        self._run = run
        self._view = view
        self._tasks = 0
        self._fd = sys.stdin.fileno()
        self._before = None

    def __enter__(self):
        self._before = termios.tcgetattr(self._fd)
        tty.setcbreak(self._fd)
        asyncio.get_running_loop().add_reader(self._fd, self._readable)
        return self

    def __exit__(self, *_):
        asyncio.get_running_loop().remove_reader(self._fd)
        termios.tcsetattr(self._fd, termios.TCSADRAIN, self._before)

    def _readable(self):
        data = os.read(self._fd, 64)
        if not data:
            self.quit = True
        for letter in data.decode(errors="ignore"):
            self._run.do(self.press, letter)

    def press(self, letter):
        """One key. What does not mean anything does nothing."""
        cars, view, operator = self._run.fleet.cars, self._view, self._run.operator
        car = cars[view.chosen]
        if letter in ("q", "\x03"):
            self.quit = True
        elif letter.isdigit() and 0 < int(letter) <= len(cars):
            view.chosen = int(letter) - 1
        elif letter in _KEYS:
            car.press(_KEYS[letter])
        elif letter == "a":
            self._alarms(operator.acknowledge, ("stored", "accepted"))
        elif letter == "c":
            self._alarms(operator.clear, ("stored", "accepted", "acknowledged", "shown"))
        elif letter == "x":
            self._run.network.partition(not car.path.partitioned, car.name)
        elif letter in "mkr":
            self._send(letter, car)

    def _alarms(self, command, stages):
        alarms = self._run.operator.open_alarms(stages)
        if not alarms:
            self._view.say("operations centre: no alarm to answer")
        for kid, panic in alarms:
            command(kid, panic)

    def _send(self, letter, car):
        operator = self._run.operator
        if car.kid not in operator.places:
            self._view.say(f"operations centre: nothing was heard of {car.unit.call_sign} yet")
        elif letter == "r":
            operator.renew(car.kid)
        elif letter == "m":
            operator.message(car.kid, "Check the parking area at kilometre 82")
        else:
            self._tasks += 1
            lon, lat = operator.places[car.kid]
            operator.task(car.kid, self._tasks, "Accident with injured persons", lat + 0.01, lon + 0.01)
