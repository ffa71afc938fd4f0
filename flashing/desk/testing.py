"""The guided test of a provisioned board, from its supply to a drill alarm through the real gateway and back
to its lamp. Each step stands for itself: what fails is said with what to do, and the others go on as far as
they make sense.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flashing.desk import modem_words
from flashing.desk.device import Device
from flashing.desk.person import Person
from flashing.desk.technician import kid_of
from flashing.errors import FlashError

GOOD, FAILED, SKIPPED = "good", "failed", "skipped"
_GNSS_MS = 240_000
_MODEM_MS = 180_000
_KEY_MS = 60_000
_DRILL_MS = 240_000
_RECEIVED, _ACKNOWLEDGED = 3, 4
_SUPPLY_MV = (9_000, 32_000)
_LEAST_FREE = 65_536
_WIRES = (
    ("red", "Which lamp is lit?", ("red", "green", "none")),
    ("green", "Which lamp is lit?", ("red", "green", "none")),
    ("buzzer", "Does it sound?", ("yes", "no")),
    ("vibrator", "Does it shake?", ("yes", "no")),
)
_HOLD_MS = 1500


@dataclass
class Step:
    """`text`: what was found. `do`: what to do where it failed."""

    name: str
    result: str
    text: str
    do: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


class Test:
    """`run()` gives the record. `tell(step)` hears of each step as it is over."""

    def __init__(
        self,
        device: Device,
        person: Person,
        tell: Callable[[Step], None],
        acknowledge_s: int = 20,
        skip: tuple[str, ...] = (),
    ) -> None:
        self._device = device
        self._person = person
        self._tell = tell
        self._wait_ms = acknowledge_s * 1000
        self._skip = skip
        self.steps: list[Step] = []
        self._about: dict[str, Any] = {}

    def run(self, unit: str | None) -> dict[str, Any]:
        """Raises FlashError where the board is not one that can be tested."""
        began = time.time()
        self._device.begin()
        self._about = self._device.about()
        self._provisioned(unit)
        self._do("supply", self._supply)
        self._do("flash", self._flash)
        self._do("gnss", self._gnss)
        self._do("modem", self._modem)
        for key in self._about["keys"]:
            self._do(f"key {key}", lambda key=key: self._key(key))  # type: ignore[misc]
        for wire, question, choices in _WIRES:
            self._do(wire, lambda w=wire, q=question, c=choices: self._wire(w, q, c))  # type: ignore[misc]
        if any(step.name == "modem" and step.result == FAILED for step in self.steps):
            self._note(Step("drill", SKIPPED, "no modem, no drill", "mend the modem first"))
        else:
            self._do("drill", self._drill)
        public = bytes.fromhex(self._about["public_key"])
        return {
            "unit": self._about["unit"],
            "kid": kid_of(public).hex(),
            "public_key": public.hex(),
            "board": self._about["board"],
            "chip": self._about["uid"],
            "version": self._about["version"],
            "began": _iso(began),
            "ended": _iso(time.time()),
            "passed": all(step.result == GOOD for step in self.steps),
            "steps": [
                {name: getattr(step, name) for name in ("name", "result", "text", "do", "values")}
                for step in self.steps
            ],
        }

    def _provisioned(self, unit: str | None) -> None:
        about = self._about
        if about["public_key"] is None or about["problems"]:
            why = about["problems"][0] if about["problems"] else "it has no key pair"
            raise FlashError(f"this board is no terminal yet: {why}", self._device.port, "provision it first")
        if unit is not None and unit not in (about["unit"], about["unit"].split("/")[-1]):
            raise FlashError(
                f"this board is {about['unit']}, not {unit}",
                self._device.port,
                "take the right board; what stands on its label counts",
                reason="wrong-unit",
            )

    def _do(self, name: str, work: Callable[[], Step]) -> None:
        if name.split()[0] in self._skip or name in self._skip:
            self._note(Step(name, SKIPPED, "left out on request"))
            return
        began = time.monotonic()
        step = work()
        step.name = name
        step.seconds = round(time.monotonic() - began, 1)
        self._note(step)

    def _note(self, step: Step) -> None:
        self.steps.append(step)
        self._tell(step)

    # --- the steps

    def _supply(self) -> Step:
        said = self._device.examine("supply")
        mv = said["mv"]
        if mv is None:
            return Step("", GOOD, "not measured on this board", values=said)
        if _SUPPLY_MV[0] <= mv <= _SUPPLY_MV[1]:
            return Step("", GOOD, f"{mv / 1000:.1f} V", values=said)
        do = "connect the vehicle's supply, or a bench supply of 12 to 14 V; then check the divider's wiring"
        return Step("", FAILED, f"{mv / 1000:.1f} V, and it should be 9 to 32 V", do, said)

    def _flash(self) -> Step:
        said = self._device.examine("flash", patience_s=60.0)
        text = f"{said['free'] // 1024} KB free, {said['waiting']} frames wait in {said['blocks']} blocks"
        if not said["good"] or said["worn"]:
            return Step(
                "", FAILED, f"{text}, {said['worn']} worn", "take another board: this flash is worn out", said
            )
        if said["free"] < _LEAST_FREE:
            do = f"see what lies there: {self._device.list_files}"
            return Step("", FAILED, f"{text}: too little", do, said)
        return Step("", GOOD, text, values=said)

    def _gnss(self) -> Step:
        self._person.say("  the antenna must see the sky; a first fix takes up to three minutes")
        said = self._device.examine("gnss", _GNSS_MS, patience_s=60.0)
        if said.get("antenna") in ("open", "short"):
            do = (
                "screw the antenna on, look for a crushed cable"
                if said["antenna"] == "open"
                else "the cable is crushed"
            )
            return Step("", FAILED, f"the antenna is {said['antenna']}", do, said)
        if said.get("fix"):
            sats = "" if said["sats"] is None else f", {said['sats']} satellites"
            antenna = f", antenna {said['antenna']}" if said["antenna"] else ""
            return Step("", GOOD, f"fix after {said['at_ms'] / 1000:.0f} s{sats}{antenna}", values=said)
        if said.get("silent"):
            return Step(
                "",
                FAILED,
                "the receiver says nothing",
                "check its wires: TX of the one at RX of the other",
                said,
            )
        if said.get("garbled"):
            return Step(
                "",
                FAILED,
                "what the receiver says makes no sense",
                "its baud rate is another: board.toml",
                said,
            )
        return Step("", FAILED, "no fix", "put the antenna where it sees the sky, then test again", said)

    def _modem(self) -> Step:
        told = False

        def tell(said: dict[str, Any]) -> None:
            nonlocal told
            if said.get("state") == modem_words.SIM_READY and not said["end"] and not told:
                told = True
                self._person.say("  it looks for a network; without an antenna this takes three minutes")

        said = self._device.examine(
            "modem", None, _MODEM_MS, modem_words.UP, patience_s=_longer(_MODEM_MS), each=tell
        )
        wrong = modem_words.trouble(said, modem_words.UP, self._device.port)
        if wrong is not None:
            return Step("", FAILED, wrong.what, wrong.do, said)
        text, enough = modem_words.signal(said.get("rsrp_dbm"))
        if not enough:
            return Step(
                "", FAILED, f"registered, signal {text}", "screw the LTE antenna on; try a window", said
            )
        return Step("", GOOD, f"SIM ready, registered, data; signal {text}", values=said)

    def _key(self, key: str) -> Step:
        for attempt in (1, 2):
            said: dict[str, Any] = {}
            for said in self._device.watch("key", _KEY_MS, patience_s=_longer(_KEY_MS)):
                if not said["end"]:
                    self._person.press(key, 300)
            pressed = said.get("pressed") or []
            if pressed == [key] and said.get("held_ms") is not None:
                return Step("", GOOD, "pressed and let go", values=said)
            if attempt == 1:
                what = " and ".join(name.upper() for name in pressed) or "none"
                self._person.say(f"  that was {what}; once more")
        if not pressed:
            return Step("", FAILED, "no press came", "check its wire to the board (boards/, README.md)", said)
        if said.get("held_ms") is None:
            return Step(
                "",
                FAILED,
                f"{pressed[0]} is down all the time",
                "it is stuck, or its wire lies on ground",
                said,
            )
        return Step(
            "", FAILED, f"the board sees {', '.join(pressed)}", "two wires are swapped, or touch", said
        )

    def _wire(self, wire: str, question: str, choices: tuple[str, ...]) -> Step:
        said = self._device.examine("show", wire, 1)
        if not said["there"]:
            return Step("", GOOD, "this board has none", values=said)
        try:
            answer = self._person.look(wire, question, choices)
        finally:
            self._device.examine("show", wire, 0)
        if answer in (wire, "yes"):
            return Step("", GOOD, "seen" if answer == wire else "noticed", values={"answer": answer})
        do = "check its wire and its polarity (boards/, README.md)"
        return Step("", FAILED, f"answered: {answer}", do, {"answer": answer})

    def _drill(self) -> Step:
        """The program itself runs, with one thing changed: an alarm says of itself that it is a drill."""
        self._person.say("  the program starts, and looks for the gateway")
        said: dict[str, Any] = {}
        asked = False
        seen = ""
        stages: list[int] = []
        for said in self._device.watch("drill", _DRILL_MS, self._wait_ms, patience_s=_longer(_DRILL_MS)):
            if said.get("linked") and not asked and not said["end"]:
                asked = True
                self._person.press("panic", _HOLD_MS)
            if said.get("stage") and said["stage"] not in stages:
                stages.append(said["stage"])
            if said.get("stage") in (_RECEIVED, _ACKNOWLEDGED) and not said["end"] and not seen:
                # While it still blinks, or burns.
                seen = self._seen()
        values = {"stages": stages, "fault": said.get("fault"), "cleared": said.get("cleared")}
        if not asked:
            do = 'check "host" and "port", and whether the gateway knows this terminal: gateway list'
            return Step(
                "", FAILED, f"the gateway does not answer: {said.get('fault') or 'no link'}", do, values
            )
        best = max(stages, default=0)
        if not best:
            return Step("", FAILED, "no alarm was raised", "hold PANIC down until it clicks", values)
        if best < _RECEIVED:
            return Step(
                "", FAILED, "the alarm did not come through", "look at the gateway's log; test again", values
            )
        if seen == "none":
            return Step("", FAILED, "received, but the lamp stays dark", "check the lamp", values)
        how = (
            "and acknowledged by the operations centre" if best >= _ACKNOWLEDGED else "stored by the gateway"
        )
        return Step("", GOOD, f"raised, received, shown; {how}", values=values)

    def _seen(self) -> str:
        if self._about["covert"]:
            return "covert"  # an alarm lights nothing there, as it is to be
        return self._person.look("red", "Does the red lamp blink or burn?", ("red", "none"))


def _longer(for_ms: int) -> float:
    """Seconds of patience with an examination that may have nothing to say until its time is over."""
    return for_ms / 1000 + 30


def _iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
