"""The terminal's side of the bench: its clock, its wire, and what comes in over it.

A wait is one message: what went out since the last one, and "wake me at t, or when one of these has
something". The answer is the time, what came in, and the horizon: before that nothing can come in, so the
program sleeps and computes up to there without asking. That ends as soon as something has gone out, since the
world may answer; but what comes are bytes then, and while it only computes they can wait until it looks
(`look`). While the program runs, time stands still, except for what `charge` adds; the next message
says how far it ran ahead. Without a wire (tests) time is that of `_solo.py`.
"""

import struct
import sys

import _solo
from _memory import buffer
from micropython import const

# Records in both directions: type, index, length, microseconds; then the bytes. See hwsim/wire.py.
RECORD = "<BBHI"
RECORD_SIZE = 8
QUESTION, PIN, UART, PIN_SETUP, UART_SETUP, WATCHDOG, PWM, CLOCK, NOTE, ADC = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
FAULT, MEMORY, AHEAD, FORGET, CONSOLE = 10, 11, 12, 13, 14
# Kinds of message from the terminal: length of the records, kind, readers (bit n: UART n), microseconds that
# the program has run on since its wake-up, wake-up time. In two halves: see `_begin`.
_HEAD, _TIMES = "<IBB", "<IQ"
_HALF_HEAD = const(6)
HEAD_SIZE = 18
BOOT, WAIT, MORE, PROGRAM, ERASE, BUS, RESET, STREAM = 0, 1, 2, 3, 4, 5, 6, 7
# A message from the bench: time, horizon, before when nothing interrupts (0: as that), length of records.
WAKE = "<QQQI"
WAKE_SIZE = 28
ROOM = 8192

FOREVER = (1 << 62) - 1
_SPIN = const(1000)  # looks at the clock without a wait after which the program counts as waiting busily
_SPIN_US = const(50)
_TICKS = const((1 << 30) - 1)
_WRAP_MS = const(20_000)  # ticks start so long before they wrap

now_us = 0
boot_us = 0
zero_us = (_TICKS + 1 - _WRAP_MS) * 1000  # ticks are `now_us` and this, in milliseconds
rtc_memory = buffer(2048)  # a reset leaves what is in it, a loss of power does not
rtc_used = 0
rtc_us = 0  # microseconds since 2000-01-01 when the bench's clock read 0
options = {"cause": "power", "uid": "506174726f6c6131", "pins": {}, "adc": {}, "seed": "solo"}
unanswered = b""  # outputs at which the bench has no device that could answer
pins = {}
uarts = {}
in_interrupt = False  # see _interrupt.py
ahead = None  # the UART whose bytes come in advance

_wire = None
_woken_us = 0
_reach_us = 0  # up to here nothing comes in; 0: something went out, and the bench has to hear of it first
_still_us = 0  # up to here nothing interrupts; 0: no farther than nothing comes in
came_us = FOREVER  # from here on a UART may have more than we know of
_dog_us = FOREVER  # when the watchdog bites, unless it is fed; it is fed with the next message
_dog_timeout_us = 0
_fed_us = 0  # not told yet; 0: told
_portion_us = FOREVER  # when a UART whose bytes come in advance interrupts
_horizon_us = 0  # the nearest of them: a wait that ends before needs no more thought
free_us = 0  # and a computation; who charges often looks here before it calls `charge`
_looks = 0
_out = buffer(HEAD_SIZE + ROOM + RECORD_SIZE)
_out_view = memoryview(_out)
_used = HEAD_SIZE
_wake = buffer(WAKE_SIZE)
_in = memoryview(buffer(ROOM))
_answer = b""


def solo():
    return _wire is None


def now():
    """Microseconds on the bench's clock. Whoever asks very often without waiting makes time pass."""
    global _looks
    _looks += 1
    if _looks > _SPIN and not in_interrupt:
        charge(_SPIN_US)
    return now_us


def ticks_ms():
    """The chip's: `time` gives it to the program, which asks for it more often than for anything."""
    global _looks
    _looks += 1
    if _looks > _SPIN and not in_interrupt:
        charge(_SPIN_US)
    return (now_us + zero_us) // 1000 & _TICKS


def charge(us):
    """The processor is busy for `us` microseconds: interrupts and bytes come, the program stands still."""
    global now_us
    until_us = now_us + us
    if until_us < free_us or in_interrupt:
        now_us = until_us
        return
    if _wire is None:
        _solo.until(until_us)
        return
    while now_us < until_us:  # an interrupt ends the wait early, and the computation goes on
        _pass(until_us, 0, max(_reach_us, _still_us))


def wait(until_us, readers=0):
    """Sleep until the clock reads `until_us` or something came in that the program listens to."""
    global _looks, now_us
    _looks = 0
    if readers and ahead is not None and readers & ahead.wire_mask:
        until_us = min(until_us, ahead.next_us())
    if until_us < _horizon_us:
        if until_us > now_us:
            now_us = until_us
        return
    if until_us <= now_us:
        return
    if _wire is None:
        _solo.wait(until_us)
    else:
        _pass(until_us, readers, _reach_us)


def _pass(until_us, readers, reach_us):
    """Time passes to `until_us` at most, here or at the bench; an interrupt may be due at its end."""
    global now_us
    until_us = min(until_us, _portion_us)
    if until_us < min(reach_us, _dog_us):
        now_us = until_us
    else:
        _exchange(WAIT, until_us, readers)
    if now_us >= _portion_us:
        ahead.catch_up()
        look_out()


