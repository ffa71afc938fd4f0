"""KEYS: how the keys of the link come about, and what may not disturb that."""

from hwsim.conformance import signs
from hwsim.conformance.case import case
from hwsim.conformance.signs import answered, down, lamp, panic, stored, up
from protocol import coap


@case("KEYS-01", "edhoc", against="KEYS-02", linked=False)
def fresh(s):
    """A terminal that was never switched on agrees on keys by itself, and then brings its first frame."""
    s.switch_on()
    s.expect(up("EDHOC 1"), 30, 0)
    s.expect(down("EDHOC 4"), 20, 0)
    s.expect(stored(), 30, 0)
    s.equal(s.desk.shakes.done, 1, "handshakes")


@case("KEYS-02", "edhoc", against="KEYS-01")
def kept(s):
    """One that has keys goes on with them after power was lost: its first datagram is sealed with them."""
    s.working()
    s.wait(3)
    s.cut_power(2)
    first = s.expect(up(), 30)
    s.check(first.datagram.kid in s.desk.links, f"the first datagram is a sealed one: {first.name}")
    s.expect(stored(), 3, first.at_us)
    s.wait(20)
    s.never(up("EDHOC 1"), since=0)


@case("KEYS-03", "edhoc", "resources.c", against="KEYS-04")
def on_command(s):
    """The operations centre may ask for new keys; frames go on meanwhile, and then under the new ones."""
    s.working()
    old = set(s.desk.links)
    command = s.renew()
    s.expect(answered(command, 1), 3)
    s.expect(down("EDHOC 4"), 20)
    s.press("available")
    told = s.expect(stored("status"), 3)
    s.check(told is not None and set(s.desk.links) > old, "there is another context")
    s.expect(up(None, "under the new keys", lambda d: d.kid is not None and d.kid not in old), 65)


@case("KEYS-04", "edhoc", against="KEYS-03")
def not_by_itself(s):
    """Without a reason no new keys are made: not in two minutes of a drive with an outage in it."""
    s.working()
    s.wait(20)
    s.outage(True)
    s.wait(40)
    s.outage(False)
    s.wait(60)
    s.never(up("EDHOC 1"), since=0)


@case("KEYS-05", "edhoc", "resources.errors", against="KEYS-04")
def store_lost(s):
    """When headquarters has lost its store, the terminal finds back by itself within a minute, and loses
    nothing more."""
    s.working()
    s.wait(5)
    s.loses_everything()
    lost = s.kernel.now_us
    s.expect(down("EDHOC 4"), 60, lost)
    s.press("available")
    s.expect(stored("status"), 10)


@case("KEYS-06", "edhoc", "panic.latency", against="KEYS-05")
def store_lost_in_alarm(s):
    """With an alarm waiting it does so at once: received within 12 s."""
    s.working()
    s.wait(5)
    s.loses_everything()
    held = s.hold_panic()
    s.expect(lamp("red", "received"), 12, held)


@case("KEYS-07", "edhoc", against="KEYS-01", linked=False)
def impostor(s):
    """A gateway that cannot prove that it has the right key gets no frame; when the right one is back, all
    goes on."""
    genuine = s.desk.shakes._private
    s.desk.shakes._private = (12345).to_bytes(32, "big")
    s.switch_on()
    s.expect(down("EDHOC 2"), 30, 0)
    s.wait(40)
    s.never(up("EDHOC 3"), since=0)
    s.never(up(None, "with a frame in it", lambda d: bool(d.reports)), since=0)
    s.say("the genuine gateway is back")
    s.desk.shakes._private = genuine
    s.expect(stored(), 75)


@case("KEYS-08", "edhoc.errors", against="KEYS-01", linked=False)
def forged_errors(s):
    """Forged errors in the middle of a handshake end nothing: it is done all the same."""

    def first_an_error(data):
        message = coap.decode(data)
        forged = coap.Message(
            coap.ACK, coap.BAD_REQUEST, message.message_id, message.token, [], b"\x01\x63no!"
        )
        return [forged.encode(), data]

    s.middle.down = first_an_error
    s.switch_on()
    s.expect(stored(), 60, 0)


