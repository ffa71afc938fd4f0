"""The service at headquarters: takes signed frames from terminals, keeps them, and relays them to the
broker."""

__version__ = "0.1.0"
