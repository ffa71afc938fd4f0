"""`python -m hwsim board`: a stand, and what is done to it line by line."""

import queue
import signal
import sys
import threading

from hwsim.board_stand import BoardStand
from hwsim.modem import PROFILES
from hwsim.modem.sim import Sim


class OrderError(Exception):
    """A line that nobody understands; the text says what can be said."""


def desk(options):
    """The command; its exit code."""
    if options.modem not in (*PROFILES, "none"):
        print(f"--modem {options.modem}: there are {', '.join(PROFILES)}, none", file=sys.stderr)
        return 2
    try:
        stand = BoardStand(
            board=options.board,
            flash_path=options.flash,
            port=options.port,
            seed=options.seed,
            speed=options.speed,
            gateway=options.gateway,
            modem=None if options.modem == "none" else options.modem,
            sim=Sim(pin=options.pin) if options.pin else None,
            micropython=None if options.micropython == "none" else options.micropython,
            platform=options.chip,
        )
    except (OSError, ValueError) as error:
        print(f"board: {error}", file=sys.stderr)
        return 1
    lines = queue.Queue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: lines.put("quit"))
    with stand:
        if options.json:
            options.json.write(
                {
                    "port": stand.port,
                    "flash": stand.flash.path,
                    "board": options.board,
                    "speed": options.speed,
                }
            )
        print(f"port {stand.port}\nflash {stand.flash.path}", flush=True)
        source = options.script.open(encoding="utf-8") if options.script else sys.stdin
        threading.Thread(target=_read, args=(source, lines, bool(options.script)), daemon=True).start()
        return _obey(stand, lines)


def _read(source, lines, ends):
    for line in source:
        lines.put(line)
    if ends:
        lines.put("quit")


def _obey(stand, lines):
    code = 0
    while True:
        words = lines.get().split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "quit":
            return code
        try:
            said = do(stand, *words)
        except (OrderError, ValueError) as error:
            print(error, file=sys.stderr, flush=True)
            code = 1
            continue
        if said:
            print(said, flush=True)


def do(stand, word, *rest):
    """One line; what there is to say about it."""
    keys = stand.board["keys"]
    if word == "press":
        if not rest or rest[0] not in keys:
            raise OrderError(f"press KEY [MS]: the keys are {', '.join(keys)}")
        stand.press(rest[0], float(rest[1]) if len(rest) > 1 else None)
    elif word == "pull":
        stand.pull()
    elif word == "plug":
        stand.plug()
    elif word == "lamps":
        panel = stand.panel
        wires = ("red", "green", "buzzer", "vibrator")
        on = stand.do(lambda: [wire for wire in wires if stand.terminal.level(wire)])
        return f"red {panel.red.state}, green {panel.green.state}; on: {', '.join(on) or 'none'}"
    elif word == "wait" and rest:
        end_us = stand.now_us + float(rest[0]) * 1_000_000
        stand.until(lambda: stand.now_us >= end_us, 86_400)
    else:
        raise OrderError("one of: press KEY [MS], pull, plug, lamps, wait SECONDS, quit")
    return ""
