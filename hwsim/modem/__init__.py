"""A SIMCom or Quectel modem as its users know it, at the level of bytes on a UART and levels on pins."""

from hwsim.modem.device import Modem
from hwsim.modem.profile import PROFILES, STAND_INS, Profile
from hwsim.modem.sim import Sim

__all__ = ["PROFILES", "STAND_INS", "Modem", "Profile", "Sim"]
