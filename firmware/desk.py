"""What the officer and the operations centre do: keys in, commands in, frames and lamps out.

No task and no waiting here: each call does its whole work and returns, so a pressed panic key is a signed
frame on flash when `key` returns.
"""

from firmware.commands import DONE, LATER, NOT_SUPPORTED, REFUSED
from firmware.config import FUNCTIONS
from firmware.duty import is_task
from firmware.panic import ACKNOWLEDGED
from protocol import report
from protocol.compat import const

STATUS_CODES = {"available": 1, "on_the_way": 2, "on_scene": 3, "busy": 4, "off_duty": 5}

# Commands of the gateway: kinds.
TASK = const(1)
MESSAGE = const(2)
PANIC_RECEIPT = const(3)

_STAGE_ACKNOWLEDGED = const(5)
_STAGE_CLEARED = const(7)


class Desk:
    """`builder` makes frames, `panics` and `duty` keep what is open, `indicator` shows it; `modem` hears
    that a panic is young; `log(level, text)`."""

    def __init__(self, config, builder, panics, duty, indicator, modem, log):
        self._drill = config["drill"]
        self._event_code = config["event_code"]
        self._builder = builder
        self._panics = panics
        self._duty = duty
        self._indicator = indicator
        self._modem = modem
        self._log = log

    # --- keys

    def key(self, meaning, number):
        """A key's meaning, as `KeyLogic` emits it; "down", "stuck" and "freed" are the caller's."""
        if meaning == "panic":
            self._alarm(self._panics.press())
            self._indicator.click()
        elif meaning == "event":
            event = {report.EVENT_CODE: self._event_code, report.EVENT_COUNT: number}
            self._builder.make(report.KIND_EVENT, report.EVENT, event, urgent=True)
        elif meaning == "accept":
            self._answer_task(self._duty.key("accept"))
        else:
            code = STATUS_CODES[meaning]
            self._builder.status = code
            self._builder.make(report.KIND_STATUS, report.STATUS, code, urgent=True)
            self._answer_task(self._duty.key(meaning))

    def arrival(self, fix):
        """Standing at an accepted task's place answers it without a key."""
        self._answer_task(self._duty.arrival(fix))

    def _answer_task(self, answer):
        if answer is not None:
            task = {report.TASK_ID: answer[0], report.TASK_ANSWER: answer[1]}
            self._builder.make(report.KIND_TASK, report.TASK, task, urgent=True)

    # --- alarms

    def panic_field(self):
        """Field 6 of every report while an alarm is open, None otherwise."""
        panic = self._panics.newest()
        return None if panic is None else self._field(panic)

    def tidy(self):
        """Once in a while: raise alarms that have no frame in this boot, and keep on flash what is open."""
        for panic in self._panics.waiting():
            self._alarm(panic)
        if self._panics.unsaved:
            self._panics.save()

    def _alarm(self, panic):
        # The lamp first: that the key was taken is true from here on, whatever comes.
        self._show()
        self._modem.panic_active = False
        self._modem.panic_active = True  # the grace of ten seconds begins with each alarm
        field = self._field(panic)
        seq, stored = self._builder.make(report.KIND_PANIC, report.PANIC, field, urgent=True)
        self._panics.framed(panic, self._builder.boot, seq, stored)
        if stored:
            self._log(2, "panic %d: frame %d" % (panic.id, seq))
        else:
            self._log(1, "panic %d: frame %d, in memory only" % (panic.id, seq))

    def _field(self, panic):
        state = report.PANIC_DRILL if self._drill else report.PANIC_RAISED
        return {report.PANIC_ID: panic.id, report.PANIC_STATE: state, report.PANIC_SOURCE: report.SOURCE_KEY}

    def stored(self, boot, seq):
        """The gateway's authenticated answer: it has the frame of this name."""
        if self._panics.receipt(boot, seq):
            self._show()
            self._indicator.received()

    def _show(self):
        self._indicator.panic(self._panics.least())
        # On the wires now, not at the lamp task's next turn: what is told to the gateway as shown was
        # shown.
        self._indicator.step()
        if not self._panics.open:
            self._modem.panic_active = False

    # --- commands

    def command(self, kind, body):
        """Do one command of the gateway; the answer to send. What was done before is answered the same
        again."""
        if kind == PANIC_RECEIPT:
            return self._panic_command(body[0], body[1])
        if (kind == MESSAGE or kind == TASK) and self._indicator.hushed:
            return LATER  # nothing may sound now, and what nobody heard was not shown
        if kind == MESSAGE:
            self._indicator.message()
            return DONE
        if kind == TASK:
            if not is_task(body[0], body.get(2), body.get(3)):
                return REFUSED
            if self._duty.shown(body[0], body.get(2), body.get(3)):
                self._indicator.message()
                self._answer_task((body[0], report.TASK_SHOWN))
            return DONE
        return NOT_SUPPORTED

    def _panic_command(self, id, stage):
        if stage == _STAGE_CLEARED:
            if self._panics.step(id, "cleared"):
                self._show()
            return DONE
        if stage != _STAGE_ACKNOWLEDGED:
            return DONE  # the broker has it: nothing the lamp would tell apart
        if self._panics.step(id, "acknowledged"):
            self._show()
            self._indicator.acknowledged()
            return DONE
        panic = self._panics.find(id)
        if panic is not None and panic.state == ACKNOWLEDGED:
            return DONE
        # An alarm this terminal doesn't know cannot have been shown; saying so would be a lie.
        return DONE if id in self._panics.closed else REFUSED


def stuck_mask(logic):
    """Bit mask of the stuck keys in the order of the panel, whichever of them this terminal has."""
    mask = 0
    for key in range(len(logic.functions)):
        if logic.stuck >> key & 1:
            mask |= 1 << FUNCTIONS.index(logic.functions[key])
    return mask
