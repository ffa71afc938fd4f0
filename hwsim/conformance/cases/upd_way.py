"""UPD: what is on the way of an update: power cuts, outages, a headquarters that cannot now, no slots."""

from hwsim.conformance.case import case
from hwsim.conformance.cases.upd import FETCH_S, NEW, STUFF, UPDATE, notice, offer, slot, then
from hwsim.conformance.signs import answered, stored, trouble, update
from protocol import coap
from protocol.update import version_number


@case("UPD-10", "update.way", "power", against="UPD-01", slots=True)
def power_cut(s):
    """Power cut in any flash operation of an update: the old program or the new one starts, and the update
    goes on by itself."""
    s.working()
    offer(s, STUFF)
    notice(s)
    then(s, update("fetching"), 100)
    flash = s.car.terminal.flash
    for number in (0, 2, 7, 19, 40):
        s.say(f"power will fail {number} flash operations from now")
        flash.cut_at(flash.operations + number)
        cut = s.kernel.run_until(lambda: not s.car.terminal.powered, 60)
        flash.cut_at(None)
        if not cut:
            break  # it was quicker
        s.wait(1)
        s.power_on()
        s.expect(stored("health"), 60)
    s.expect(update("ready"), FETCH_S, since=0)
    s.check(slot(s, len(STUFF)) == STUFF, "the image lies in the other slot, whole")
    s.never(trouble(), since=0)


@case("UPD-11", "update.way", against="UPD-01", slots=True)
def outage(s):
    """The link is lost for three hours in the middle: it goes on where it was, and fetches nothing twice."""
    s.working()
    offer(s, STUFF)
    notice(s)
    s.kernel.run_until(lambda: len(s.desk.offers.blocks) >= 8, 100)
    s.outage(True)
    s.wait(3 * 3600)
    s.outage(False)
    then(s, update("ready"), FETCH_S)
    numbers = [number for _, name, number in s.desk.offers.blocks if name.endswith(".romfs")]
    s.check(len(numbers) <= len(set(numbers)) + 1, f"blocks asked for: {numbers}")
    s.check(slot(s, len(STUFF)) == STUFF, "the image lies in the other slot, whole")


@case("UPD-16", "update.way", against="UPD-01", slots=True)
def not_now(s):
    """A headquarters that says "not now" (5.03) is asked again when it said; one that has it no more (4.04)
    ends it."""
    s.working()
    offer(s, STUFF)
    wait = coap.Message(coap.ACK, coap.SERVICE_UNAVAILABLE, options=[(coap.MAX_AGE, coap.uint_option(120))])
    number = s.command(UPDATE, {0: version_number(NEW)}, f"there is an update to {NEW}")
    s.expect(answered(number, 1), 5)
    then(s, update("fetching"), 100)
    s.desk.offers.answer = lambda *_: wait
    s.wait(5)
    blocks = len(s.desk.offers.blocks)
    s.wait(100)
    s.equal(len(s.desk.offers.blocks), blocks, "blocks that were given")
    s.desk.offers.answer = None
    then(s, update("ready"), FETCH_S)
    number = s.command(
        UPDATE, {0: version_number("0.9.0")}, "there is an update to 0.9.0, which is not there"
    )
    s.expect(answered(number, 1), 5)
    then(s, update("refused", "has none of this version"), 100)


@case("UPD-17", "update.way", against="UPD-01")
def no_slots(s):
    """A terminal whose program lies in no slot says that it cannot: headquarters knows, and goes on."""
    s.working()
    number = s.command(UPDATE, {0: version_number(NEW)}, f"there is an update to {NEW}")
    s.expect(answered(number, 2), 5)
    s.press("busy")
    s.expect(stored("status"), 3)
