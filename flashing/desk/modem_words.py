"""The modem driver's own words for what is wrong, and what a technician does about each."""

from typing import Any

from flashing.errors import FlashError

STATES = (
    "no answer",
    "set up",
    "SIM",
    "looking for a network",
    "opening a data connection",
    "opening a socket",
    "up",
)
SIM_READY, REGISTERED, UP = 3, 4, 6
# (how the driver's words begin, what to do, one word for programs)
_DO = (
    (
        "SIM PIN: the one in the configuration is wrong",
        'correct "pin" in the list of cars BEFORE you go on: three wrong ones lock the card, and the '
        "terminal "
        "never sends the same wrong one twice",
        "pin",
    ),
    (
        "SIM PIN: the one in the configuration was refused",
        'correct "pin" in the list of cars; it is still the one that the card has refused before',
        "pin",
    ),
    (
        "SIM PIN:",
        "put the card into a telephone and enter its PIN there once, then back into the terminal",
        "pin",
    ),
    ("SIM: asks for a PIN", 'put "pin" into the list of cars, or switch the PIN off with a telephone', "pin"),
    (
        "SIM: asks for SIM PUK",
        "put the card into a telephone and enter its PUK there; it came with the card's letter",
        "puk",
    ),
    ("SIM:", "put the card into a telephone and do there what it asks for", "sim"),
    (
        "no SIM card",
        "switch the board off, push the card in until it clicks, the notch as drawn on the holder",
        "sim",
    ),
    ("the SIM card", "clean the card's contacts, or try another card", "sim"),
    (
        "the network refuses this SIM card",
        "let the operator of the network say whether the card is active",
        "network",
    ),
    (
        "the network gives no data",
        'correct "apn" in the list of cars; "user" and "password" where it has them',
        "apn",
    ),
    ("no address for", 'correct "host" in the list of cars: the gateway\'s name, or its address', "host"),
    (
        "the socket",
        'correct "host" and "port" in the list of cars; a private APN may reach nothing else',
        "host",
    ),
)


def trouble(said: dict[str, Any], goal: int, port: str) -> FlashError | None:
    """What an examination of the modem came to: None, or what is wrong. `goal`: the state that was wanted."""
    fault, state = said.get("fault"), int(said.get("state") or 0)
    if said.get("reached"):
        return None
    if fault:
        for begins, do, reason in _DO:
            if str(fault).startswith(begins):
                return FlashError(str(fault), port, do, reason=reason)
        return FlashError(
            str(fault), port, "try once more; if it stays so, try another modem", reason="modem"
        )
    if state == 0:
        return FlashError(
            "the modem does not answer",
            port,
            "check that the board has its own supply (USB alone is too weak for most modems) and that the "
            "modem "
            "sits in its socket; if it stays so, it is dead: use another board",
            reason="modem",
        )
    if state <= 2:
        return FlashError(
            "the SIM card gives no answer",
            port,
            "push the card in until it clicks, or try another",
            reason="sim",
        )
    if goal >= REGISTERED and state == 3:
        return FlashError(
            "there is no network: the modem hears none, or none that takes this card",
            port,
            "screw the LTE antenna on and go to a window; where telephones of this operator work, it must "
            "too",
            reason="signal",
        )
    return FlashError(
        f"the modem stops at: {STATES[state]}", port, 'check "apn", "host" and "port"', reason="data"
    )


def signal(rsrp_dbm: int | None) -> tuple[str, bool]:
    """(a word for it, whether it will do in a car)."""
    if rsrp_dbm is None:
        return "not known", True
    if rsrp_dbm >= -100:
        return f"{rsrp_dbm} dBm, good", True
    if rsrp_dbm >= -115:
        return f"{rsrp_dbm} dBm, weak", True
    return f"{rsrp_dbm} dBm, too weak", False
