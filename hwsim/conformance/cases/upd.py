"""UPD: updates in the field. The terminal starts by itself from one of two slots of its flash, as flash.py
leaves it; what it is offered is signed by the bench's release key, or not."""

from hwsim import releases
from hwsim.board import load_board
from hwsim.conformance.case import case
from hwsim.conformance.signs import answered, start, stored, trouble, up, update
from protocol import report
from protocol.update import image_name, manifest_name, version_number

UPDATE = 5
NEW = "0.2.0"
# No program, and long enough for a few blocks: for what must not be started.
STUFF = bytes((n * n >> 5) & 255 for n in range(20_000))
_SLOT = 1  # the one that does not run
_HEAD = 4096
FETCH_S = 240
PARKED_S = 200


def offer(s, image=None, version=NEW, **how):
    """Headquarters has a release; without `image`, the real program under that version. `how`: what is
    different in its manifest (`releases.signed`)."""
    number = version_number(version)
    real = releases.make(s.workshop, NEW, s.board)
    like = releases.manifest_of(s.workshop, NEW, s.board)
    data = real if image is None else image
    s.desk.offers.served[image_name(s.board, number)] = data
    s.desk.offers.served[manifest_name(s.board, number)] = releases.signed(
        data, version, like, board=s.board, **how
    )
    return data


def notice(s, version=NEW):
    """The gateway's word that there is an update; it is taken."""
    number = s.command(UPDATE, {0: version_number(version)}, f"there is an update to {version}")
    s.expect(answered(number, 1), 5)


def ready(s, version=NEW, within_s=FETCH_S):
    notice(s, version)
    return then(s, update("ready"), within_s)


def then(s, sign, within_s):
    """It comes within so many seconds from now."""
    return s.expect(sign, within_s, s.kernel.now_us)


def park(s):
    s.say("the car is parked, ignition off")
    s.car.park()


def slot(s, count, at=0):
    """What lies in the slot that does not run."""
    begin = load_board(s.board)["flash"]["slots"][_SLOT]["address"] + _HEAD
    return s.car.terminal.flash.read(begin + at, count)


def version(s, since=None):
    """Of the program that runs, by its newest health report."""
    said = [r[report.HEALTH][report.HEALTH_VERSION] for r in s.reports("health", since)]
    return said[-1] if said else None


def bad(s):
    """What goes wrong from here on is the new program's, and is forgiven."""
    s.kernel.emit("fault", "bad_program", car=s.car.name)


def refused(s, reason, within_s=100):
    """It says why; the slot stays as it was, and the old program goes on."""
    untouched = slot(s, 256)
    then(s, update("refused", reason), within_s)
    s.check(slot(s, 256) == untouched, "the other slot is as it was")
    s.never(start(), 30)
    s.press("busy")
    s.expect(stored("status"), 3)


@case("UPD-01", "update.way", "update.start", against="UPD-02", slots=True)
def whole_way(s):
    """A release is fetched while the car drives, started when it is parked, and confirmed: the new program
    runs and says so."""
    s.working()
    image = offer(s)
    notice(s)
    then(s, update("fetching"), 100)
    s.never(start(), 20)
    then(s, update("ready"), FETCH_S)
    s.check(slot(s, len(image)) == image, "the image lies in the other slot, whole")
    park(s)
    began = then(s, start(), PARKED_S).at_us
    then(s, update("trying"), 60)
    then(s, update("done"), 120)
    s.equal(version(s, began), version_number(NEW), "the version that health reports say")
    s.cut_power(2)
    s.expect(stored("health"), 60)
    s.equal(version(s, s.acted_us), version_number(NEW), "the version after the next start")
    s.never(trouble(), since=0)


@case("UPD-02", "update.start", against="UPD-01", slots=True)
def drives_on(s):
    """As long as the car drives, or its officers are at work, the new program is not started."""
    s.working()
    offer(s, STUFF)
    ready(s)
    s.say("nobody has said what he is doing: the road alone is the reason")
    s.never(start(), 200)
    s.press("on_scene")
    s.expect(stored("status"), 3)
    park(s)
    s.never(start(), 900)
    s.press("off_duty")
    then(s, start(), PARKED_S)


