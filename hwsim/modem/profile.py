"""What differs between modems, firmware versions and bad days: every behaviour is a switch here.

Times are seconds as (shortest, longest); the modem draws from its own random stream.
"""

import copy
from dataclasses import dataclass, field


@dataclass
class Profile:
    """One modem's habits. A copy may be changed at any time, also while the modem runs."""

    dialect: str = "simcom"  # whose commands it takes: "simcom", "quectel"
    name: str = "A7670E"
    maker: str = "SIMCOM INCORPORATED"
    model: str = "A7670E-LASE"
    revision: str = "A011B07A7670M7_F"
    imei: str = "860000000000006"

    # The UART.
    baud: int = 115200
    echo: bool = True  # after each start, until ATE0
    cmee: int = 2  # 0 ERROR, 1 number, 2 words
    echo_delay_s: tuple = (0.0005, 0.004)  # a URC may stand between a command and its echo
    answer_s: tuple = (0.004, 0.045)  # and between the echo and its answer
    final_gap_s: tuple = (0.0, 0.006)  # and between the lines of an answer and its OK
    garble: float = 0.0  # probability that a byte to the terminal has a bit turned over
    boot_noise: int = 12  # up to so many bytes of baud garbage after a reset

    # Power. Levels as the board drives them: through transistors, so 1 presses, 1 switches on.
    pwrkey_active: int = 1
    reset_active: int = 1
    supply_active: int = 1
    autostart: bool = False  # starts by itself when the supply comes
    pwrkey_on_s: float = 0.05
    pwrkey_off_s: float = 2.5
    reset_hold_s: float = 0.3
    off_s: tuple = (1.0, 2.0)
    boot_s: tuple = (2.0, 3.5)  # until the UART answers
    urc_spread_s: float = 4.0  # *ATREADY, +CPIN, SMS DONE, PB DONE in any order within this
    boot_urcs: tuple = ("*ATREADY: 1", "SMS DONE", "PB DONE")

    # SIM and registration.
    sim_s: tuple = (0.5, 2.0)  # after the UART answers, until the SIM is read
    sim_failure_first: bool = True  # +CPIN? gives an error until then
    pin_ready_s: tuple = (0.3, 1.5)  # after the right PIN, until READY
    register_s: tuple = (1.0, 4.0)
    roaming: bool = False
    denied: bool = False
    location_fields: bool = True  # tac and cell id when n = 2
    registers: tuple = ("CREG", "CGREG", "CEREG")
    operator: str = "mt:s"
    plmn: str = "22003"
    rsrp_dbm: int = -92
    csq_unknown: bool = False  # +CSQ: 99,99
    nitz: tuple = ("psuttz",)  # psuttz, psuttz_quoted, psuttz_unbalanced, ctze, ctzv; () = none
    zone_quarters: int = 4

    # Packet data.
    attach_needs_apn: str = ""  # when set, NETOPEN fails with any other APN
    netopen_s: tuple = (0.2, 1.0)
    netopen_fails: float = 0.0
    cipopen_s: tuple = (0.02, 0.2)
    cipopen_fails: float = 0.0
    prompt_s: tuple = (0.002, 0.03)
    prompt: bytes = b"\r\n>"
    prompt_missing: float = 0.0  # probability that the prompt never comes
    send_confirm_s: tuple = (0.001, 0.03)
    send_fails: float = 0.0  # +CIPSEND: n,len,0: its buffer is full
    send_limit: int = 1500
    udp_needs_local_port: bool = True
    recv_blank_line: bool = True  # \r\n before RECV FROM
    recv_trailer: bytes = b""  # some add \r\n after the data of +IPD
    manual_buffer: int = 6000

    # Quectel's own.
    key_resets_s: float = 0.0  # PWRKEY held so long is a reset; 0: it is not
    urcs_elsewhere: bool = False  # unsolicited lines go to USB until AT+QURCCFG, kept through a restart
    activate_lies: float = 0.0  # AT+QIACT=1 answers ERROR although the context is up

    # GNSS inside the modem.
    gnss: str = "a76xx"  # a76xx (decimal degrees), sim7600 (ddmm.mmmm), "" = none
    gnss_empty_commas: int = 15

    # Ill will, on purpose.
    hang_cured_by: tuple = ("reset", "pwrkey", "supply")
    spontaneous_restart_s: tuple = ()  # ("every so many seconds", shortest and longest); () = never
    storm_urcs: tuple = field(default=("+CGEV: ME PDN ACT 8,1", "+CPSI: NO SERVICE,Online", "*ATREADY: 1"))

    def copy(self, **changes):
        """A profile of one's own with some behaviours changed; an unknown name is refused."""
        other = copy.copy(self)
        for name, value in changes.items():
            if not hasattr(other, name):
                raise ValueError(f"profile has no behaviour {name!r}")
            setattr(other, name, value)
        return other


