"""The bench: everything around the firmware, so that the real firmware runs under the real MicroPython."""
