"""What flash.py asks a terminal on the workbench, one part at a time. Nothing here is loaded in a car.

`examine(what, hal, ...)` prints what it finds as lines of JSON behind "@ ", while it goes on; the last one
has "end". It uses the very parts that the program uses: what works here works in the car.

| what | more | the last line says |
|---|---|---|
| about | | board, version, uid, public key, unit, what is wrong with the settings |
| supply | | millivolts, 0.1 C |
| flash | | bytes free, blocks of the journal, blocks worn |
| gnss | ms | whether there is a fix; before it, each second, what is heard |
| modem | settings as JSON or None, ms, state to reach | the state, and the fault in the driver's words |
| key | ms | which key was pressed, for how long |
| show | name of a wire, level | |
| drill | ms, ms to wait for somebody's acknowledgement | the stage that a drill alarm has reached |
"""

import asyncio
import json
import os
import time

from firmware import statefile
from firmware.clock import Clock
from firmware.driver import Modem
from firmware.gnss import Receiver
from firmware.journal import Journal
from firmware.maker import Maker
from firmware.modem import ATTACH
from firmware.simpin import FileStore
from firmware.version import VERSION
from protocol import cbor
from protocol.compat import const

_DRILL = "/drill"
_LOOK_MS = const(100)
_TELL_MS = const(1000)
_SETTLE_MS = const(30)
_SIGNAL_MS = const(8000)
_MORE_MS = const(4000)
_FAULT_MS = const(15000)
_RECEIVED = const(3)
_ACKNOWLEDGED = const(4)


def _say(**values):
    print("@ " + json.dumps(values))


def examine(what, hal, *more):
    if what == "about":
        _say(end=True, **_about(hal))
    elif what == "supply":
        _say(end=True, mv=hal.supply_mv(), temperature_dc=hal.temperature_dc(), reset=hal.reset_cause)
    elif what == "flash":
        _say(end=True, **_flash(hal))
    elif what == "gnss":
        _gnss(hal, *more)
    elif what == "modem":
        asyncio.run(_modem(hal, *more))
    elif what == "key":
        _key(hal, *more)
    elif what == "show":
        getattr(hal, more[0]).write(more[1])
        time.sleep_ms(_LOOK_MS)
        _say(end=True, there=getattr(hal, more[0]).pin is not None)
    elif what == "drill":
        asyncio.run(_drill(hal, *more))
    else:
        raise ValueError(what)


def _about(hal):
    import board

    from firmware import config, identity

    values, problems = config.load()
    pair = identity.read()
    return {
        "board": board.BOARD.get("name", ""),
        "version": "%d.%d.%d" % VERSION,
        "uid": hal.uid.hex(),
        "public_key": None if pair is None else pair[1].hex(),
        "unit": values["unit"],
        "covert": values["covert"],
        "problems": problems,
        "keys": sorted(hal.keys),
    }


def _flash(hal):
    from firmware import config

    size, _, _, free = os.statvfs("/")[:4]
    probe = os.urandom(600)
    statefile.replace("/probe", probe)
    with open("/probe", "rb") as file:
        good = file.read() == probe
    statefile.remove("/probe")
    partition = hal.journal()
    found = {"free": size * free, "good": good, "blocks": partition.ioctl(4, 0)}
    values = config.load()[0]
    journal = Journal(partition, values["urgent_kb"] * 1024, values["bulk_kb"] * 1024)
    found["worn"] = journal.failed()
    found["waiting"] = journal.count(True) + journal.count(False)
    return found


def _gnss(hal, for_ms):
    clock = Clock(time.ticks_ms, time.ticks_diff)
    receiver = Receiver(clock)
    uart = hal.uart("gnss")
    told = 0
    found = None
    while True:
        time.sleep_ms(_LOOK_MS)
        now = clock.uptime_ms()
        data = uart.read()
        if data:
            receiver.feed(data, now)
        fix = receiver.fix
        if fix.valid and found is None:
            found = now
        # Satellites and antenna are in other sentences of the burst than the position.
        over = now >= for_ms or (found is not None and now - found > _MORE_MS)
        if over or now - told >= _TELL_MS:
            told = now
            _say(
                end=over,
                fix=fix.valid,
                lat_e7=fix.lat_e7,
                lon_e7=fix.lon_e7,
                sats=fix.sats,
                hdop_tenths=fix.hdop_tenths,
                antenna=receiver.antenna,
                silent=receiver.silent(now),
                garbled=receiver.garbled(now),
                at_ms=now,
            )
        if over:
            return


