"""Days of different kinds: named sets of faults for `--faults`."""

import dataclasses

from hwsim.faults.model import FAULTS, Faults

_CITY = Faults(
    loss=0.1, duplicate=0.02, reorder=0.05, delay_ms=400, nat_rebind=1, cell_change=10, partition=0.5
)
_TUNNEL = Faults(loss=0.3, delay_ms=3000, coverage=4, partition=1, gnss_loss=4, nat_rebind=2)
_POWER = Faults(supply_dip=3, power_cut=2, power_cut_in_flash=4, ticks_wrap=0.3)
_MODEM = Faults(
    modem_hang=1,
    modem_reset=1,
    urc_storm=1,
    sim_lost=0.5,
    cell_change=6,
    coverage=1,
    uart_garble=2e-4,
    uart_lose=2e-4,
)
_GNSS = Faults(
    gnss_loss=1,
    gnss_cold_start=1,
    gnss_jump=1,
    gnss_jamming=1,
    gnss_spoofing=0.5,
    week_rollover=0.3,
    leap_second=0.3,
    clock_jump=0.5,
)
_KEYS = Faults(key_bounce=0.3, key_stuck=0.5)
_CHIP = Faults(heap_exhaustion=1, task_death=1, task_hang=0.5, ticks_wrap=0.3)
_FLASH = Faults(flash_rot=0.5, flash_worn=0.2, flash_full=0.2, power_cut_in_flash=4)
_GATEWAY = Faults(
    gateway_kill=3,
    gateway_restart=0.5,
    disk_full=0.5,
    fsync_error=1,
    gateway_clock=0.3,
    broker_kill=1,
    broker_slow=1,
)


def _all(*parts):
    """Everything that is in one of them."""
    return Faults(**{name: max(getattr(part, name) for part in parts) for name in FAULTS})


PROFILES = {
    "none": Faults(),
    "calm": Faults(loss=0.01, delay_ms=80, cell_change=4),
    "city": _CITY,
    "tunnel": _TUNNEL,
    "power": _POWER,
    # Little else than power cuts: some seventy an hour, most of them inside a write.
    "cuts": Faults(power_cut=30, power_cut_in_flash=60, ticks_wrap=0.3),
    "modem": _MODEM,
    "gnss": _GNSS,
    "keys": _KEYS,
    "chip": _CHIP,
    "flash": _FLASH,
    "gateway": _GATEWAY,
    # What an alarm meets on its way: for its times.
    "panic": dataclasses.replace(_CITY, loss=0.3, coverage=1),
    # Everything, each a few times in a shift of eight hours.
    "full": _all(_CITY, _TUNNEL, _POWER, _MODEM, _GNSS, _KEYS, _CHIP, _FLASH, _GATEWAY).often(0.3),
}


def profile(name):
    """The Faults of that name; ValueError names those there are."""
    if name not in PROFILES:
        raise ValueError(f"no profile {name!r}; there are {', '.join(PROFILES)}")
    return PROFILES[name]
