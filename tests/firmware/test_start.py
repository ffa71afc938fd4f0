# runs on: micropython+guest
"""A start that fails is followed by another one, whatever else fails."""

from firmware import start
from firmware.hal import BoardError


class Hal:
    def __init__(self):
        self.resets = 0

    def reset(self):
        self.resets += 1


def _play(**wrong):
    """`start()` with other functions in its module; the resets."""
    hal = Hal()
    kept = {name: getattr(start, name) for name in ("_hal", "prepare", "_mourn", "_show_fault")}
    shown = []

    async def show(hal, for_ms):
        shown.append(for_ms)

    changes = {"_hal": lambda: hal, "_show_fault": show, "_mourn": lambda log, error: None}
    changes.update(wrong)
    for name in changes:
        setattr(start, name, changes[name])
    try:
        start.start()
    finally:
        for name in kept:
            setattr(start, name, kept[name])
    return hal.resets, shown


def _no_room(*_):
    raise MemoryError("none")


def test_it_is_shown_for_a_while_and_then_tried_again():
    assert _play(prepare=_no_room) == (1, [30000])


def test_without_room_for_lamps_or_for_saying_so_it_is_tried_again_all_the_same():
    async def dark(hal, for_ms):
        raise MemoryError("no room for lamps")

    assert _play(prepare=_no_room, _mourn=_no_room, _show_fault=dark) == (1, [])
    assert _play(prepare=_no_room, _mourn=_no_room) == (1, [30000])


def test_a_wrong_description_of_the_board_is_not_tried_again():
    def wrong():
        raise BoardError("uart.modem")

    assert _play(_hal=wrong) == (0, [])


def test_a_technician_who_interrupts_gets_the_console():
    async def interrupted(hal, for_ms):
        raise KeyboardInterrupt

    try:
        _play(prepare=_no_room, _show_fault=interrupted)
    except KeyboardInterrupt:
        return
    raise AssertionError("it was swallowed")
