"""docs/conformance.md, made from the cases: what is held, by which clause, and what a terminal must offer."""

from hwsim.conformance.case import SUBJECTS
from hwsim.conformance.clauses import CLAUSES

_HEAD = """\
<!-- Made by `python -m hwsim conformance --pages docs/conformance.md`; a test holds it to the cases. -->
# Conformance

{count} numbered cases that a terminal, and the gateway it talks to, are held to. Each is a story in virtual time: a car drives, keys are pressed,
datagrams are lost, power fails; what must then be seen, and what must never be, is seen from outside. Where one case says
"it fires", another says "it does not fire": the column *other side* names it.

```
python -m hwsim conformance                              # all, in two processes
python -m hwsim conformance --only PANIC --only KEY-03   # some
python -m hwsim conformance --report out                 # out/report.html with a picture of each story, out/junit.xml
python -m hwsim conformance --json out.json --jobs 4     # for programs
python -m hwsim run PANIC-21 --html out.html             # one story, told on the console and drawn
make conformance                                         # as CI runs it
```
Exit codes: 0 all passed, 1 not, 2 wrong use. The same tree gives the same stories to the microsecond; `--seed` gives others.

A case that did not pass prints its story: what was done, what was seen (`+`), what was rightly not seen (`-`), and the sentence that was not kept (`!`).

## What a terminal must offer
The cases speak of wires, of datagrams, and of what headquarters sees; never of a program's insides. To be held to them, a
terminal needs, on the bench's clock:

| it has | as |
|---|---|
| a modem's UART, with power key, reset and supply switch | `hwsim.modem` plays a SIMCom A76xx or SIM7600 at the AT level: the terminal speaks to it as to a real one |
| a receiver's UART, 9,600 baud | NMEA 0183, once a second |
| eight keys, active low | PANIC, AVAILABLE, ON THE WAY, ON SCENE, BUSY, OFF DUTY, EVENT, ACCEPT; contacts bounce for up to 5 ms |
| two lamps, a buzzer, a vibrator, active high | read by an eye and an ear that know [the officer's page](officer.md) |
| ignition, supply voltage | an input, an analogue input (36.3 V is full scale) |
| flash that may lose power in the middle of any operation | `hwsim.flash`: cases in FLASH count its programs and erases |
| a public key, and a place for settings | enrolled at headquarters before the story; settings by the names of [configuration.md](configuration.md), the gateway's key among them |

The bench's kernel is the only clock. What it asks of a terminal is the face of `hwsim.terminal.Terminal`: `port(uart)` and `attach_uart` for the two UARTs,
`pin_in`, `watch_pin`, `level`, `set_adc` for the other wires, `power_on`, `cut_power`, `reset`, `close`, and `flash`. Two ways lead there:

- a program for MicroPython and the board SIM: `--image FILE` takes its ROMFS image in place of this tree's. Its identity and settings come about by
  `firmware.provision`, as [the technician's page](technician.md) shows.
- anything else that runs, a terminal of C in an emulator, say: a class with that face in place of `Terminal`, on the same kernel.

Cases in GW need no particular terminal: they hold the gateway.

"""


def text(cases):
    """The whole page."""
    rows = [_HEAD.format(count=len(cases))]
    rows.append("| subject | cases |\n|---|---|\n")
    for subject, name in SUBJECTS.items():
        number = sum(case.subject == subject for case in cases.values())
        if number:
            rows.append(f"| [{subject}: {name}](#{_anchor(subject, name)}) | {number} |\n")
    for subject, name in SUBJECTS.items():
        mine = [case for case in cases.values() if case.subject == subject]
        if mine:
            rows.append(f"\n## {subject}: {name}\n| case | is held | clause | other side |\n|---|---|---|---|\n")
            rows += [_row(case) for case in mine]
    rows.append("\n## Clauses\nPatrola's wire protocol, version 1, is what terminal and gateway have agreed on; its sections are named.\n\n")
    rows.append("| clause | stands in | says |\n|---|---|---|\n")
    used = {name for case in cases.values() for name in case.clauses}
    rows += [f"| `{name}` | {where} | {says} |\n" for name, (where, says) in CLAUSES.items() if name in used]
    return "".join(rows)


def _row(case):
    settings = [f"`{name}` {_shown(value)}" for name, value in {**case.settings, **case.slip}.items()]
    weather = [f"{_WEATHER[name]} {value:g}{_UNITS[name]}" for name, value in case.weather.items() if value]
    notes = [case.story] if case.story else []
    if settings:
        notes.append(f"Settings: {', '.join(settings)}.")
    if weather:
        notes.append(f"Network: {', '.join(weather)}.")
    if case.profile != "plain":
        notes.append(f"Modem: {case.profile}.")
    note = f"<br>{' '.join(notes)}" if notes else ""
    clauses = ", ".join(f"`{name}`" for name in case.clauses)
    return f"| {case.id} | {case.title}{note} | {clauses} | {case.against} |\n"


_WEATHER = {
    "loss": "loss each way",
    "rtt_ms": "round trip",
    "jitter_ms": "jitter",
    "duplicate": "doubled",
    "reorder": "overtaken",
}
_UNITS = {"rtt_ms": " ms", "jitter_ms": " ms", "loss": "", "duplicate": "", "reorder": ""}


def _shown(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


def _anchor(subject, name):
    return f"{subject}-{name}".lower().replace(" ", "-").replace("'", "")
