"""How the terminal is: the values of a health report, and when one is due before its time."""

from firmware.version import VERSION
from protocol import report
from protocol.compat import const

_SOONEST_MS = const(10000)  # a flapping supply must not fill the journal

ANTENNAS = {"ok": report.ANTENNA_OK, "open": report.ANTENNA_OPEN, "short": report.ANTENNA_SHORT}


class Health:
    """`look(...)` takes what is seen now; `due` says whether it is worth a report; `fields` is field 7."""

    def __init__(self, every_ms, supply_low_mv, reset_cause, safe=None):
        self._every_ms = every_ms
        self._low_mv = supply_low_mv
        self._reset_cause = reset_cause
        self._safe = safe  # in safe mode: why
        self._said_ms = None
        self._said_state = None
        self._state = None
        self.supply_mv = None
        self.supply_lost = False

    def look(self, supply_mv, antenna, stuck, restarts, worn):
        """What breaks: supply, antenna, keys, tasks, blocks of flash."""
        self.supply_mv = supply_mv
        if supply_mv is not None:
            # 0.5 V of hysteresis: an engine that cranks isn't a lost supply that comes back each time.
            self.supply_lost = supply_mv < (self._low_mv + 500 if self.supply_lost else self._low_mv)
        self._state = (self.supply_lost, ANTENNAS.get(antenna), stuck, restarts, worn)

    def due(self, now_ms, more=False):
        """At start, when something broke or mended itself or there is `more` to say, and every so often."""
        if self._said_ms is None:
            return True
        since = now_ms - self._said_ms
        return since >= self._every_ms or ((more or self._state != self._said_state) and since >= _SOONEST_MS)

    def fields(self, now_ms, temperature_dc, rsrp_dbm, queue, heap_free, trace=b""):
        """The health report's map; unknown values are absent. `trace`: what was said before the reset."""
        supply_lost, antenna, stuck, restarts, worn = self._state
        values = {
            report.HEALTH_QUEUE: queue,
            report.HEALTH_HEAP: heap_free,
            report.HEALTH_VERSION: VERSION[0] << 16 | VERSION[1] << 8 | VERSION[2],
            report.HEALTH_RESET: self._reset_cause,
            report.HEALTH_UPTIME_S: now_ms // 1000,
            report.HEALTH_STUCK: stuck,
            report.HEALTH_RESTARTS: restarts,
            report.HEALTH_WORN: worn,
        }
        if self.supply_mv is not None:
            values[report.HEALTH_SUPPLY_MV] = min(self.supply_mv, 65535)
            values[report.HEALTH_SUPPLY_LOST] = 1 if supply_lost else 0
        if temperature_dc is not None:
            values[report.HEALTH_TEMPERATURE] = temperature_dc
        if rsrp_dbm is not None and -200 <= rsrp_dbm <= 0:
            values[report.HEALTH_RSRP_DBM] = rsrp_dbm
        if self._safe is not None:
            values[report.HEALTH_SAFE] = self._safe
        if trace:
            values[report.HEALTH_TRACE] = trace
        if antenna is not None:
            values[report.HEALTH_ANTENNA] = antenna
        self._said_ms = now_ms
        self._said_state = self._state
        return values