async def _modem(hal, given, for_ms, goal):
    from firmware import config

    values = config.load()[0] if given is None else config.check(json.loads(given))[0]
    clock = Clock(time.ticks_ms, time.ticks_diff)
    options = hal.modem_options()
    options.update(values)
    spoken = []
    modem = Modem(
        Maker,
        hal.uart("modem"),
        hal.modem_pins(),
        options,
        clock,
        lambda level, text: spoken.append(text) if level <= 2 and len(spoken) < 20 else None,
        FileStore("/simpin"),
    )
    task = asyncio.create_task(modem.run())
    told = None
    reached = None
    sound = 0
    while True:
        now = clock.uptime_ms()
        if modem.fault is None:
            sound = now
        seen = (modem.state, modem.fault, modem.rsrp_dbm)
        if seen != told:
            told = seen
            _say(end=False, state=seen[0], fault=seen[1], rsrp_dbm=seen[2], at_ms=now)
        while spoken:
            _say(end=False, said=spoken.pop(0))
        if modem.state >= goal and reached is None:
            reached = now
        # The signal is asked for a little later than the network says yes.
        if reached is not None and (
            goal <= ATTACH or modem.rsrp_dbm is not None or now - reached > _SIGNAL_MS
        ):
            break
        # No time heals a wrong PIN or a SIM that is not there; some a little.
        if now >= for_ms or now - sound > (0 if "SIM" in (modem.fault or "") else _FAULT_MS):
            break
        await asyncio.sleep_ms(_LOOK_MS)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        pass
    _say(end=True, reached=reached is not None, state=told[0], fault=modem.fault, rsrp_dbm=modem.rsrp_dbm)


def begin_drill(boot):
    """From now on a start knows that alarms of this boot were none, wherever the cable was pulled."""
    statefile.write(_DRILL, boot.to_bytes(8, "big"))


def end_drill(hal, values):
    """What the drill has left is no alarm: neither its frames nor its open alarms outlive it."""
    kept = statefile.read(_DRILL)
    if kept is None:
        return
    boot = int.from_bytes(kept, "big")
    journal = Journal(hal.journal(), values["urgent_kb"] * 1024, values["bulk_kb"] * 1024)
    rows = journal.peek(True, 8)
    while rows:
        after = rows[-1][0]
        for key, _ in rows:
            if key[0] == boot:
                journal.done([key])
        rows = journal.peek(True, 8, after)
    data = statefile.read("/panic")
    if data is not None:
        rows = [row for row in cbor.decode(data) if row[0] >> 16 != boot]
        statefile.write("/panic", cbor.encode(rows))
    statefile.remove(_DRILL)


def _key(hal, for_ms):
    """The first key that is pressed, by the board's own names."""
    pins = [(name, hal.key_pin(number)) for name, number in sorted(hal.keys.items())]
    begun = time.ticks_ms()
    _say(end=False)
    down = None
    since = begun
    while True:
        now = time.ticks_ms()
        pressed = [name for name, pin in pins if not pin.value()]
        if down is None and pressed:
            down = pressed
            since = now
        elif down is not None and not pressed:
            held_ms = time.ticks_diff(now, since)
            if held_ms >= _SETTLE_MS:
                _say(end=True, pressed=down, held_ms=held_ms)
                return
            down = None
        elif pressed and len(pressed) > len(down):
            down = pressed
        if time.ticks_diff(now, begun) >= for_ms:
            _say(end=True, pressed=pressed, held_ms=None)
            return
        time.sleep_ms(10)


async def _drill(hal, for_ms, wait_ms):
    """The whole program, but that its alarms are drills. Whoever called resets the chip afterwards: its
    watchdog runs."""
    from firmware.start import Log, prepare

    app = prepare(hal, Log(), True)
    if app is None:
        _say(end=True, stage=0, fault="nothing can be signed: provision it first")
        return
    watch = asyncio.create_task(app.run())
    told = None
    best = 0
    received = None
    while not watch.done():
        now = app.clock.uptime_ms()
        stage = app.panics.least() or 0
        gone = best >= _RECEIVED and stage == 0  # the operations centre has cleared it
        best = max(best, stage)
        seen = (app.modem.state, app.modem.fault, app.linked(), app.receiver.fix.valid, stage)
        if seen != told:
            told = seen
            _say(
                end=False, state=seen[0], fault=seen[1], linked=seen[2], fix=seen[3], stage=seen[4], at_ms=now
            )
        if received is None and best >= _RECEIVED:
            received = now
        if gone or best >= _ACKNOWLEDGED or now >= for_ms:
            break
        if received is not None and now - received >= wait_ms:
            break
        await asyncio.sleep_ms(_LOOK_MS)
    _say(end=True, stage=best, cleared=told[4] == 0 and best >= _RECEIVED, fault=told[1], linked=told[2])
    watch.cancel()
