"""What each fault does, seen from outside: for tests/hwsim/test_faults.py."""

EFFECTS = {}


def effect(function):
    """`function(idle)` -> is it there? Asked a moment before the fault, and for some time after it."""
    EFFECTS[function.__name__] = function
    return function


def date(idle):
    return idle.said("rmc").split(",")[9]


@effect
def partition(idle):
    return idle.car.path.partitioned


@effect
def nat_rebind(idle):
    if not hasattr(idle, "flow"):
        idle.flow = idle.car.path.socket(lambda data, source: None)
    idle.flow.send(b"?", ("192.0.2.99", 7))
    idle.run(1)
    return len(set(idle.echo.sources)) > 1


@effect
def coverage(idle):
    return not idle.car.modem.radio.registered


@effect
def cell_change(idle):
    return idle.car.modem.radio.cell != "01A2B3C4"


@effect
def sim_lost(idle):
    return idle.car.modem.reader.failure is not None


@effect
def modem_hang(idle):
    return not idle.car.modem.alive


@effect
def modem_reset(idle):
    return idle.car.modem.power.starts > 1


@effect
def urc_storm(idle):
    before = int(idle.said("heard"))
    idle.run(1)
    return int(idle.said("heard")) - before > 200


@effect
def gnss_loss(idle):
    return ",V," in idle.said("rmc")


@effect
def gnss_cold_start(idle):
    return idle.said("rmc").startswith("$GNRMC,,V,,")


@effect
def gnss_jump(idle):
    fields = idle.said("rmc").split(",")
    there = idle.car.gnss.track.at(idle.kernel.now_us / 1e6)
    lat = int(fields[3][:2]) + float(fields[3][2:]) / 60
    return abs(lat - there.lat) * 111_200 > 40


@effect
def gnss_jamming(idle):
    """The signal of the first satellite, which stands at 45 degrees."""
    fields = idle.said("gsv").split(",")
    return ",V," in idle.said("rmc") or (len(fields) > 7 and int(fields[7]) < 32)


@effect
def gnss_spoofing(idle):
    fields = idle.said("rmc").split(",")
    lat = int(fields[3][:2]) + float(fields[3][2:]) / 60
    return abs(lat - idle.car.gnss.track.at(idle.kernel.now_us / 1e6).lat) > 0.02


@effect
def week_rollover(idle):
    return date(idle).endswith("06")


@effect
def leap_second(idle):
    return any(row["rmc"][11:13] == "60" for row in idle.lines())


@effect
def clock_jump(idle):
    return date(idle) != "030626" or f"{idle.car.modem.utc():%d%m%y}" != "030626"


@effect
def key_stuck(idle):
    keys = idle.car.terminal.board["keys"]
    for key in keys:  # whoever pulls at it
        idle.car.panel.up(key)
    return any(idle.car.panel.is_down(key) for key in keys)


@effect
def supply_dip(idle):
    full = 13_800 * 65535 // 36_300
    return abs(int(idle.said("supply")) - full) > 2000 or idle.starts > 1


@effect
def power_cut(idle):
    return any(not event.fields["on"] for event in idle.seen("power"))


@effect
def power_cut_in_flash(idle):
    return bool(idle.seen("torn"))


@effect
def flash_worn(idle):
    flash = idle.car.terminal.flash
    blank = b"\xff" * flash.block
    found = False
    for block in range(0, flash.size // flash.block):
        if block in flash.worn:
            flash.do("erase", block * flash.block)
            found = flash.read(block * flash.block, flash.block) != blank
    return found


@effect
def flash_rot(idle):
    """The journal's region is programmed to zeroes before; a cell that rots reads one."""
    flash = idle.car.terminal.flash
    region = idle.car.terminal.board["flash"]["journal"]
    if not hasattr(idle, "written"):
        idle.written = True
        for at in range(region["address"], region["address"] + region["size"], flash.block):
            flash.do("program", at, bytes(flash.block))
    return any(flash.read(region["address"], region["size"]))


@effect
def flash_full(idle):
    return int(idle.said("room")) < 8


@effect
def heap_exhaustion(idle):
    return any(int(row["free"]) < 34_000 for row in idle.lines())


@effect
def task_death(idle):
    return any(
        "fault: task" in event.fields["text"] and "dies" in event.fields["text"]
        for event in idle.seen("note")
    )


@effect
def task_hang(idle):
    return any(
        "hangs" in event.fields["text"] or "still" in event.fields["text"] for event in idle.seen("note")
    )


@effect
def gateway_kill(idle):
    return bool(idle.seen("gateway.killed"))


@effect
def gateway_restart(idle):
    return bool(idle.seen("gateway.stopped"))


@effect
def disk_full(idle):
    return idle.house.gateway.disk_model.full


@effect
def fsync_error(idle):
    return bool(idle.house.gateway.disk_model.fsync_error)


@effect
def gateway_clock(idle):
    honest = idle.house.gateway.epoch_ms + idle.kernel.now_us // 1000
    return abs(idle.house.gateway.wall_ms() - honest) > 900


@effect
def broker_kill(idle):
    return bool(idle.seen("killed", "broker"))


@effect
def broker_slow(idle):
    return idle.house.broker.packet_us > 40_000
