"""The firmware itself on the bench, with a modem that nobody answers: it lives, and shows no more than is."""

import datetime
import shutil

import pytest

from hwsim import technician, world
from hwsim.desk import Desk
from hwsim.gnss import GnssTrack
from hwsim.kernel import Kernel
from hwsim.modem import Modem
from hwsim.network import Network
from hwsim.panel import Panel
from hwsim.terminal import Terminal

EPOCH = datetime.datetime(2024, 6, 3, 6, tzinfo=datetime.UTC)
SETTINGS = {"apn": "internet", "host": "192.0.2.10", "port": 5683}


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """(image, flash of a terminal that has its keys and settings)"""
    folder = tmp_path_factory.mktemp("firmware")
    image, flash = technician.build_image(folder), folder / "flash"
    technician.make_identity("car", image, flash)
    technician.install("car", image, flash, SETTINGS | {"gateway_key": Desk(Kernel()).public.hex()})
    return image, flash


class Car:
    def __init__(self, ready, folder, seed):
        image, provisioned = ready
        flash = shutil.copyfile(provisioned, folder / f"flash-{seed}")
        self.kernel = Kernel(seed)
        self.events = []
        self.kernel.subscribe(self.events.append)
        self.terminal = Terminal(self.kernel, "car", "SIM", image, flash)
        self.panel = Panel(self.terminal, self.kernel)
        path = Network(self.kernel).path("car")
        self.modem = Modem(self.kernel, self.terminal.port("modem"), path, name="car", epoch=EPOCH)
        self.terminal.attach_uart("modem", self.modem)
        for pin in ("pwrkey", "reset", "supply"):
            self.terminal.watch_pin("modem_" + pin, lambda level, pin=pin: self.modem.set_pin(pin, level))
        track = world.track_of(world.units(1)[0], 0)
        self.gnss = GnssTrack(self.kernel, self.terminal.port("gnss"), track, epoch=EPOCH, name="car")
        self.terminal.set_adc("supply", 24_900)
        self.terminal.pin_in("ignition", 1)

    def drive(self, seconds):
        self.gnss.start()
        self.terminal.power_on()
        self.kernel.at(20_000_000, self.panel.press, "available", 120)
        self.kernel.at(30_000_000, self.panel.press, "panic", 900)
        self.kernel.run_for(seconds)
        self.terminal.close()
        return self

    def starts(self):
        return [event.fields["cause"] for event in self.events if event.what == "start"]


@pytest.fixture(scope="module")
def driven(ready, tmp_path_factory):
    return Car(ready, tmp_path_factory.mktemp("one"), 1).drive(60)


def test_it_starts_once_and_runs_on(driven):
    assert driven.starts() == ["power"]
    assert [event for event in driven.events if event.what in ("watchdog", "died")] == []


def test_an_alarm_that_nobody_answers_is_shown_as_sending_and_no_more(driven):
    shown = [state for state, _ in driven.panel.red.history]
    assert shown == ["off", "sending"]
    began_ms = driven.panel.red.began_us // 1000
    assert 30_600 <= began_ms <= 30_900  # held for 0.6 s, and then at once


def test_keys_are_confirmed_by_a_click(driven):
    clicks = [at // 1000 for meaning, _, at in driven.panel.buzzer.heard if meaning == "key taken"]
    assert len(clicks) == 2
    assert 20_000 <= clicks[0] <= 20_300 and 30_000 <= clicks[1] <= 31_000


def test_it_stores_before_it_sends_and_within_the_rules_of_flash(driven):
    assert driven.terminal.flash.programs > 0
    assert driven.terminal.flash.set_again == 0


def test_the_whole_terminal_repeats_from_its_seed(ready, driven, tmp_path):
    again = Car(ready, tmp_path, 1).drive(60)
    other = Car(ready, tmp_path, 2).drive(60)
    assert again.kernel.trace == driven.kernel.trace
    assert other.kernel.trace != driven.kernel.trace
