"""A board on a serial port: finding it, talking to its MicroPython, changing what is on it."""
