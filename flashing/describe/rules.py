"""What holds between the entries of a board.toml and its chip: pins, UARTs, flash."""

from collections.abc import Iterator
from typing import Any

from flashing.describe.chips import CHIPS, Chip, uart_pin_fits
from flashing.describe.problem import Problem

OUT, IN, PULLED, ADC = "output", "input", "input with a pull-up", "analogue input"
_OUTPUTS = ("red", "green", "buzzer", "vibrator", "modem_pwrkey", "modem_reset", "modem_supply")
_PROGRAM = 128 * 1024  # no slot is smaller: an image is some 110 KB


def uses(board: dict[str, Any]) -> list[tuple[str, int, str]]:
    """(entry, pin, how it is used) of everything that the program drives or reads."""
    found = []
    for name, pin in board.get("pins", {}).items():
        found.append((f"[pins] {name}", pin, OUT if name in _OUTPUTS else IN))
    for name, pin in board.get("keys", {}).items():
        found.append((f"[keys] {name}", pin, PULLED))
    for name, row in board.get("held", {}).items():
        found.append((f"[held.{name}] pin", row["pin"], OUT))
    for name, row in board.get("uarts", {}).items():
        for wire in ("tx", "rx", "rts", "cts"):
            if wire in row:
                found.append((f"[uarts.{name}] {wire}", row[wire], OUT if wire in ("tx", "rts") else IN))
    if "supply" in board.get("adc", {}):
        found.append(("[adc] supply", board["adc"]["supply"], ADC))
    return found


def problems(board: dict[str, Any]) -> Iterator[Problem]:
    """For a description whose shape is right."""
    chip = CHIPS[board["chip"]]
    yield from _pins(board, chip)
    yield from _uarts(board, chip)
    yield from _flash(board, chip)
    for name in board["modem"].get("active_low", []):
        if f"modem_{name}" not in board["pins"]:
            yield Problem("[modem] active_low", f"names {name}", f"the board has no [pins] modem_{name}")
    if not any(f"modem_{name}" in board["pins"] for name in ("pwrkey", "supply")):
        yield Problem("[pins]", "has nothing to switch the modem on with", "add modem_pwrkey or modem_supply")


def _pins(board: dict[str, Any], chip: Chip) -> Iterator[Problem]:
    used: dict[int, str] = {}
    taken = {int(pin): why for pin, why in board.get("taken", {}).items() if pin.isdigit()}
    told = {int(pin) for pin in board.get("strapping", {}) if pin.isdigit()}
    for where, pin, how in uses(board):
        if pin in used:
            yield Problem(where, f"is pin {pin}, which is {used[pin]} already", "give one another pin")
        used[pin] = where
        if pin not in chip.pins:
            yield Problem(where, f"is pin {pin}, which an {chip.name} has not", "look at the board's pin-out")
            continue
        if pin in chip.reserved:
            yield Problem(where, f"is pin {pin}, which serves {chip.reserved[pin]}", "choose another pin")
        if pin in taken:
            yield Problem(where, f"is pin {pin}, which the board uses: {taken[pin]}", "choose another pin")
        if pin in chip.input_only and how in (OUT, PULLED):
            yield Problem(
                where,
                f"is pin {pin}, which on an {chip.name} has no output and no pull-up",
                "choose another pin",
            )
        if how == ADC and pin not in chip.adc:
            able = ", ".join(map(str, sorted(chip.adc)))
            yield Problem(where, f"is pin {pin}, which cannot measure", f"choose one of {able}")
        if pin in chip.strapping and pin not in told:
            yield Problem(
                where,
                f"is pin {pin}, which the chip reads at a reset ({chip.strapping[pin]})",
                f'choose another, or say why it is safe in [strapping] {pin} = "..."',
            )
    for name, table in (("strapping", told), ("taken", set(taken))):
        for pin in sorted(table):
            if pin not in chip.pins:
                yield Problem(f"[{name}] {pin}", f"is no pin of an {chip.name}", "take it out")
    for pin in sorted(told):
        if pin not in used or pin not in chip.strapping:
            yield Problem(f"[strapping] {pin}", "is not used, or not read at a reset", "take it out")
    for name in ("taken", "strapping"):
        for pin in board.get(name, {}):
            if not pin.isdigit():
                yield Problem(f"[{name}] {pin}", "is no pin's number", 'write it as 12 = "why"')


def _uarts(board: dict[str, Any], chip: Chip) -> Iterator[Problem]:
    numbers: dict[int, str] = {}
    for name, row in board["uarts"].items():
        where = f"[uarts.{name}]"
        if row["id"] not in chip.uarts:
            able = " or ".join(map(str, chip.uarts))
            yield Problem(
                f"{where} id", f"is {row['id']}, and an {chip.name} has {able} to give", "correct it"
            )
        if row["id"] in numbers:
            yield Problem(f"{where} id", f"is {row['id']}, and so is {numbers[row['id']]}", "give it another")
        numbers[row["id"]] = where
        for wire in ("tx", "rx"):
            if wire not in row and board["chip"] != "sim":
                # MicroPython's own choice may be a pin of the flash.
                yield Problem(f"{where} {wire}", "is missing", "say which pin it is")
        for wire in ("tx", "rx", "cts", "rts"):
            if (
                wire in row
                and row["id"] in chip.uarts
                and not uart_pin_fits(chip, row["id"], wire, row[wire])
            ):
                yield Problem(
                    f"{where} {wire}",
                    f"is pin {row[wire]}, which UART {row['id']} does not reach",
                    f"choose a pin that can be its {wire}: RP2040 Datasheet, 1.4.3",
                )


def regions(board: dict[str, Any]) -> list[tuple[str, int, int]]:
    """(entry, first byte, byte behind the last) of flash, in their order."""
    flash = board["flash"]
    found = [
        (f"[flash.{name}]", flash[name]["address"], flash[name]["address"] + flash[name]["size"])
        for name in ("micropython", "files", "journal")
        if name in flash
    ]
    for row in flash["slots"]:
        found.append((f"[[flash.slots]] {row['name']}", row["address"], row["address"] + row["size"]))
    return sorted(found, key=lambda region: region[1])


def _flash(board: dict[str, Any], chip: Chip) -> Iterator[Problem]:
    flash = board["flash"]
    behind = ("the beginning", 0)
    for where, begin, end in regions(board):
        if begin % flash["block"] or end % flash["block"]:
            yield Problem(where, f"begins or ends within a block of {flash['block']}", "use multiples of it")
        if begin < behind[1]:
            yield Problem(where, f"begins at {begin}, inside {behind[0]}", f"begin at {behind[1]} or behind")
        if end > flash["size"]:
            yield Problem(
                where, f"ends at {end}, behind the flash's end ({flash['size']})", "make it smaller"
            )
        behind = (where, end)
    slots = flash["slots"]
    if [row["name"] for row in slots] != ["program0", "program1"]:
        yield Problem("[[flash.slots]]", "has to be program0, then program1", "write both, in that order")
        return
    first, second = slots
    if first["size"] != second["size"] or first["address"] + first["size"] != second["address"]:
        yield Problem("[[flash.slots]]", "have to be of one size, side by side", "both lie in one partition")
    if first["size"] < _PROGRAM:
        yield Problem("[[flash.slots]] size", f"is {first['size']}", f"an image needs at least {_PROGRAM}")
    if chip.map_page and first["address"] % chip.map_page:
        yield Problem(
            "[[flash.slots]] program0",
            f"begins at {first['address']:#x}",
            f"begin at a multiple of {chip.map_page:#x}: so flash is mapped for reading",
        )
