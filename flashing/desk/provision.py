"""A board becomes the terminal of one car. Every step looks first at what an earlier, interrupted run has
done, so that the same command finishes what a pulled cable left, and nothing is ever half an identity:

| done | what is there | the next run |
|---|---|---|
| nothing | neither key pair nor settings | begins |
| the key pair is made | a whole pair, no settings; the gateway knows nothing | keeps the pair, enrolls it |
| enrolled | the gateway knows it; no settings | the gateway says "known", the settings are written |
| the settings are written | all | has nothing to do |

`/config.json` comes last, replaced whole: a terminal with settings is enrolled.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flashing.desk import enrolment, modem_words, records, release_key
from flashing.desk.cars import Car
from flashing.desk.device import Device
from flashing.desk.technician import Technician, fingerprint, kid_of
from flashing.errors import FlashError

_SIM_MS = 90_000
# A closed console would keep out whoever has to go on after a pulled cable, and the test: it closes when the
# test is passed, or by itself after so many starts.
WORKSHOP_STARTS = 20
MEANS = (
    "a new key pair makes it another terminal: what still lies unsent on its flash is worth nothing then, "
    "and the "
    "gateway refuses the old key for ever once it is replaced"
)


@dataclass(frozen=True)
class Wishes:
    """What the command line says. `gateway`: an address, or None with `offline`, a file."""

    gateway: str | None
    offline: Path | None
    ca: Path | None = None
    replace_identity: bool = False
    replace_unit: str = ""
    open_console: bool = False
    skip_sim: bool = False
    again: str = ""  # this very command, for pasting


def finished(car: Car, wishes: Wishes) -> Car:
    """The car with what provisioning adds to its settings."""
    return Car(
        **{
            **{
                name: getattr(car, name)
                for name in ("directorate", "station", "unit", "vehicle", "call_sign")
            },
            "config": {**car.config, "release": not wishes.open_console},
            "where": car.where,
        }
    )


def provision(
    device: Device,
    car: Car,
    board: str,
    technician: Technician,
    wishes: Wishes,
    folder: Path,
    tell: Callable[[str, str], None],
) -> dict[str, Any]:
    """Do what is left to do; `tell(step, text)` as it goes on. Returns the record, which is written too."""
    device.begin()
    about = device.about()
    _fits(about, car, board, wishes, device.port)
    tell("board", f"{about['board'] or board}, program {about['version']}, chip {about['uid']}")
    public = _identity(device, about, car, wishes, tell)
    if not wishes.skip_sim:
        _sim(device, car, tell)
    answer = _enroll(device, public, car, board, technician, wishes, tell)
    if answer is None:  # revoked: this pair is worth nothing any more, and another was asked for
        public = device.create_identity(True)
        tell("identity", f"the gateway has revoked that key: a new one, {kid_of(public).hex()}")
        answer = _enroll(device, public, car, board, technician, wishes, tell)
        assert answer is not None
    device.workshop(0 if wishes.open_console else WORKSHOP_STARTS)
    device.install(car.settings())
    tell("settings", "checked by the terminal, written, read back")
    if not car.config.get(release_key.NAME):
        tell("updates", "none in the field: it was given no release key (--release-key FILE)")
    values = {
        "unit": car.place,
        "call_sign": car.call_sign,
        "vehicle": car.vehicle,
        "board": about["board"] or board,
        "chip": about["uid"],
        "version": about["version"],
        "kid": kid_of(public).hex(),
        "public_key": public.hex(),
        "fingerprint": fingerprint(public),
        "gateway_key": car.config["gateway_key"],
        "release_key": car.config.get(release_key.NAME, ""),
        "enrolled": answer.result,
        "replaced": answer.replaced,
        "technician": technician.kid.hex(),
        "console_open": wishes.open_console,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    records.put(folder, car.place, records.PROVISION, values)
    return values


def _fits(about: dict[str, Any], car: Car, board: str, wishes: Wishes, port: str) -> None:
    if about["board"] not in ("", board):
        raise FlashError(
            f"the program on it is for {about['board']}, not for {board}",
            port,
            "check the board's name; if it is right, put the right program on it",
            f"./flash.py flash --board {board} --port {port}",
            "wrong-board",
        )
    other = about["unit"]
    if other and other != car.place and not wishes.replace_identity:
        raise FlashError(
            f"this board is {other} already; nothing was changed",
            port,
            f"take another board; or add --replace-identity to make it {car.place}: {MEANS}",
            reason="identity",
        )


def _identity(
    device: Device, about: dict[str, Any], car: Car, wishes: Wishes, tell: Callable[[str, str], None]
) -> bytes:
    """The public key that this terminal is to have."""
    known = device.public_key()
    if known is None:
        public = device.create_identity(False)
        tell("identity", f"made on the terminal: {kid_of(public).hex()}")
        return public
    if wishes.replace_identity and about["unit"]:
        # The settings go after the old pair is gone: a pair without settings is one that was just made.
        public = device.create_identity(True)
        device.forget_settings()
        tell("identity", f"a new one: {kid_of(public).hex()} in place of {kid_of(known).hex()}")
        return public
    tell("identity", f"is there: {kid_of(known).hex()}")
    return known


def _sim(device: Device, car: Car, tell: Callable[[str, str], None]) -> None:
    """The card takes its PIN, tried by the driver's own rules: no wrong one twice, never the last try."""
    said = device.examine("modem", car.settings(), _SIM_MS, modem_words.SIM_READY, patience_s=120.0)
    wrong = modem_words.trouble(said, modem_words.SIM_READY, device.port)
    if wrong is not None:
        raise FlashError(wrong.what, wrong.where, wrong.do, wrong.command, wrong.reason)
    tell("sim", "the card is ready")


def _enroll(
    device: Device,
    public: bytes,
    car: Car,
    board: str,
    technician: Technician,
    wishes: Wishes,
    tell: Callable[[str, str], None],
) -> enrolment.Answer | None:
    """None where a revoked key may be replaced by a new one."""
    body = enrolment.document(car, public, board, technician, wishes.replace_unit)
    if wishes.offline is not None:
        enrolment.add_to_file(wishes.offline, body)
        tell("enrolment", f"signed, in {wishes.offline}: take it to headquarters (gateway enroll --file)")
        return enrolment.Answer("file")
    assert wishes.gateway is not None
    try:
        answer = enrolment.post(wishes.gateway, wishes.ca, body, bytes.fromhex(car.config["gateway_key"]))
    except FlashError as error:
        if error.reason == "refused-revoked" and wishes.replace_identity:
            return None
        raise
    words = {"enrolled": "the gateway has it now", "known": "the gateway knew it"}
    tell(
        "enrolment", words.get(answer.result, f"in place of {answer.replaced}, which is refused from now on")
    )
    return answer