# What an EC25 is, wherever it stands.
_EC25 = {
    "dialect": "quectel",
    "name": "EC25-E",
    "maker": "Quectel",
    "model": "EC25",
    "revision": "EC25EFAR06A06M4G",
    "prompt": b"\r\n> ",
    "boot_urcs": ("RDY", "+QIND: SMS DONE", "+QIND: PB DONE"),
    "pwrkey_on_s": 0.5,
    "pwrkey_off_s": 0.65,
    "reset_hold_s": 0.15,
    "send_limit": 1460,
    "gnss": "",
}

PROFILES = {
    # As it comes out of the box in town: what the demonstration uses.
    "a7670": Profile(),
    # A module on a bad cell: slow to start, slow to register.
    "a7670-slow": Profile(
        boot_s=(6, 10),
        urc_spread_s=20.0,
        sim_s=(2, 6),
        register_s=(8, 30),
        netopen_s=(1, 8),
        cipopen_s=(0.5, 5),
        answer_s=(0.02, 0.3),
        rsrp_dbm=-118,
    ),
    "sim7600": Profile(
        name="SIM7600E",
        model="SIMCOM_SIM7600E-H",
        revision="LE20B04SIM7600M22",
        boot_s=(12, 20),
        urc_spread_s=8.0,
        pwrkey_on_s=0.5,
        boot_urcs=("RDY", "SMS DONE", "PB DONE"),
        gnss="sim7600",
        gnss_empty_commas=8,
        recv_trailer=b"\r\n",
        nitz=("psuttz_unbalanced", "ctze"),
    ),
    # In town on LTE: what `SIM-QUECTEL` has.
    "ec25": Profile(
        **_EC25,
        boot_s=(9, 12),
        urc_spread_s=6.0,
        off_s=(2, 28),
        nitz=("ctzv_zone",),
        netopen_s=(0.2, 3),
        urcs_elsewhere=True,
        activate_lies=0.2,
        storm_urcs=('+QIND: "csq",20,99', "+CGEV: ME PDN ACT 1", "RDY"),
    ),
    # LTE-M on a bad cell: every answer late.
    "bg95": Profile(
        dialect="quectel",
        name="BG95-M3",
        maker="Quectel",
        model="BG95-M3",
        revision="BG95M3LAR02A03",
        prompt=b"\r\n> ",
        boot_s=(2.1, 4),
        urc_spread_s=8.0,
        boot_urcs=("APP RDY",),
        pwrkey_on_s=0.5,
        pwrkey_off_s=0.65,
        reset_hold_s=2.0,
        key_resets_s=2.0,
        off_s=(1.5, 2),
        sim_s=(1, 4),
        register_s=(8, 30),
        nitz=("ctze",),
        registers=("CREG", "CEREG"),
        netopen_s=(1, 8),
        cipopen_s=(0.5, 5),
        answer_s=(0.01, 0.3),
        rsrp_dbm=-118,
        activate_lies=0.2,
        send_limit=1460,
        gnss="",
        storm_urcs=('+QIURC: "dnsgip",0,0,0', "+CGEV: ME PDN ACT 1", "APP RDY"),
    ),
    # Nothing at random, everything at once: for tests that look at one thing.
    "plain": Profile(
        echo_delay_s=(0, 0),
        answer_s=(0.001, 0.001),
        final_gap_s=(0, 0),
        boot_noise=0,
        boot_s=(1, 1),
        urc_spread_s=0.0,
        sim_s=(0, 0),
        sim_failure_first=False,
        pin_ready_s=(0, 0),
        register_s=(0.5, 0.5),
        nitz=(),
        netopen_s=(0.1, 0.1),
        cipopen_s=(0.01, 0.01),
        prompt_s=(0.001, 0.001),
        send_confirm_s=(0.001, 0.001),
    ),
}
# The same of a Quectel.
PROFILES["quectel-plain"] = PROFILES["plain"].copy(**_EC25)
# How another maker's modem stands in for one of a story's own (`hwsim conformance --modem`).
STAND_INS = {
    "quectel": {"plain": "quectel-plain", "a7670": "ec25", "a7670-slow": "bg95", "sim7600": "ec25"},
}
