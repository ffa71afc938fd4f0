"""The officer's tasks: which are shown, accepted, being worked on; what one key press answers. Sans-IO.

`store(rows)` keeps the open tasks on flash, so that a task accepted before power was lost can still be ended.
"""

from firmware.patrol import distance_m
from protocol import report
from protocol.compat import const

_MOST = const(8)
_STANDING_CM_S = const(100)

# What each key, or arriving, does to the newest task in the state on the left: the answer it gives.
_NEXT = {
    (report.TASK_SHOWN, "accept"): report.TASK_ACCEPTED,
    (report.TASK_ACCEPTED, "on_scene"): report.TASK_ON_SCENE,
    (report.TASK_ACCEPTED, "arrived"): report.TASK_ON_SCENE,
    (report.TASK_ON_SCENE, "available"): report.TASK_DONE,
}


def is_task(id, lat_e7, lon_e7):
    """What is kept on flash has to be right: it is looked at every second, in every boot."""
    if type(id) is not int or not 0 <= id < 1 << 53:
        return False
    if lat_e7 is None and lon_e7 is None:
        return True
    if type(lat_e7) is not int or type(lon_e7) is not int:
        return False
    return abs(lat_e7) <= 900000000 and abs(lon_e7) <= 1800000000


def _is_row(row):
    if not isinstance(row, list) or len(row) != 4 or type(row[1]) is not int:
        return False
    return is_task(row[0], row[2], row[3])


class Duty:
    """Open tasks, oldest first, as [id, latest answer, lat, lon]; the place is None where none was given."""

    def __init__(self, arrival_m, store):
        self._arrival_m = arrival_m
        self._store = store
        self.open = []

    def load(self, rows):
        # The file is whole, and may be another version's.
        if isinstance(rows, list):
            self.open = [row for row in rows if _is_row(row)][-_MOST:]

    def shown(self, id, lat_e7, lon_e7):
        """A task was shown to the officer. False when it was known before."""
        for row in self.open:
            if row[0] == id:
                return False
        if len(self.open) >= _MOST:
            self.open.pop(0)
        self.open.append([id, report.TASK_SHOWN, lat_e7, lon_e7])
        self._store(self.open)
        return True

    def key(self, event):
        """(task id, answer) that pressing this key gives for the newest task it concerns, else None."""
        for row in reversed(self.open):
            answer = _NEXT.get((row[1], event))
            if answer is not None:
                return self._step(row, answer)
        return None

    def arrival(self, fix):
        """(task id, answer) when the car stands at the place of an accepted task, else None."""
        if not self.open or not fix.valid or (fix.speed_cm_s or 0) >= _STANDING_CM_S:
            return None
        return self._arrived(fix)

    def _arrived(self, fix):
        for row in self.open:
            answer = _NEXT.get((row[1], "arrived"))
            if answer is None or row[2] is None or row[3] is None:
                continue
            if distance_m(row[2], row[3], fix.lat_e7, fix.lon_e7) <= self._arrival_m:
                return self._step(row, answer)
        return None

    def _step(self, row, answer):
        row[1] = answer
        if answer == report.TASK_DONE:
            self.open.remove(row)
        self._store(self.open)
        return row[0], answer
