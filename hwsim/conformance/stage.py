"""Where a case's story is told: a car and its officer, headquarters, the way between, and what must and
must not be seen. Every call leaves a line for the report."""

from dataclasses import dataclass

from hwsim.conformance import office, signs
from hwsim.conformance.failure import Failure
from hwsim.conformance.officer import Officer
from hwsim.conformance.witness import Witness
from hwsim.network import GATEWAY_ADDRESS
from hwsim.technician import BOARD
from protocol import report

_SETTLED_S = 1.0
_EYE_S = 6.0


@dataclass
class Step:
    """A line of the story: an action, what was expected and came, or what did not."""

    at_us: int
    kind: str  # does, sees, never, fails
    text: str


class Stage(Officer):
    """`rig` is a Rig, or a House; `car` the first of its cars. Times in seconds, from the beginning of the
    story."""

    def __init__(self, rig):
        self.rig = rig
        self.kernel = rig.kernel
        self.cars = rig.cars
        self.car = rig.cars[0]
        self.desk = getattr(rig, "desk", None)
        self.board = BOARD  # whose releases it takes
        keys = getattr(rig, "context_of", None) or rig.desk.context_of
        self.witness = Witness(rig.kernel, rig.cars, keys)
        self.steps = []
        self.began_us = 0
        self.acted_us = 0  # the last thing that was done: what is expected, is expected from there on
        # From the beginning: a listener that comes later would not stand before what is bound already.
        self.middle = office.Middle(rig.network.host_at(GATEWAY_ADDRESS))
        rig.network.serve(GATEWAY_ADDRESS, self.middle)

    # --- time

    @property
    def now_s(self):
        return (self.kernel.now_us - self.began_us) / 1e6

    @property
    def seen(self):
        return self.witness.seen

    def wait(self, seconds, why=None):
        if why is not None:
            self.say(why)
        self.kernel.run_for(seconds)
        self.acted_us = self.kernel.now_us

    def working(self, limit_s=120):
        """Ignition; the terminal is served and quiet. The story begins here."""
        self.switch_on()
        for car in self.cars:
            if not self.kernel.run_until(lambda name=car.name: self._served(name), limit_s):
                raise Failure(f"{car.name} was not served within {limit_s} s after it was switched on")
        self.kernel.run_for(_SETTLED_S)
        self.begin()
        return self

    def _served(self, name):
        return any(seen.what == "stored" and seen.car == name for seen in self.seen)

    def switch_on(self):
        """Ignition on in every car; nothing is waited for."""
        self.rig.start()
        self.say("ignition on")
        return self

    def begin(self):
        """Times of the story count from now."""
        self.began_us = self.acted_us = self.kernel.now_us

    # --- what must be seen

    def say(self, text, kind="does"):
        self.steps.append(Step(self.kernel.now_us, kind, text))
        if kind == "does":
            self.acted_us = self.kernel.now_us

    def find(self, sign, since=None, until=None):
        """All that was seen since the moment `since` (microseconds; default: the beginning of the story)."""
        since = self.began_us if since is None else since
        return [s for s in self.seen if s.at_us >= since and (until is None or s.at_us <= until) and sign(s)]

    def expect(self, sign, within_s, since=None, count=1):
        """The sign comes (the `count`-th time) within so many seconds after `since` (default: what was last
        done)."""
        since = self.acted_us if since is None else since
        limit_us = since + round(within_s * 1e6)
        end_s = (limit_us - self.kernel.now_us) / 1e6 + sign.late_s
        found = []
        state = [0]

        def come():
            # Only what is new has to be looked at; the story may be long.
            seen = self.seen
            for index in range(state[0], len(seen)):
                if since <= seen[index].at_us + sign.early_us and sign(seen[index]):
                    found.append(seen[index])
            state[0] = len(seen)
            return len(found) >= count

        self.kernel.run_until(come, max(0.0, end_s))
        times = "" if count == 1 else f" {count} times"
        if len(found) < count or found[count - 1].at_us > limit_us:
            after = (
                f"; it came after {(found[count - 1].at_us - since) / 1e6:.3f} s"
                if len(found) >= count
                else ""
            )
            got = f"; {len(found)} of {count} came" if count > 1 and len(found) < count else ""
            self._fail(f"{sign.text}{times} within {_span(within_s)}: it did not{after}{got}")
        last = found[count - 1]
        took = (last.at_us - since) / 1e6
        self.steps.append(
            Step(last.at_us, "sees", f"{sign.text}{times}: after {_span(took)} (limit {_span(within_s)})")
        )
        return last

    def never(self, sign, for_s=None, since=None, until=None):
        """The sign does not come in the next `for_s` seconds, or between two moments that are past."""
        since = self.kernel.now_us if since is None else since
        if for_s is not None:
            self.kernel.run_for(for_s)
            self.acted_us = self.kernel.now_us
        wrong = self.find(sign, since, until)
        if wrong:
            self._fail(
                f"{sign.text}: it never shall; at {self._clock(wrong[0].at_us)} it did: {wrong[0].text}"
            )
        self.say(sign.text + (f" (for {_span(for_s)})" if for_s else ""), "never")

    def count(self, sign, number, since=None, until=None):
        """So many times, neither more nor less, up to now."""
        found = self.find(sign, since, until)
        if len(found) != number:
            at = ", ".join(self._clock(s.at_us) for s in found[:6])
            self._fail(f"{sign.text}: {number} times; it was {len(found)}{': at ' + at if at else ''}")
        self.say(f"{sign.text}: {number} times, as it shall be", "sees")
        return found

    def check(self, true, text):
        """Anything else that can be asked of what was seen; `text` says what shall be."""
        if not true:
            self._fail(text)
        self.say(text, "sees")

    def equal(self, is_, shall, text):
        if is_ != shall:
            self._fail(f"{text}: {shall!r}; it was {is_!r}")
        self.say(f"{text}: {shall!r}", "sees")

    def judged(self, sentence):
        """What the judges say of the whole story; "" when nothing was broken."""
        if sentence:
            self._fail(sentence)

    def _fail(self, text):
        self.steps.append(Step(self.kernel.now_us, "fails", text))
        raise Failure(text)

    def _clock(self, at_us):
        return f"{(at_us - self.began_us) / 1e6:.3f} s"

    # --- headquarters, as far as a story may ask it

    @property
    def kid(self):
        return bytes.fromhex(self.car.kid)

    def reports(self, kind=None, since=None):
        """What headquarters has stored from the first car, in its order."""
        return [s.report for s in self.find(signs.stored(kind), since) if s.car == self.car.name]

    def alarm(self, within_s=3, since=None):
        """The id of the alarm that headquarters stores next."""
        return signs.panic_id(self.expect(signs.panic(), within_s, since).report)

    def acknowledge(self, id):
        self.say(f"the operations centre acknowledges alarm {id}")
        return self.desk.receipt(self.kid, id, office.ACKNOWLEDGED)

    def clear(self, id):
        self.say(f"the operations centre clears alarm {id}")
        return self.desk.receipt(self.kid, id, office.CLEARED)

    def command(self, kind, body, text):
        self.say(f"the operations centre: {text}")
        return self.desk.command(self.kid, kind, body)

    def task(self, id, lat=None, lon=None):
        body = {0: id, 1: "Accident with injured persons"}
        if lat is not None:
            body |= {2: round(lat * 1e7), 3: round(lon * 1e7)}
        return self.command(office.TASK, body, f"task {id}")

    def message(self, text="Check the parking area"):
        return self.command(office.MESSAGE, {1: text}, "a message")

    def renew(self):
        self.say("the operations centre asks for new keys")
        return self.desk.renew(self.kid)

    def asleep(self, on=True):
        """Headquarters hears and says nothing."""
        self.say("headquarters falls silent" if on else "headquarters is back")
        self.desk.awake = not on
        self.kernel.emit("fault", "headquarters silent" if on else "headquarters back")
        if not on:
            self.desk.awaken()

    def answers_lost(self, on=True):
        """What headquarters says does not come through; what the terminal says does."""
        self.say("the answers of headquarters are lost" if on else "answers come through again")
        self.middle.down = office.silence if on else None
        self.kernel.emit("fault", "answers lost" if on else "answers back")

    def loses_everything(self):
        self.say("headquarters loses its store")
        self.kernel.emit("fault", "lose_store")
        self.desk.lose_everything()

    def mend(self):
        """After the story."""
        self.desk.ill = None
        self.desk.awake = True
        self.desk.awaken()

    def at_headquarters(self, kid):
        """Names of what it has of that terminal."""
        return self.desk.named(kid)

    def forge(self, data):
        """Somebody on the way sends the terminal a datagram of his own making."""
        self.kernel.emit("fault", "forged", car=self.car.name)
        self.middle.forge(data)

    def ill(self, answer, text):
        """Headquarters answers every request with that, authentically; None ends it."""
        self.say(f"headquarters answers {text}")
        self.desk.ill = answer


def _span(seconds):
    return (
        f"{seconds * 1000:.0f} ms"
        if seconds < 1
        else f"{seconds:g} s"
        if seconds == int(seconds)
        else f"{seconds:.2f} s"
    )


def has_fix(fields):
    return signs.place(fields) is not None


def fix_of(fields):
    return fields.get(report.FIX)
