"""Who made the modem of this board. flashing/image.py writes this line anew from `[modem] driver` of the
board's description, so that an image holds one maker's commands only."""

from firmware.simcom import Simcom as Maker  # noqa: F401
