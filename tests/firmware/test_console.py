# runs on: micropython
"""The console of a finished car: what opens it, and that nothing about it keeps a car from starting."""

from firmware import console as subject
from firmware.hal import RESET_POWER, RESET_WATCHDOG


class Line:
    """In `micropython`'s place: the character that interrupts, -1 for none."""

    def __init__(self):
        self.char = None

    def kbd_intr(self, char):
        self.char = char


class Pin:
    """Key or lamp."""

    def __init__(self, level=1):
        self.level = level  # 1: up

    def value(self):
        return self.level

    def write(self, level):
        pass


class Hal:
    keys = {"available": 1, "off_duty": 2}
    red = green = Pin()

    def __init__(self, power=True, held=False):
        self.reset_cause = RESET_POWER if power else RESET_WATCHDOG
        self._key = Pin(0 if held else 1)

    def key_pin(self, number):
        return self._key


class Files:
    """In `statefile`'s place."""

    def __init__(self, data=None, full=False):
        self.data = data
        self.full = full

    def read(self, path):
        return self.data

    def write(self, path, data):
        if self.full:
            raise OSError(28)
        self.data = data

    def remove(self, path):
        gone = self.data is not None
        self.data = None
        return gone


def settled(files, release=True, **hal):
    real = subject.micropython, subject.statefile
    subject.micropython, subject.statefile = line, _ = Line(), files
    try:
        subject.settle(Hal(**hal), release, lambda level, text: None)
    finally:
        subject.micropython, subject.statefile = real
    return line.char


def test_closed_in_a_car_and_open_on_the_workbench():
    assert settled(Files()) == -1
    assert settled(Files(), release=False) == 3
    files = Files(bytes((2,)))
    assert [settled(files) for _ in range(3)] == [3, 3, -1]
    assert files.data is None


def test_flash_that_takes_no_more_closes_it_and_starts_all_the_same():
    """What cannot be counted down would stay open for ever; and a car that never starts is worse still."""
    assert settled(Files(bytes((20,)), full=True)) == -1


def test_keys_open_it_for_some_starts_and_no_longer_than_it_has_power():
    files = Files()
    assert settled(files, held=True) == 3
    assert [settled(files, power=False) for _ in range(6)] == [3, 3, 3, 3, 3, -1]
    assert files.data is None
    assert settled(files, held=True) == 3
    assert settled(files, power=False) == 3
    assert settled(files) == -1  # it was switched off
    assert files.data is None
    assert settled(files, power=False) == -1
    assert settled(files, held=True) == 3 and settled(files, held=True) == 3  # and on again with the keys
    # What a workshop has left open does not end with a power cut, and the keys take nothing from it.
    files = Files(bytes((20,)))
    assert settled(files, held=True) == 3 and files.data == bytes((19,))


def test_keys_open_it_once_where_flash_takes_no_more():
    files = Files(full=True)
    assert settled(files, held=True) == 3
    assert settled(files, power=False) == -1
