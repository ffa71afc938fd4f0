# runs on: micropython
"""The console of a finished car: what opens it, and that nothing about it keeps a car from starting."""

from firmware import console as subject


class Line:
    """In `micropython`'s place: the character that interrupts, -1 for none."""

    def __init__(self):
        self.char = None

    def kbd_intr(self, char):
        self.char = char


class Pin:
    def value(self):
        return 1  # up


class Hal:
    keys = {"available": 1, "off_duty": 2}

    def key_pin(self, number):
        return Pin()


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


def settled(files, release=True):
    real = subject.micropython, subject.statefile
    subject.micropython, subject.statefile = line, _ = Line(), files
    try:
        subject.settle(Hal(), release, lambda level, text: None)
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
