"""Pieces of work to be timed. A piece is a function without arguments that returns `Work`.

`portable`, `p256`, `frames`, `nmea`, `heap` run under both Pythons; the others need packages of CPython.
"""