def look():
    """Bytes may have arrived while the program computed, and now it looks: hear of them first."""
    if _wire is not None and not in_interrupt:
        _exchange(WAIT, now_us, 0)


def _measure():
    global _horizon_us, free_us
    _horizon_us = min(_reach_us, _dog_us, _portion_us)
    free_us = min(max(_reach_us, _still_us), _dog_us, _portion_us)


def look_out():
    """When the UART with bytes in advance interrupts next."""
    global _portion_us
    _portion_us = ahead.next_us() if ahead is not None and ahead.listens else FOREVER
    _measure()


def record(what, index, data=b""):
    """Something that went out, and that the world may answer at once. It travels with the next message, which
    is the next wait or computation."""
    global _horizon_us, free_us, _reach_us, _still_us
    tell(what, index, data)
    _horizon_us = free_us = _reach_us = _still_us = 0


def tell(what, index, data):
    """The same of what nobody answers: no reason for a message."""
    global _used
    if _wire is None:
        return
    n = len(data)
    if _used + RECORD_SIZE + n > HEAD_SIZE + ROOM:
        _send(MORE, now_us, 0)
    _begin(what, index, n, now_us)
    _out[_used : _used + n] = data
    _used += n


# What is said often is said in pieces: a call with more names and arguments takes heap, and that is the
# program's.
def _begin(what, index, n, at_us):
    global _used
    _out[_used] = what
    _out[_used + 1] = index
    at_us -= _woken_us
    if at_us < 0:
        at_us = 0
    struct.pack_into("<HI", _out, _used + 2, n, at_us)
    _used += RECORD_SIZE


def say(what, index, data, heard_us):
    """The same of what is answered with bytes, not before `heard_us`."""
    global _horizon_us, free_us, _reach_us, came_us
    tell(what, index, data)
    _horizon_us = _reach_us = 0
    if not _still_us:
        free_us = 0
    came_us = min(came_us, heard_us)


def quiet(what, index, data):
    """The same of what only somebody outside may answer."""
    if _still_us:
        tell(what, index, data)
    else:
        record(what, index, data)


def guarded(timeout_us):
    """The watchdog has been started."""
    global _dog_timeout_us, _dog_us
    _dog_timeout_us = timeout_us
    _dog_us = now_us + timeout_us
    _measure()


def fed():
    """The watchdog was fed. The bench reckons with when that was: this alone is no reason for a message."""
    global _dog_us, _fed_us
    if _dog_timeout_us:
        _dog_us = now_us + _dog_timeout_us
        _fed_us = now_us
        _measure()


def meet():
    """Let the bench catch up with the program, so that what it prints is heard when it is said."""
    if _wire is not None and now_us != _woken_us and not in_interrupt:
        _exchange(WAIT, now_us, 0)


def note(text):
    """A line in the bench's trace."""
    quiet(NOTE, 0, text.encode())


def request(kind, argument, data):
    """Ask the bench for something the chip does while the program stands still; bytes of the answer."""
    record(QUESTION, 0, data)
    return _exchange(kind, argument, 0)


def _send(kind, until_us, readers):
    global _used, _fed_us
    if _fed_us:
        _begin(WATCHDOG, 1, 0, _fed_us)
        _fed_us = 0
    struct.pack_into(_HEAD, _out, 0, _used - HEAD_SIZE, kind, readers)
    struct.pack_into(_TIMES, _out, _HALF_HEAD, now_us - _woken_us, until_us)
    _write()
    _used = HEAD_SIZE


def _write():
    try:
        _wire.write(_out_view[:_used])
    except OSError:
        raise SystemExit("the bench is gone")  # no program catches this and goes on for ever


def _exchange(kind, until_us, readers):
    global now_us, _woken_us, _reach_us, _still_us, came_us
    _send(kind, until_us, readers)
    if _wire.readinto(_wake) != WAKE_SIZE:
        raise SystemExit("the bench is gone")
    now_us, _reach_us, _still_us, n = struct.unpack(WAKE, _wake)
    _woken_us = now_us
    came_us = _reach_us if _still_us else FOREVER
    _measure()
    if not n:
        return b""
    _wire.readinto(_in, n)
    return _take(n)


def _take(n):
    global now_us, _answer
    _answer = b""
    at = 0
    while at < n:
        what, index, length, now_us = struct.unpack_from(RECORD, _in, at)
        at += RECORD_SIZE
        data = _in[at : at + length]
        at += length
        # An interrupt handler sees the time of its interrupt, however late the program is: the record says by
        # how much.
        now_us = _woken_us - now_us
        if what == UART:
            if index in uarts:
                uarts[index].arrived(data)
        elif what == PIN:
            if index in pins:
                pins[index].drive(data[0])
            else:
                options["pins"][str(index)] = data[0]
        elif what == ADC:
            options["adc"][str(index)] = data[0] | data[1] << 8
        elif what == AHEAD:
            if index in uarts:
                uarts[index].ahead(data)
        elif what == FORGET:
            if index in uarts:
                uarts[index].forget(now_us, data[0])
        elif what == FAULT:
            sys.modules["_fault"].take(index, bytes(data))
        else:
            _answer = bytes(data)
    now_us = _woken_us
    return _answer


def connect(wire):
    """Solo no longer: `wire` is the file whose other end the bench holds. JSON comes back: the board."""
    global _wire
    _wire = wire
    return _exchange(BOOT, 0, 0)