@case("UPD-03", "update.verify", against="UPD-01", slots=True)
def wrongly_signed(s):
    """Signed by another key: nothing is fetched, nothing is erased, and it is told."""
    s.working()
    offer(s, STUFF, key=releases.own_key(7))
    notice(s)
    refused(s, "not signed by the release key")
    s.check(not any(name.endswith(".romfs") for _, name, _ in s.desk.offers.blocks), "no block was asked for")


@case("UPD-04", "update.verify", against="UPD-01", slots=True)
def changed_manifest(s):
    """A manifest with one bit changed, in any of its parts, is refused before the image is fetched."""
    s.working()
    offer(s, STUFF)
    name = manifest_name(s.board, version_number(NEW))
    whole = s.desk.offers.served[name]
    for at in range(5, len(whole), 60):
        since = s.kernel.now_us
        s.desk.offers.served[name] = whole[:at] + bytes((whole[at] ^ 16,)) + whole[at + 1 :]
        notice(s)
        then(s, update("refused"), 100)
        s.count(update("fetching"), 0, since)
    s.desk.offers.served[name] = whole
    ready(s)


@case("UPD-05", "update.version", against="UPD-01", slots=True)
def older(s):
    """An older release is refused, and the one that runs is nothing new; neither is fetched."""
    s.working()
    offer(s, STUFF, "0.0.9")
    notice(s, "0.0.9")
    refused(s, "older than what runs")
    notice(s, "0.1.0")
    then(s, update("done"), 100)
    s.equal(s.desk.offers.blocks, [], "blocks that were asked for")
    s.never(start(), 20)


@case("UPD-06", "update.version", against="UPD-01", slots=True)
def slipped_in(s):
    """Headquarters offers one version and gives the manifest of another, rightly signed: refused."""
    s.working()
    offer(s, STUFF, "0.3.0")
    served = s.desk.offers.served
    served[manifest_name(s.board, version_number(NEW))] = served[
        manifest_name(s.board, version_number("0.3.0"))
    ]
    notice(s)
    refused(s, "of version 0.3.0")


@case("UPD-07", "update.verify", against="UPD-01", slots=True)
def another_board(s):
    """Made for another board, rightly signed: refused before the image is fetched."""
    s.working()
    offer(s, STUFF, board_class=bytes(16))
    notice(s)
    refused(s, "for another board")


@case("UPD-08", "update.verify", "update.start", against="UPD-01", slots=True)
def corrupted(s):
    """An image that is not the one of its manifest is written, found out, and not started."""
    s.working()
    offer(s, STUFF)
    name = image_name(s.board, version_number(NEW))
    s.desk.offers.served[name] = STUFF[:9000] + b"x" + STUFF[9001:]
    notice(s)
    then(s, update("refused", "another digest"), FETCH_S)
    park(s)
    s.never(start(), PARKED_S)


@case("UPD-09", "update.verify", against="UPD-01", slots=True)
def truncated(s):
    """An image that ends too early: asked for again some times, then refused."""
    s.working()
    offer(s, STUFF)
    name = image_name(s.board, version_number(NEW))
    s.desk.offers.served[name] = STUFF[:-700]
    notice(s)
    then(s, update("refused", "not as long"), FETCH_S)
    park(s)
    s.never(start(), PARKED_S)


@case("UPD-12", "update.bulk", "panic.latency", against="UPD-01", slots=True)
def alarm_first(s):
    """PANIC while it is fetched: the first datagram is as quick as ever, no block is asked for until the
    alarm is over, then it goes on."""
    s.working()
    offer(s)
    notice(s)
    then(s, update("fetching"), 100)
    for _ in range(5):
        s.wait(2.3)
        blocks = len(s.desk.offers.blocks)
        held = s.hold_panic()
        s.expect(up("panic"), 0.3, held)
        id = s.alarm(2, held)
        s.wait(20)
        s.check(len(s.desk.offers.blocks) <= blocks + 2, "blocks asked for in twenty seconds of alarm")
        s.acknowledge(id)
        s.clear(id)
        s.wait(6)
        s.kernel.run_until(lambda before=blocks: len(s.desk.offers.blocks) > before + 3, 60)
        s.check(len(s.desk.offers.blocks) > blocks + 3, "and after it they come again")
    then(s, update("ready"), FETCH_S)
