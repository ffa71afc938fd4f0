"""LINK: the way to headquarters, and back."""

from hwsim.conformance import signs
from hwsim.conformance.case import case
from hwsim.conformance.office import code
from hwsim.conformance.signs import answered, down, lamp, panic, stored, up
from protocol import cbor, coap, report

MAX_DATAGRAM = 1152
KEEP = {"keepalive_s": 15}


@case("LINK-01", "settings.link", against="LINK-02", settings=KEEP)
def keepalive(s):
    """With nothing to say the terminal registers again every keepalive_s seconds."""
    s.car.gnss.moving = False
    s.working()
    s.wait(65)
    asked = s.find(up("observe", first=True))
    s.check(3 <= len(asked) <= 6, f"3 to 6 registrations in 65 s: {len(asked)}")


@case("LINK-02", "settings.link", against="LINK-01", settings={"keepalive_s": 300})
def no_keepalive(s):
    """Not more often than that."""
    s.car.gnss.moving = False
    s.working()
    s.wait(65)
    s.check(len(s.find(up("observe", first=True))) <= 1, "at most one registration in 65 s")


@case("LINK-03", "delivery.durable", against="LINK-04")
def outage(s):
    """Nothing that was made during an outage of two minutes is missing after it."""
    s.working()
    s.outage(True)
    for _ in range(3):
        s.press("available")
        s.wait(20)
        s.press("busy")
        s.wait(20)
    s.outage(False)
    s.wait(60)
    s.equal(len(s.reports("status")), 6, "status reports")
    _complete(s)


@case(
    "LINK-04", "delivery.durable", against="LINK-03", weather={"loss": 0.2, "rtt_ms": 300, "jitter_ms": 200}
)
def lossy(s):
    """On a way that loses one datagram of five each way nothing is missing."""
    s.working(240)
    for _ in range(6):
        s.press("available")
        s.wait(10)
    s.weather(loss=0.0)
    s.wait(90)
    s.equal(len(s.reports("status")), 6, "status reports")
    _complete(s)


@case("LINK-05", "delivery.durable", against="LINK-06")
def tunnel(s):
    """When the modem has lost its cell and found it again, the terminal is served again within half a
    minute."""
    s.working()
    s.coverage(False)
    s.wait(60)
    s.press("available")
    s.wait(5)
    s.coverage(True)
    s.expect(stored("status"), 30)


@case("LINK-06", "delivery.durable", against="LINK-05")
def nothing_without_way(s):
    """In the tunnel nothing leaves; what is made there is not taken for delivered."""
    s.working()
    s.wait(2)
    s.coverage(False)
    s.wait(1)
    since = s.kernel.now_us
    s.press("available")
    s.never(up(), 40, since)
    s.equal(s.reports("status"), [], "status reports at headquarters")
    s.coverage(True)
    s.expect(stored("status"), 40)


@case("LINK-07", "resources.c", "settings.link", against="LINK-08", settings=KEEP)
def rebinding(s):
    """After the operator's NAT has forgotten the terminal, commands reach it again within two keep-alives."""
    s.car.gnss.moving = False
    s.working()
    s.wait(3)
    s.rebind()
    command = s.message()
    s.expect(answered(command, 1), 35)


@case("LINK-08", "resources.c", "coap.observe", against="LINK-07")
def at_once(s):
    """On a way that holds, a command is there at once, without being asked for."""
    s.working()
    s.wait(3)
    command = s.message()
    s.expect(answered(command, 1), 1)
    s.never(up("observe", first=True), since=s.acted_us)


@case("LINK-09", "delivery.bulk", "resources.f", against="LINK-10")
def batches(s):
    """What waited goes in batches of up to six frames, no datagram above 1,152 bytes."""
    s.working()
    s.outage(True)
    s.wait(120)
    s.outage(False)
    back = s.kernel.now_us
    s.wait(60)
    sizes = [len(u.datagram.reports) for u in s.find(up(), back) if u.datagram.reports]
    s.check(max(sizes) > 1, f"several frames in one datagram: up to {max(sizes)}")
    s.check(max(sizes) <= 6, "never more than six")
    _small(s)


@case("LINK-10", "delivery.urgent", against="LINK-09")
def alone(s):
    """An urgent frame travels alone."""
    s.working()
    s.outage(True)
    for key in ("available", "busy", "on_scene"):
        s.press(key)
        s.wait(15)
    s.hold_panic()
    s.wait(10)
    s.outage(False)
    s.wait(30)
    urgent = [u.datagram for u in s.find(up()) if {"panic", "status"} & set(u.name.split("+"))]
    s.check(
        bool(urgent) and all(len(d.reports) == 1 for d in urgent), f"{len(urgent)} datagrams, one frame each"
    )
    _small(s)


