"""What can go wrong, how often, and who makes it happen.

`Faults` is one dataclass with a field for each fault; `profile(name)` gives a filled one; an `Injector` lets
them happen to a Rig or a House, from the kernel's seed.
"""

from hwsim.faults.injector import Injector
from hwsim.faults.model import FAULTS, Faults
from hwsim.faults.profiles import PROFILES, profile

__all__ = ["FAULTS", "PROFILES", "Faults", "Injector", "profile"]
