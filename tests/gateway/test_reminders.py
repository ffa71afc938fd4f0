"""Alarms that nobody acknowledged are told again, a few at a time: thousands of them hold up nobody."""

import json
from pathlib import Path

import pytest

from gateway.config import Config
from gateway.journal.records import ACKNOWLEDGED, Terminal
from gateway.reminders import _FEW, Reminders

MANY = 3 * _FEW + 5


class Relay:
    """`told`: what each call brought. `left`: how often it says that some were not sent yet."""

    def __init__(self):
        self.connected = True
        self.told = []
        self.left = 0
        self.then = lambda: None

    @property
    def reminding(self):
        self.left -= 1
        return self.left >= 0

    def remind(self, reminders):
        self.told.append([json.loads(body)["properties"]["panic"] for _, body in reminders])
        self.then()

    @property
    def all(self):
        return [number for few in self.told for number in few]


class Clock:
    def wall_ms(self):
        return 1_800_000_000_000


class Registry:
    def by_kid(self, kid):
        return Terminal(kid, bytes(64), "d", "s", "u" + kid.hex(), "v", "c", "enrolled", 1, 1)


def car(number):
    return number.to_bytes(8, "big")


def acknowledge(journal, number):
    return journal.write(lambda tx: tx.reach(car(number), number, ACKNOWLEDGED, 99, "desk-1"))


@pytest.fixture
async def waiting(journal):
    """(reminders, relay, journal): so many alarms, each of another car."""

    def raised(tx):
        for number in range(MANY):
            tx.open_panic(car(number), number, False, 1, 0, number)

    await journal.write(raised)
    relay = Relay()
    config = Config(Path(), {"northbound.prefix": "p", "panic.republish_s": 30})
    yield Reminders(config, journal, Registry(), relay, Clock()), relay, journal


async def test_all_are_told_oldest_first_and_a_few_at_a_time(waiting):
    reminders, relay, _ = waiting
    relay.left = 2
    await reminders.round()
    assert relay.all == list(range(MANY))
    assert [len(few) for few in relay.told] == [_FEW] * 3 + [5]


async def test_one_that_was_acknowledged_meanwhile_is_not_told(waiting):
    reminders, relay, journal = waiting
    await acknowledge(journal, 20)
    read = journal.read

    async def reading(work):
        if len(relay.told) == 1:
            await acknowledge(journal, 40)
        return await read(work)

    journal.read = reading
    await reminders.round()
    assert relay.all == [number for number in range(MANY) if number not in (20, 40)]


async def test_a_broken_connection_ends_the_round(waiting):
    reminders, relay, _ = waiting
    relay.then = lambda: setattr(relay, "connected", False)
    await reminders.round()
    assert relay.all == list(range(_FEW))
