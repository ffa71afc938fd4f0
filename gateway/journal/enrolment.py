"""The registry in SQL; see `statements`."""

from gateway.journal.frames import Frames
from gateway.journal.records import REVOKED, Terminal

_TERMINAL = "kid, public_key, directorate, station, unit, vehicle, call_sign, state, enrolled_ms, changed_ms"


class Enrolment(Frames):
    """Terminals, and a number that grows with every change of them."""

    def _next_revision(self) -> int:
        row = self._run(
            "UPDATE meta SET value = value + 1 WHERE name = 'registry' RETURNING value"
        ).fetchone()
        value: int = row[0]
        return value

    def enroll(self, terminal: Terminal) -> None:
        t = terminal
        known = self._run("SELECT state FROM terminals WHERE kid = ?", (t.kid,)).fetchone()
        if known is not None:
            raise ValueError(
                f"terminal {t.kid.hex()} is known already and is {known[0]}. To enroll it anew: revoke it, "
                "and make a new key pair on it"
            )
        place = (t.directorate, t.station, t.unit)
        taken = self._run(
            "SELECT kid FROM terminals WHERE directorate = ? AND station = ? AND unit = ? AND state <> ?",
            (*place, REVOKED),
        ).fetchone()
        if taken is not None and t.state != REVOKED:
            raise ValueError(
                f"unit {'/'.join(place)} belongs to terminal {taken[0].hex()}: revoke that one first"
            )
        self._run(
            f"INSERT INTO terminals ({_TERMINAL}, revision) VALUES ({', '.join('?' * 11)})",  # noqa: S608
            (
                *(t.kid, t.public_key, *place, t.vehicle, t.call_sign, t.state),
                *(t.enrolled_ms, t.changed_ms, self._next_revision()),
            ),
        )

    def set_state(self, kid: bytes, state: str, now_ms: int) -> Terminal | None:
        self._run(
            "UPDATE terminals SET state = ?, changed_ms = ?, revision = ? WHERE kid = ?",
            (state, now_ms, self._next_revision(), kid),
        )
        if state == REVOKED:
            self.forget_secrets(kid)
        row = self._run(f"SELECT {_TERMINAL} FROM terminals WHERE kid = ?", (kid,)).fetchone()  # noqa: S608
        return None if row is None else Terminal(*row)

    def terminals(self, since: int = 0) -> list[Terminal]:
        rows = self._run(
            f"SELECT {_TERMINAL} FROM terminals WHERE revision > ? ORDER BY revision",  # noqa: S608
            (since,),
        )
        return [Terminal(*row) for row in rows]
