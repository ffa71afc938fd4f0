"""What a board starts with: `/selector.py` on its file system, made of this file and of slots, slotflash and
statefile, so that it needs nothing of the images between which it chooses. `/main.py` calls `start`, and
lets go of it before the program runs (flashing/selector.py writes both).

A damaged image must not keep a board from starting the other one, and a board with none says so: on the
console, which is open then, and by both lamps in turn.
"""

import os
import sys
import time

import machine
import micropython
import vfs

from firmware.slotflash import SlotError, open_slot
from firmware.slots import HEAD, NONE, Slots
from protocol.compat import const

ROM = "/rom"
# From here to the program's own watchdog; an RP2 counts no further than 8.3 s.
_WATCHDOG_MS = const(8000)
_BLINK_MS = const(250)
_CTRL_C = const(3)
HOLD = "/hold"
NO_IMAGE = (
    "No program: neither slot holds a whole image.\n"
    "Put one on with a computer: ./flash.py flash --board %s --port PORT"
)


def start(board):
    """(Slot,) for the program to start with; None for the prompt. Without a program it does not return."""
    if held():
        return None
    slot = choose(board)
    if slot is None:
        mourn(board)
    return (slot,)


def choose(board):
    """Mount the image that is to run at /rom: the number of its slot, or None when there is none. `board`:
    name, flash, pins of its description."""
    try:
        slots = Slots([open_slot(board["flash"], number) for number in range(2)])
        before = (slots.good, slots.tried)
        number = slots.pick()
    except SlotError as error:
        print(error)
        return None
    if number is None:
        return None
    if slots.given_up != NONE and (slots.good, slots.tried) != before:
        print("slot %d: given up, slot %d starts" % (slots.given_up, number))
    if slots.trial:
        # Whatever this image does, the board starts again, and the good one has its turn at last.
        machine.WDT(timeout=_WATCHDOG_MS)
    _mount(slots.slots[number], slots.image(number).size)
    return number


def mount(board):
    """For whoever sits at the prompt: the program's modules at /rom, and nothing started or counted. The
    number of the slot, or None."""
    slots = Slots([open_slot(board["flash"], number) for number in range(2)])
    for number in (slots.good, slots.tried, 0, 1):
        image = None if number == NONE else slots.whole(number)
        if image is not None:
            _mount(slots.slots[number], image.size)
            return number
    return None


def _mount(flash, size):
    if flash.memory is None:
        data = bytearray(size)  # nothing maps it
        flash.read(HEAD, data)
    else:
        data = flash.memory[HEAD : HEAD + size]
    try:
        vfs.umount(ROM)  # MicroPython's own, if a ROMFS stands where it looks for one
    except OSError:
        pass
    vfs.mount(vfs.VfsRom(data), ROM)
    if ROM in sys.path:
        sys.path.remove(ROM)
    sys.path.insert(0, ROM)


def held():
    """Has whoever sits at the prompt asked for it once more? A program's watchdog, once started, is stopped
    by nothing but a reset, and a reset would start the program."""
    try:
        os.remove(HOLD)
    except OSError:
        return False
    # Asked for just before the cable was pulled: nobody sits there any more, and the board is to start.
    if machine.reset_cause() == machine.PWRON_RESET:
        return False
    micropython.kbd_intr(_CTRL_C)
    return True


def mourn(board):
    """There is nothing to start. Ctrl-C ends this at the prompt."""
    print(NO_IMAGE % board["name"])
    micropython.kbd_intr(_CTRL_C)
    lamps = [_lamp(board["pins"].get(name)) for name in ("red", "green")]
    turn = 0
    while True:
        for number, lamp in enumerate(lamps):
            if lamp is not None:
                lamp.value(number == turn)
        turn = 1 - turn
        time.sleep_ms(_BLINK_MS)


def _lamp(number):
    return None if number is None else machine.Pin(number, machine.Pin.OUT, value=0)
