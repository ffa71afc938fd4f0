"""Registration, signal and network time: what the modem says of the cell it stands on."""

import datetime

_CSQ_FLOOR_DBM = -113  # 3GPP TS 27.007: 0 is -113 dBm or less, one step is 2 dB


class Radio:
    """Registration states per domain, with their URCs. `coverage` may be changed at any time."""

    IDLE, HOME, SEARCHING, DENIED, ROAMING = 0, 1, 2, 3, 5

    def __init__(self, modem, on_lost):
        self._modem = modem
        self._kernel = modem.kernel
        self._on_lost = on_lost
        self.coverage = True
        self.tac, self.cell = "1F2C", "01A2B3C4"
        self.clock_set_us = None
        self._timer = None
        self.reset()

    def reset(self):
        """As after a start of the modem."""
        self._cancel()
        self.state = self.IDLE
        self.reports = {"CREG": 0, "CGREG": 0, "CEREG": 0}
        self.time_report = 0
        self.clock_set_us = None

    @property
    def registered(self):
        return self.state in (self.HOME, self.ROAMING)

    def search(self):
        """The SIM is ready and the radio is on: look for a cell."""
        self._cancel()
        self._move(self.SEARCHING)
        if self.coverage:
            self._timer = self._kernel.after(self._modem.draw_us("register_s"), self._found)

    def off(self):
        """Flight mode, or the SIM is gone."""
        self._cancel()
        self._leave(self.IDLE)

    def set_coverage(self, on):
        """Drive into a tunnel, or out of it."""
        if on == self.coverage:
            return
        self.coverage = on
        if on and self.state == self.SEARCHING:
            self.search()
        elif not on:
            self._cancel()
            if self.state != self.IDLE:
                self._leave(self.SEARCHING)

    def change_cell(self, tac, cell):
        """The car has driven into another cell: nothing is lost but the peace of whoever listens."""
        self.tac, self.cell = tac, cell
        if self.registered:
            self._tell((2,))

    def registration(self, domain, answer):
        """`+CEREG: ...` as an answer (with n) or as a URC (without)."""
        profile = self._modem.profile
        report = self.reports[domain]
        state = self.state if domain in profile.registers else self.IDLE
        fields = [str(state)]
        if answer:
            fields.insert(0, str(report))
        if report == 2 and self.registered and profile.location_fields:
            fields += [f'"{self.tac}"', f'"{self.cell}"', "7"]
        return f"+{domain}: " + ",".join(fields)

    def csq(self):
        profile = self._modem.profile
        if profile.csq_unknown or not self.registered:
            return "99,99"
        # RSSI of a 10 MHz LTE carrier stands about 25 dB above its RSRP.
        step = (profile.rsrp_dbm + 25 - _CSQ_FLOOR_DBM) // 2
        return f"{min(31, max(0, step))},99"

    def cesq(self):
        if not self.registered:
            return "99,99,255,255,255,255"
        rsrp = min(97, max(0, self._modem.profile.rsrp_dbm + 141))  # TS 27.007 8.69: 0 is below -140 dBm
        return f"99,99,255,255,20,{rsrp}"

    def qcsq(self):
        """The fields of +QCSQ: system, RSSI, RSRP, SINR, RSRQ."""
        if not self.registered:
            return '"NOSERVICE"'
        profile = self._modem.profile
        system = "eMTC" if profile.model.startswith("BG") else "LTE"
        return f'"{system}",{profile.rsrp_dbm + 25},{profile.rsrp_dbm},138,-9'

    def network_time(self):
        """UTC and the zone as AT+QLTS=1 shows it; nothing until NITZ came."""
        if self.clock_set_us is None:
            return ""
        return f"{self._now():%Y/%m/%d,%H:%M:%S}{self._modem.profile.zone_quarters:+03d},0"

    def local_time(self):
        """The network's time as AT+CCLK? shows it: local, with the zone; the year 1970 until NITZ came."""
        if self.clock_set_us is None:
            return f"70/01/01,00:00:{self._kernel.now_us // 1_000_000 % 60:02d}+00"
        quarters = self._modem.profile.zone_quarters
        return self._now(quarters).strftime("%y/%m/%d,%H:%M:%S") + f"{quarters:+03d}"

    def _now(self, quarters=0):
        return self._modem.utc() + datetime.timedelta(minutes=15 * quarters)

    def _found(self):
        self._timer = None
        profile = self._modem.profile
        if profile.denied:
            self._move(self.DENIED)
            return
        self._move(self.ROAMING if profile.roaming else self.HOME)
        self.clock_set_us = self._kernel.now_us
        for layout in profile.nitz:
            self._modem.urc(self._nitz(layout))

    def _nitz(self, layout):
        """Each firmware writes network time in its own way; one leaves a quote open."""
        zone = self._modem.profile.zone_quarters
        utc, local = self._now(), self._now(zone)
        if layout == "psuttz":
            numbers = ",".join(str(number) for number in utc.timetuple()[:6])
            return f'*PSUTTZ: {numbers},"{zone:+d}",0'
        if layout == "psuttz_quoted":
            return f'*PSUTTZ: "{utc:%y/%m/%d,%H:%M:%S}","{zone:+03d}",0'
        if layout == "psuttz_unbalanced":
            return f'*PSUTTZ: {utc:%y/%m/%d,%H:%M:%S}","{zone:+03d}",0'
        if layout == "ctze":
            return f'+CTZE: "{zone:+03d}",0,"{local:%Y/%m/%d,%H:%M:%S}"'
        if layout == "ctzv_zone":
            return f'+CTZV: "{zone:+03d}"'
        if layout == "ctzv":
            return f"+CTZV: {local:%y/%m/%d,%H:%M:%S},{zone:+03d}"
        raise ValueError(f"no NITZ layout {layout!r}")

    def _leave(self, state):
        had = self.registered
        self._move(state)
        if had:
            self._on_lost()

    def _move(self, state):
        if state == self.state:
            return
        self.state = state
        self._kernel.emit(self._modem.name, "registration", state=state)
        self._tell((1, 2))

    def _tell(self, reports):
        for domain, report in self.reports.items():
            if report in reports and domain in self._modem.profile.registers:
                self._modem.urc(self.registration(domain, answer=False))

    def _cancel(self):
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
