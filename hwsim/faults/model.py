"""The faults, each a field of one dataclass: a rate, a share, or a bound; and times for those that shall
happen at a certain moment."""

import dataclasses
from dataclasses import dataclass, field

RATE, RATE_OF_HOUSE, SHARE, MOST = "per hour and car", "per hour", "share", "at most"


def _fault(kind, meaning):
    return field(default=0.0, metadata={"kind": kind, "meaning": meaning})


@dataclass(frozen=True)
class Faults:
    """Nothing goes wrong by default. Rates are for each hour of virtual time; a share is a probability, for
    each datagram, byte, movement of a key or start; what is *at most* is drawn anew every few minutes."""

    # The air.
    loss: float = _fault(MOST, "share of datagrams lost, each way")
    duplicate: float = _fault(MOST, "share of datagrams that come twice")
    reorder: float = _fault(MOST, "share of datagrams overtaken by later ones")
    delay_ms: float = _fault(MOST, "round trip, from 30 ms up to this")
    partition: float = _fault(RATE, "nothing gets through, seconds to hours; the modem does not notice")
    nat_rebind: float = _fault(RATE, "the operator's NAT forgets the way back")

    # The modem.
    coverage: float = _fault(RATE, "no cell: tunnels, forests, valleys; the modem notices")
    cell_change: float = _fault(RATE, "another cell, once or in a row")
    sim_lost: float = _fault(RATE, "the SIM card loses its contacts")
    modem_hang: float = _fault(RATE, "it falls silent until it is reset")
    modem_reset: float = _fault(RATE, "it starts again by itself: sockets and settings gone")
    urc_storm: float = _fault(RATE, "unsolicited lines, many a second")
    uart_garble: float = _fault(
        SHARE, "bytes of modem and receiver with a bit turned over, while a contact is loose"
    )
    uart_lose: float = _fault(
        SHARE, "bytes of modem and receiver that never arrive, while a contact is loose"
    )

    # The receiver, and what time it is.
    gnss_loss: float = _fault(RATE, "no satellite, or a torn antenna")
    gnss_cold_start: float = _fault(RATE, "almanac and time forgotten")
    gnss_jump: float = _fault(RATE, "every place wrong by up to some kilometres")
    gnss_jamming: float = _fault(RATE, "satellites weak, then drowned")
    gnss_spoofing: float = _fault(RATE, "a drive somewhere else: the car teleports")
    week_rollover: float = _fault(RATE, "the receiver lives 1,024 weeks ago")
    leap_second: float = _fault(RATE, "a second called 60")
    clock_jump: float = _fault(RATE, "years off, either way: the receiver, the cell, or both")
    ticks_wrap: float = _fault(SHARE, "starts after which ticks_ms wraps at a moment of its own")

    # Keys and supply.
    key_bounce: float = _fault(SHARE, "movements of a key that bounce badly")
    key_stuck: float = _fault(RATE, "a key stays down for minutes or hours")
    supply_dip: float = _fault(RATE, "the supply sags, now and then below what the terminal needs")
    power_cut: float = _fault(RATE, "power goes at any moment, and comes back")
    power_cut_in_flash: float = _fault(RATE, "power goes in the middle of a program or erase: a torn write")

    # Flash and chip.
    flash_rot: float = _fault(RATE, "a cell of the journal loses its charge")
    flash_worn: float = _fault(RATE, "a block can't be erased to the last bit any more")
    flash_full: float = _fault(RATE, "somebody's files fill the file system")
    heap_exhaustion: float = _fault(RATE, "some KB of heap left, or less")
    task_death: float = _fault(RATE, "a task ends with an exception")
    task_hang: float = _fault(RATE, "a task, or the whole program, stands still: the watchdog must bite")

    # Headquarters.
    gateway_kill: float = _fault(RATE_OF_HOUSE, "killed at any await, started again")
    gateway_restart: float = _fault(RATE_OF_HOUSE, "stopped in order, started again")
    disk_full: float = _fault(RATE_OF_HOUSE, "its disk takes nothing more")
    fsync_error: float = _fault(RATE_OF_HOUSE, "its disk fails to make durable what it was given")
    gateway_clock: float = _fault(RATE_OF_HOUSE, "its clock is wrong, by minutes or years")
    broker_kill: float = _fault(RATE_OF_HOUSE, "the broker is killed, with or without its memory")
    broker_slow: float = _fault(RATE_OF_HOUSE, "the broker takes seconds to confirm")

    # (name, seconds since the start, index of the car): happens then, whatever the rates are.
    at: tuple = ()

    def __post_init__(self):
        for name, meta in FAULTS.items():
            value = getattr(self, name)
            share = meta["kind"] == SHARE or (meta["kind"] == MOST and name != "delay_ms")
            if value < 0 or (share and value > 1):
                raise ValueError(f"{name} ({meta['kind']}) cannot be {value}")
        for name, seconds, _ in self.at:
            if FAULTS.get(name, {}).get("kind") not in (RATE, RATE_OF_HOUSE):
                raise ValueError(f"no fault {name!r} that could happen at a certain moment")
            if seconds < 0:
                raise ValueError(f"{name} cannot happen {-seconds} s before the start")

    def active(self):
        """Names of the faults that can happen."""
        timed = {name for name, _, _ in self.at}
        return [name for name in FAULTS if getattr(self, name) or name in timed]

    def without(self, *names):
        return self.only(*(name for name in self.active() if name not in names))

    def only(self, *names):
        for name in names:
            if name not in FAULTS:
                raise ValueError(f"there is no fault {name!r}")
        kept = {name: getattr(self, name) for name in names}
        return Faults(**kept, at=tuple(row for row in self.at if row[0] in names))

    def often(self, times):
        """Every rate that many times as high."""
        rates = [name for name, meta in FAULTS.items() if meta["kind"] in (RATE, RATE_OF_HOUSE)]
        return self.with_(**{name: getattr(self, name) * times for name in rates})

    def with_(self, **changes):
        return dataclasses.replace(self, **changes)


# name -> {"kind", "meaning"}, in the order above.
FAULTS = {item.name: item.metadata for item in dataclasses.fields(Faults) if "kind" in item.metadata}
