"""A bench for one small program: tests of the bench itself stand on it."""

import textwrap

from hwsim.kernel import Kernel
from hwsim.terminal import Terminal

BOARD = {
    "uarts": {"gnss": {"id": 1}, "modem": {"id": 2}},
    "pins": {"red": 10, "green": 11, "buzzer": 12, "vibrator": 13, "ignition": 14},
    "keys": {"panic": 20},
    "adc": {"supply": 30, "supply_full_mv": 36300},
    "flash": {"size": 256 * 1024, "block": 4096},
}


class Recorder:
    def __init__(self, kernel):
        self.got = []
        self._kernel = kernel

    def bytes_from_guest(self, data):
        self.got.append((self._kernel.now_us, data))


class SmallBench:
    def __init__(self, folder, program, seed=1, heap=192 * 1024):
        script = folder / "program.py"
        script.write_text(textwrap.dedent(program))
        self.kernel = Kernel(seed)
        self.events = []
        self.kernel.subscribe(self.events.append)
        self.terminal = Terminal(
            self.kernel, "car", BOARD, flash_path=folder / f"flash-{seed}.bin", script=script, heapsize=heap
        )

    def boot(self, seconds):
        self.terminal.power_on()
        self.kernel.run_for(seconds)
        return self

    def seen(self, what):
        return [event for event in self.events if event.what == what]

    def lines(self):
        return [event.fields["line"] for event in self.seen("log")]
