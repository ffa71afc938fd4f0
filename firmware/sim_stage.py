"""From a modem that answers AT to a SIM that is READY."""

from firmware.at_port import SET_MS
from protocol import at, at_fields
from protocol.compat import const

_PIN_MS = const(10000)
_POLL_MS = const(1000)
_FAULT_MS = const(30000)  # +CPIN: READY may follow an error by 20 s (MODEMS.md)
_RESTART_MS = const(180000)  # many modems look for a card only when they start
_LOCKED_POLL_MS = const(60000)
_UNLOCKING_MS = const(10000)  # after the right PIN the card still asks for it for a second or two


class SimStage:
    """`guard`: see `simpin.PinGuard`; `pin`: text, empty for a card without one."""

    def __init__(self, port, bearer, uptime_ms, pin, guard, maker):
        self._port = port
        self._bearer = bearer
        self._uptime_ms = uptime_ms
        self._pin = pin
        self._guard = guard
        self._maker = maker
        self._accepted_at = None
        self.state = None  # what +CPIN said last

    def heard(self, line):
        """+CPIN, as answer or URC."""
        self.state = at_fields.pin_state(line)

    async def ready(self):
        """True when the SIM is READY; False when only a restart of the modem can help."""
        port = self._port
        bearer = self._bearer
        begun = self._uptime_ms()
        self._accepted_at = None
        while True:
            self.state = None
            result = await port.ask(b"AT+CPIN?", SET_MS, b"+CPIN:")
            waited = self._uptime_ms() - begun
            wait_ms = _POLL_MS
            if self.state == b"READY":
                bearer.set_fault(None)
                return True
            if self.state == b"SIM PIN":
                if self._accepted_at is None or self._uptime_ms() - self._accepted_at > _UNLOCKING_MS:
                    wait_ms = await self._enter()
            elif self.state is not None:
                bearer.set_fault("SIM: asks for %s; unlock it in a telephone" % self.state.decode())
                wait_ms = _LOCKED_POLL_MS
            elif waited > _RESTART_MS and bearer.may_disturb():
                return False
            elif waited > _FAULT_MS:
                code = at_fields.cme_code(port.detail) if result == at.CME_ERROR else None
                missing = code == at_fields.SIM_NOT_INSERTED
                bearer.set_fault("no SIM card" if missing else "the SIM card cannot be read")
            if self.state != b"READY":
                await self._wait(wait_ms)

    async def _wait(self, ms):
        # The URC +CPIN: READY ends this wait.
        end = self._uptime_ms() + ms
        while self.state != b"READY" and await self._port.idle(end):
            continue

    async def _enter(self):
        """Send the PIN when that is safe; ms to wait before asking for the state again."""
        if not self._pin:
            return self._refuse("SIM: asks for a PIN and the configuration has none")
        port = self._port
        card = await self._maker.card()
        tries = await self._maker.tries()
        reason = self._guard.may_send(card, self._pin, tries)
        if reason is not None:
            return self._refuse(reason)
        self._guard.sending(card, self._pin, tries)
        result = await port.ask(b'AT+CPIN="%s"' % self._pin.encode(), _PIN_MS)
        if result == at.OK:
            self._guard.accepted(card, self._pin)
            self._accepted_at = self._uptime_ms()
            return _POLL_MS
        wrong = result == at.CME_ERROR and at_fields.cme_code(port.detail) == at_fields.INCORRECT_PASSWORD
        left = await self._maker.tries()
        if wrong or (tries is not None and left is not None and left < tries):
            self._guard.refused(card, self._pin, left)
            more = "" if left is None else ", tries left: %d" % left
            return self._refuse("SIM PIN: the one in the configuration is wrong%s; correct it" % more)
        return _POLL_MS

    def _refuse(self, text):
        self._bearer.set_fault(text)
        return _LOCKED_POLL_MS
