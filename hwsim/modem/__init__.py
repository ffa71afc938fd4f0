"""A SIMCom A76xx/SIM7600 modem as its users know it, at the level of bytes on a UART and levels on pins."""

from hwsim.modem.a76xx import ModemA76xx
from hwsim.modem.profile import PROFILES, Profile
from hwsim.modem.sim import Sim

__all__ = ["PROFILES", "ModemA76xx", "Profile", "Sim"]