@case(
    "KEYS-09",
    "edhoc",
    "coap.con",
    against="KEYS-01",
    linked=False,
    weather={"loss": 0.3, "duplicate": 0.2},
    seed=4,
)
def lossy(s):
    """With three datagrams of ten lost each way and some doubled, one handshake makes one context, and it
    serves."""
    s.switch_on()
    s.expect(stored(), 240, 0)
    s.wait(10)
    used = [link for link in s.desk.links.values() if link.used_us is not None]
    s.equal(len(used), 1, "contexts in use")


@case("KEYS-10", "edhoc", "delivery.urgent", against="KEYS-03")
def alarm_meanwhile(s):
    """An alarm raised in the middle of a renewal waits for nothing: 300 ms to its first datagram."""
    s.working()
    for delay in (0.15, 0.6):
        s.renew()
        s.wait(delay)
        held = s.hold_panic()
        s.expect(up("panic"), 0.3, held)
        s.clear(s.alarm(3, held))
        s.wait(8)


@case("KEYS-11", "edhoc", "oscore.piv", against="KEYS-02", linked=False)
def cut_in_handshake(s):
    """Power cut in the middle of the handshake, at five moments: the next start agrees on keys and brings
    its frames."""
    s.switch_on()
    for number in range(5):
        s.expect(up("EDHOC 1", first=True), 30)
        s.wait(number * 0.15)
        if s.find(stored(), since=0):
            break
        s.cut_power(0.5)
        s.wait(1)
    s.expect(stored(), 40)
    s.never(signs.trouble(), since=0)


@case("KEYS-12", "edhoc.retire", "delivery.once", against="KEYS-03")
def answers_of_old_keys(s):
    """What was sent under the old keys may still be answered while the new ones come into force: nothing is
    lost."""
    s.working()
    s.answers_lost()
    s.press("available")
    s.wait(1)
    s.answers_lost(False)
    s.renew()
    s.press("busy")
    s.hold_panic()
    s.wait(15)
    s.equal(len(s.reports("status")), 2, "status reports")
    s.count(panic(), 1)
    s.expect(lamp("red", "received"), 20, s.began_us)


_HOUR_S = 3600


@case("KEYS-13", "edhoc.daily", against="KEYS-14", settings={"keepalive_s": 300, "parked_s": 1800})
def daily(s):
    """When they are a day old the keys are made anew, though the car was switched off for most of it; frames
    go on under the new ones."""
    s.working()
    s.park()
    s.ignition(False)
    s.cut_power(22.6 * _HOUR_S)
    s.wait(22.6 * _HOUR_S)
    old = set(s.desk.links)
    since = s.kernel.now_us
    s.never(up("EDHOC 1"), 15 * 60)
    s.expect(down("EDHOC 4"), 1.5 * _HOUR_S, since)
    s.press("available")
    s.expect(stored("status"), 3)
    s.expect(up(None, "under the new keys", lambda d: d.kid is not None and d.kid not in old), 305)
    s.never(up("EDHOC 1"), 600)


@case("KEYS-14", "edhoc.daily", against="KEYS-13", settings={"keepalive_s": 300, "parked_s": 1800})
def not_yet(s):
    """Half a day old they are not, not in an hour."""
    s.working()
    s.park()
    s.ignition(False)
    s.cut_power(12 * _HOUR_S)
    s.wait(12 * _HOUR_S)
    s.expect(stored(), 40)
    s.never(up("EDHOC 1"), _HOUR_S, since=0)


@case("KEYS-15", "edhoc.daily", "panic.latency", against="KEYS-13")
def overdue(s):
    """Switched off for thirty hours, they are overdue: new ones within eleven minutes. Until then the old
    ones serve, and an alarm does not wait."""
    s.working()
    s.park()
    s.ignition(False)
    s.cut_power(30 * _HOUR_S)
    s.wait(30 * _HOUR_S)
    since = s.kernel.now_us
    s.expect(stored(), 40)
    held = s.hold_panic()
    s.expect(up("panic"), 0.3, held)
    s.clear(s.alarm(3, held))
    s.expect(down("EDHOC 4"), 11 * 60, since)
