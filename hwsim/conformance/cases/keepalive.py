"""LINK: how often the link is kept open, on duty and off."""

from hwsim.conformance.case import case
from hwsim.conformance.signs import up

_QUIET_S = 90  # after the last key, the ignition off: a minute, and what it takes to look
_SOON_S = 5


@case("LINK-18", "settings.link", against="LINK-19", settings={"keepalive_s": 15, "idle_keepalive_s": 120})
def off_duty(s):
    """Parked, and its crew off duty, the terminal registers only every idle_keepalive_s seconds; a key or the
    ignition brings it back at once."""
    _parked(s, "off_duty")
    s.check(1 <= _registrations(s, 250) <= 3, "1 to 3 registrations in 250 s")
    s.wait(30)
    s.press("available")
    s.expect(up("observe", first=True), _SOON_S)
    s.check(3 <= _registrations(s, 65) <= 6, "3 to 6 registrations in 65 s")
    s.press("off_duty")
    s.wait(_QUIET_S)
    s.check(_registrations(s, 100) <= 1, "at most one registration in 100 s")
    s.ignition(True)
    s.expect(up("observe", first=True), _SOON_S)
    s.check(3 <= _registrations(s, 65) <= 6, "3 to 6 registrations in 65 s")


@case("LINK-19", "settings.link", against="LINK-18", settings={"keepalive_s": 15, "idle_keepalive_s": 120})
def on_duty(s):
    """Parked on duty it goes on every keepalive_s seconds, however long nothing happens."""
    _parked(s, "on_scene")
    s.check(10 <= _registrations(s, 250) <= 18, "10 to 18 registrations in 250 s")


def _parked(s, status):
    s.working()
    s.park()
    s.ignition(False)
    s.press(status)
    s.wait(_QUIET_S)


def _registrations(s, seconds):
    since = s.kernel.now_us
    s.wait(seconds)
    return len(s.find(up("observe", first=True), since=since))
