"""The server at headquarters as far as the gateway sees it: clock, log, disk queue, air and broker, all on
the bench's virtual time.
"""

import asyncio
import time
from asyncio import events

import paho.mqtt.client as paho

from hwsim.network import GATEWAY_ADDRESS
from hwsim.virtual_loop import VirtualLoop


def paho_time():
    """paho reads the clock by one name: on a virtual loop it is that loop's, else what it was."""
    loop = events._get_running_loop()
    return loop.time() if isinstance(loop, VirtualLoop) else time.monotonic()


class WrongClock:
    """As `gateway.clock.Clock`; it may be wrong."""

    def __init__(self, gateway):
        self._gateway = gateway

    def wall_ms(self):
        return self._gateway.wall_ms()

    def mono_ms(self):
        return self._gateway.kernel.now_us / 1000


class Lines:
    """Where its log goes: lines, one or several at a time."""

    def __init__(self, gateway, loop):
        self._gateway = gateway
        self._loop = loop

    def write(self, text):
        for line in text.splitlines():
            self._gateway.heard(self._loop, line)

    def flush(self):
        """Nothing is held back."""


class Client(paho.Client):
    def __init__(self, dial, *arguments, **options):
        self._dial = dial
        super().__init__(*arguments, **options)

    def _create_socket(self):
        return self._dial()


class Commits:
    """What waits is committed together, when the disk's time for it is over."""

    def __init__(self, disk, loop, turn):
        self._disk = disk
        self._loop = loop
        self._turn = turn
        self._timer = None

    def wake(self):
        if self._timer is None:
            self._timer = self._loop.call_later(self._disk.commit_us / 1e6, self._commit)

    def _commit(self):
        self._timer = None
        while self._turn():
            pass

    async def close(self):
        if self._timer is not None:
            self._timer.cancel()
        self._commit()


class Air(asyncio.DatagramTransport):
    """The endpoint's side of the network."""

    def __init__(self, gateway, loop):
        super().__init__()
        self._gateway = gateway
        self._loop = loop
        self._open = True

    def get_extra_info(self, name, default=None):
        return GATEWAY_ADDRESS if name == "sockname" else default

    def is_closing(self):
        return not self._open

    def get_write_buffer_size(self):
        return 0

    def sendto(self, data, addr=None):
        self._gateway.answer(self._loop, data, addr)

    def close(self):
        self._open = False
