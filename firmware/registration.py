"""From a SIM that is READY to a modem that is registered, and what is known of the network on the way."""

from firmware.at_port import QUESTION_MS, SET_MS
from protocol import at_fields
from protocol.compat import const

_CFUN_MS = const(10000)
_POLL_MS = const(2000)
_DENIED_MS = const(30000)  # registration takes 2 to 30 s (MODEMS.md)
_RESTART_MS = const(180000)  # longer than that: radio off and on
_LONGEST_MS = const(1800000)
_RADIO_OFF_MS = const(1000)

_DOMAINS = (b"CEREG", b"CGREG", b"CREG")


class Registration:
    """Access point, registration, signal. `config`: apn, user, password."""

    def __init__(self, port, bearer, uptime_ms, config, maker):
        self._port = port
        self._maker = maker
        self._bearer = bearer
        self._uptime_ms = uptime_ms
        self._apn = config["apn"].encode()
        self._user = config["user"].encode()
        self._password = config["password"].encode()
        self._states = [None, None, None]
        self._told_apn = None
        self._patience_ms = _RESTART_MS
        self._asked = 0

    # --- hearing

    def heard(self, line):
        """+CEREG, +CGREG, +CREG, as answer or URC."""
        state = at_fields.registration(line)[0]
        self._states[_DOMAINS.index(line[1 : line.find(b":")])] = state
        roaming = registered = False
        for state in self._states:
            if state is not None and at_fields.registered(state):
                registered = True
                roaming = roaming or state == at_fields.ROAMING
        bearer = self._bearer
        bearer.roaming = roaming
        if registered != bearer.registered:
            bearer.registered = registered
            bearer.say(2, "registered" if registered else "not registered")
            bearer.wake()
            bearer.changed()

    def heard_context(self, line):
        """+CGDCONT of the first context."""
        fields = at_fields.fields_of(line)
        if len(fields) > 2 and fields[0] == b"1":
            self._told_apn = fields[2].strip(b'"')

    def heard_signal(self, line):
        """+CSQ or +CESQ."""
        if line.startswith(b"+CSQ"):
            self._bearer.rssi_dbm = at_fields.signal_dbm(line)
        else:
            self._bearer.rsrp_dbm = at_fields.extended_signal(line)[2]

    # --- asking

    async def attach(self):
        """True when registered; False when the modem should be started again."""
        port = self._port
        bearer = self._bearer
        if not await self._set_apn():
            await self.radio_restart()
        for domain in _DOMAINS:
            await port.ask(b"AT+%s=1" % domain, SET_MS)
        begun = self._uptime_ms()
        rounds = 0
        while True:
            for _ in _DOMAINS:
                # A URC may have said it meanwhile.
                if not bearer.registered:
                    await self.ask_next()
            if bearer.registered:
                bearer.set_fault(None)
                self._patience_ms = _RESTART_MS
                return True
            waited = self._uptime_ms() - begun
            if at_fields.DENIED in self._states and waited > _DENIED_MS:
                bearer.set_fault("the network refuses this SIM card")
            if waited > self._patience_ms and bearer.may_disturb():
                # No coverage looks the same as a modem that lost its way: so ever more patience.
                self._patience_ms = min(2 * self._patience_ms, _LONGEST_MS)
                rounds += 1
                if rounds == 3:
                    return False
                await self.radio_restart()
                begun = self._uptime_ms()
            await self._wait()

    async def _wait(self):
        end = self._uptime_ms() + _POLL_MS
        while not self._bearer.registered and await self._port.idle(end):
            continue

    async def ask_next(self):
        """One question for the state in one domain, in turn."""
        domain = _DOMAINS[self._asked]
        self._asked = (self._asked + 1) % len(_DOMAINS)
        await self._port.ask(b"AT+%s?" % domain, QUESTION_MS, b"+%s:" % domain)

    async def ask_signal(self):
        """RSRP where there is LTE, RSSI where there is not."""
        await self._port.ask(b"AT" + self._maker.SIGNAL, QUESTION_MS, self._maker.SIGNAL + b":")
        if self._bearer.rsrp_dbm is None and not self._port.hurry():
            await self._port.ask(b"AT+CSQ", QUESTION_MS, b"+CSQ:")

    async def _set_apn(self):
        """False when the modem held another access point: it has attached with that one."""
        if not self._apn:
            return True
        self._told_apn = None
        await self._port.ask(b"AT+CGDCONT?", SET_MS)
        same = self._told_apn == self._apn
        if not same:
            await self._port.ask(b'AT+CGDCONT=1,"IP","%s"' % self._apn, SET_MS)
        if self._user:
            text = self._maker.access(self._apn, self._user, self._password)
            await self._port.ask(text, SET_MS)
        return same

    async def radio_restart(self):
        """Flight mode and back. 4 leaves the SIM on: no PIN is asked for again."""
        self._bearer.say(2, "radio off and on")
        await self._port.ask(b"AT+CFUN=4", _CFUN_MS)
        await self._port.pause(_RADIO_OFF_MS)
        await self._port.ask(b"AT+CFUN=1", _CFUN_MS)
        self.forget()

    def forget(self):
        """Nothing is known of the network any more."""
        self._states = [None, None, None]
        self._bearer.registered = False
        self._bearer.rsrp_dbm = None
        self._bearer.rssi_dbm = None
