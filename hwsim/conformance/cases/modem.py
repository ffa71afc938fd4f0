"""MODEM: what modems really do, and how the terminal lives with it. It sees a UART and three pins."""

from hwsim.conformance import signs
from hwsim.conformance.case import case
from hwsim.conformance.signs import lamp, modem, modem_pin, panic, stored
from hwsim.modem.sim import Sim


@case("MODEM-01", "modem", against="MODEM-02")
def hangs(s):
    """A modem that hangs is brought back; what was pressed meanwhile arrives within two minutes."""
    s.working()
    s.modem_hangs()
    s.press("available")
    s.expect(modem("booting"), 90)
    s.expect(stored("status"), 120)


@case("MODEM-02", "modem", against="MODEM-01", profile="a7670-slow")
def slow(s):
    """A modem that is only slow is not restarted: to answer, to find its cell, to open its socket."""
    s.working(240)
    s.wait(30)
    s.press("available")
    s.expect(stored("status"), 10)
    s.count(modem("booting"), 1, since=0)


@case("MODEM-03", "modem", against="MODEM-02")
def restarts(s):
    """A modem that restarts by itself is set up anew from its first sign of life."""
    s.working()
    s.modem_restarts()
    s.press("available")
    s.expect(stored("status"), 40)


@case("MODEM-04", "modem", "officer.panic", against="MODEM-05")
def alarm_in_hang(s):
    """An alarm raised while the modem hangs is received once it is back, within two minutes."""
    s.working()
    s.modem_hangs()
    held = s.hold_panic()
    s.expect(lamp("red", "sending"), 0.5, held)
    s.expect(lamp("red", "received"), 120, held)
    s.count(panic(), 1)


@case("MODEM-05", "modem", "officer.panic", against="MODEM-04")
def no_reset_in_alarm(s):
    """In the first ten seconds of an alarm a modem that works is not switched, whatever headquarters fails
    to say."""
    s.working()
    s.asleep()
    held = s.hold_panic()
    s.wait(11)
    s.never(modem_pin(), since=held)
    s.never(modem_pin(level=0), since=held)
    s.asleep(False)
    s.expect(lamp("red", "received"), 2)


@case("MODEM-06", "modem", against="MODEM-01")
def storm(s):
    """A storm of unsolicited lines, one every 20 ms, neither stops nor restarts anything."""
    s.working()
    s.say("the modem storms for ten seconds")
    # A line that announces a new start would be believed, and rightly.
    s.car.modem.profile.storm_urcs = ("+CGEV: ME PDN ACT 8,1", "+CPSI: NO SERVICE,Online", "+CREG: 1")
    s.car.modem.storm(10, every_ms=20)
    s.wait(2)
    s.press("available")
    s.expect(stored("status"), 5)
    s.expect(panic(), 3, s.hold_panic())
    s.count(modem("booting"), 1, since=0)


@case("MODEM-07", "modem", against="MODEM-06", seed=3)
def garbled(s):
    """Where one byte of five hundred from the modem is garbled, everything arrives all the same."""
    s.car.modem.profile.garble = 0.002
    s.working(240)
    for _ in range(4):
        s.press("available")
        s.wait(10)
    s.expect(stored("status"), 60, s.began_us, count=4)


@case("MODEM-08", "modem.pin", "settings.link", against="MODEM-09", settings={"pin": "2580"})
def right_pin(s):
    """The SIM's PIN is offered once, and the terminal works."""
    s.car.modem.reader.card = Sim(pin="2580")
    s.working()
    s.equal(s.car.modem.reader.card.attempts, ["2580"], "PINs that were offered")


@case("MODEM-09", "modem.pin", against="MODEM-08", settings={"pin": "1111"}, lost="the SIM stays locked")
def wrong_pin(s):
    """A wrong PIN is offered once and never again, through four starts: the SIM is not blocked. Keys work
    on."""
    sim = s.car.modem.reader.card = Sim(pin="2580")
    s.switch_on()
    s.wait(30)
    for _ in range(4):
        s.cut_power(1)
        s.wait(25)
    s.equal(sim.attempts, ["1111"], "PINs that were offered")
    s.check(sim.tries == 2, f"tries left: {sim.tries}")
    held = s.hold_panic()
    s.expect(lamp("red", "sending"), 0.5, held)


@case("MODEM-10", "modem", against="MODEM-11")
def send_fails(s):
    """A modem that takes no datagram for a while, its buffer full, gets them again."""
    s.working()
    s.say("every sending fails")
    s.car.modem.profile.send_fails = 1.0
    held = s.hold_panic()
    s.wait(6)
    s.say("sendings succeed again")
    s.car.modem.profile.send_fails = 0.0
    s.expect(panic(), 10, s.kernel.now_us)
    s.count(panic(), 1, held)


@case("MODEM-11", "modem", against="MODEM-10")
def no_prompt(s):
    """A modem that now and then does not ask for the data still gets every frame over."""
    s.car.modem.profile.prompt_missing = 0.15
    s.working(240)
    for _ in range(4):
        s.press("busy")
        s.wait(8)
    s.expect(stored("status"), 60, s.began_us, count=4)


@case("MODEM-12", "modem", against="MODEM-01")
def only_supply_helps(s):
    """A modem that only its supply switch brings back is brought back by it."""
    s.car.modem.profile.hang_cured_by = ("supply",)
    s.working()
    s.modem_hangs()
    s.expect(modem_pin("modem_supply", 0), 240)
    s.expect(modem("booting"), 90, s.kernel.now_us)
    s.press("available")
    s.expect(stored("status"), 60)


@case("MODEM-13", "modem", against="MODEM-02", profile="sim7600")
def other_model(s):
    """A SIM7600 with its own habits, its prompts, its twelve seconds of boot, does as well."""
    s.working(120)
    s.press("available")
    s.expect(stored("status"), 3)
    s.expect(panic(), 2, s.hold_panic())


@case("MODEM-14", "modem", against="MODEM-03")
def network_closes(s):
    """When the network closes the socket, it is opened again."""
    s.working()
    s.say("the network closes the socket")
    for number in list(s.car.modem.stack.links):
        s.car.modem.stack.close_by_network(number)
    s.press("available")
    s.expect(stored("status"), 20)


@case("MODEM-15", "modem", "officer.green", against="MODEM-13", lost="there is no SIM")
def no_sim(s):
    """Without a SIM keys and lamps work, nothing counts as delivered, and the modem is not restarted
    without end."""
    s.car.modem.reader.card = Sim(present=False)
    s.switch_on()
    s.wait(20)
    s.begin()
    held = s.hold_panic()
    s.expect(lamp("red", "sending"), 0.5, held)
    s.wait(60)
    s.never(lamp("red", "received"), since=held)
    s.check(
        len(s.find(modem("booting"))) <= 3,
        f"starts of the modem in a minute: {len(s.find(modem('booting')))}",
    )
    s.never(signs.trouble(), since=0)