@case("LINK-11", "resources.errors", "coap.max-age", against="LINK-12")
def overloaded(s):
    """5.03 with Max-Age: the terminal waits that long, keeps the frame, and tries again."""
    s.working()
    s.wait(2)
    s.ill(code(coap.SERVICE_UNAVAILABLE, [(coap.MAX_AGE, bytes([20]))]), "5.03, Max-Age 20")
    s.press("available")
    first = s.expect(up("status"), 1)
    s.expect(down("5.03"), 1, first.at_us)
    s.never(up("status"), 18)
    s.ill(None, "as it should again")
    s.expect(stored("status"), 10)


@case(
    "LINK-12",
    "resources.errors",
    "delivery.urgent",
    against="LINK-11",
    lost="headquarters has asked for an hour's patience with what is no alarm",
)
def overloaded_alarm(s):
    """An alarm waits five seconds at most, however long headquarters asks for."""
    s.working()
    s.wait(2)
    s.ill(code(coap.SERVICE_UNAVAILABLE, [(coap.MAX_AGE, bytes([0x0E, 0x10]))]), "5.03, Max-Age 3600")
    s.hold_panic()
    s.wait(30)
    tries = s.find(up("panic", first=True))
    s.check(len(tries) >= 5, f"tried at least five times in 30 s: {len(tries)}")
    s.ill(None, "as it should again")
    s.expect(panic(), 6)


@case("LINK-13", "resources.errors", "delivery.durable", against="LINK-14")
def suspended(s):
    """4.03: a suspended terminal keeps its frames and brings them when it is lifted."""
    s.working()
    s.wait(2)
    s.ill(code(coap.FORBIDDEN), "4.03")
    s.press("available")
    s.wait(70)
    s.equal(s.reports("status"), [], "status reports at headquarters")
    s.ill(None, "as it should again")
    s.expect(stored("status"), 70)


@case(
    "LINK-14",
    "resources.errors",
    against="LINK-13",
    lost="what headquarters called malformed waits for the next start",
)
def malformed(s):
    """4.00 to one frame: it is set aside, and those behind it are not held up."""
    s.working()
    s.wait(2)
    bad = []

    def answer(path, request):
        if path == "/f" and not bad:
            bad.append(request.payload)
        return (coap.BAD_REQUEST, [], b"no") if path == "/f" and request.payload == bad[0] else None

    s.ill(answer, "4.00 to the first frame that comes")
    s.press("available")
    s.wait(3)
    s.press("busy")
    s.expect(stored("status", "busy", lambda r: r[report.STATUS] == 4), 5)
    s.wait(10)
    tried = [
        u for u in s.find(up("status")) if cbor.encode(u.datagram.frames) and u.datagram.frames[0] == bad[0]
    ]
    s.check(len(tried) <= 2, f"the refused one is not sent on and on: {len(tried)} times")


@case("LINK-15", "resources.errors", "delivery.bulk", against="LINK-14")
def too_large(s):
    """4.13 to a batch: its frames come in smaller ones."""
    s.working()
    s.outage(True)
    s.wait(100)
    s.outage(False)

    def answer(path, request):
        many = path == "/f" and len(cbor.decode_sequence(request.payload, 6)) > 2
        return (coap.TOO_LARGE, [], b"") if many else None

    s.ill(answer, "4.13 to more than two frames")
    s.wait(90)
    _complete(s)


@case("LINK-16", "coap.con", "delivery.once", against="LINK-04")
def slow(s):
    """On a way of three seconds each way everything arrives, and an alarm shows as received."""
    s.weather(rtt_ms=6000)
    s.working(200)
    s.press("available")
    s.expect(stored("status"), 8)
    held = s.hold_panic()
    s.expect(panic(), 5, held)
    s.expect(lamp("red", "received"), 9, held)


@case("LINK-17", "coap.observe", against="LINK-08", settings=KEEP)
def forgotten(s):
    """When headquarters has forgotten its observers, a command still comes with the next registration."""
    s.car.gnss.moving = False
    s.working()
    s.wait(3)
    s.say("headquarters forgets who listens")
    s.desk.forget_observers()
    command = s.message()
    s.expect(answered(command, 1), 20)


def _complete(s):
    """No gap in the sequence numbers of this boot."""
    names = {signs.name_of(seen.report) for seen in s.find(stored(), since=0)}
    boot = max(boot for boot, _ in names)
    mine = sorted(seq for b, seq in names if b == boot)
    missing = sorted(set(range(mine[-1] + 1)) - set(mine))
    s.equal(missing, [], f"sequence numbers missing at headquarters, of {mine[-1] + 1}")


def _small(s):
    largest = max(len(u.datagram.data) for u in s.find(up(), since=0))
    s.check(largest <= MAX_DATAGRAM, f"the largest datagram has {largest} bytes, of 1,152 at most")
