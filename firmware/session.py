"""The terminal's OSCORE contexts: kept on flash, each with its reserved Partial IVs, in two slots.

RFC 8613 B.1.1: a sender sequence number is never used twice. 64 are reserved on flash before the first of
them is used, and a start goes on where the reservation ended: losing power skips numbers but repeats none. A
slot holds keys and reservation in one record, so that the one is never there without the other: with a slot
that is lost or damaged its context is lost, and another is agreed on.

A new context goes into the slot that is not in use, and is used from then on; the old slot stays until the
gateway has answered under the new context. The gateway's answers need no window kept on flash: each is bound
to a request of this boot by its nonce.
"""

import os

from firmware import statefile
from protocol import cbor
from protocol.compat import const
from protocol.errors import ProtocolError
from protocol.limits import MAX_SEQUENCE
from protocol.oscore import Context

SLOTS = ("/oscore0", "/oscore1")

RESERVE = const(64)
# With fewer left, only urgent messages are protected until flash has taken the next reservation: a pressed
# panic key neither waits for flash nor depends on it.
LOW = const(16)
# A context that flash did not take lives in memory alone, where nothing has to be reserved. Its numbers begin
# here, far above all that are ever reserved: should flash have taken it after all, the next start repeats
# none.
_UNKEPT = const(1 << 39)
_LIMIT_BYTES = const(5)


class Session:
    """`aead` see protocol.oscore. Without a whole slot there is no context: nothing is protected."""

    def __init__(self, aead, slots=SLOTS, log=None):
        self._aead = aead
        self._slots = slots
        self._log = log
        self._context = None
        self._old = None  # the one before: answers to what was protected under it still come
        self._slot = 0
        self._rest = b""  # what stands in the slot behind the limit
        self._generation = 0
        self._proved = False  # the gateway has answered under the context in force
        self.made_ms = None  # UTC at which the context in force was made, or None
        self.failing = False  # flash did not take the last reservation
        self.flash_errors = 0
        self.unauthentic = 0
        there = (self._look(0), self._look(1))
        self._tidy = not there[1 - self._slot]  # the other slot holds nothing

    @property
    def ready(self):
        """There is a context, with numbers left to use."""
        return self._context is not None and (self.left() > 0 or not self.failing)

    def protect(self, message, urgent):
        """(outer message, binding), or None while there is no number that may be used.

        Flash that refused is not asked here again: what waits asks twice a second, and each try wears it."""
        if self.left() < (1 if urgent else LOW) and (self.failing or not self.prepare()):
            return None
        return self._context.protect_request(message)

    def unprotect(self, outer, binding):
        """The message inside, or None when it is not the gateway's answer to this request."""
        former = self.former(binding)
        try:
            message = (self._old if former else self._context).unprotect_response(outer, binding)
        except ProtocolError as error:
            self.unauthentic += 1
            self._say(2, "not authentic: %s" % error)
            return None
        if not former:
            self._proved = True
        return message

    def former(self, binding):
        """The request was protected under the context before the one in force."""
        return self._old is not None and binding.kid is self._old.sender_id

    def left(self):
        """Numbers that may be used without touching flash."""
        context = self._context
        return 0 if context is None else context.limit - context.sequence

    def prepare(self):
        """Reserve the next numbers when few are left; True when there are enough. For quiet moments, and the
        only one to try again where flash refused."""
        if self._proved and not self._tidy:
            self._retire()
        if self._context is None:
            return False
        if self.left() >= LOW:
            return True
        limit = self._context.limit + RESERVE
        self.failing = not self._write(self._slot, limit, self._rest)
        if self.failing:
            return False
        self._context.limit = limit
        return True

    def adopt(self, secret, salt, sender_id, recipient_id, made_ms):
        """A context that the gateway holds too: on flash, then in force. Should flash not take it, it is used
        from memory as long as there is power."""
        generation = self._generation + 1
        rest = cbor.encode([generation, secret, salt, sender_id, recipient_id, made_ms])
        slot = 1 - self._slot
        kept = self._write(slot, RESERVE, rest)
        self._old = self._context
        self._enter(slot, RESERVE, rest)
        if not kept:
            self._context.sequence = _UNKEPT
            self._context.limit = MAX_SEQUENCE
        else:
            self._context.sequence = 0
        self.failing = False
        self._proved = self._tidy = False

    def _retire(self):
        """The gateway uses the new context: nothing needs the old one."""
        statefile.remove(self._slots[1 - self._slot])
        self._tidy = True
        self._old = None

    def _look(self, slot):
        """Take the context in this slot if it is whole and the newest. True when there is anything."""
        path = self._slots[slot]
        data = statefile.read(path)
        try:
            if data is None:
                os.stat(path)
                raise ValueError
            rest = data[_LIMIT_BYTES:]
            if cbor.decode(rest)[0] > self._generation:
                self._enter(slot, int.from_bytes(data[:_LIMIT_BYTES], "big"), rest)
        except OSError:
            return False
        except (ProtocolError, ValueError, TypeError, LookupError):
            self._say(1, path + " is damaged; its keys are used no more")
        return True

    def _enter(self, slot, limit, rest):
        generation, secret, salt, sender_id, recipient_id, made_ms = cbor.decode(rest)
        # Whole by its digest, and perhaps another version's: it has to fail here, not when it is used.
        for part in (secret, salt, sender_id, recipient_id):
            if not isinstance(part, bytes):
                raise ValueError
        if made_ms is not None and type(made_ms) is not int:
            raise ValueError
        self._context = Context(
            secret, salt, sender_id, recipient_id, self._aead, sequence=limit, limit=limit
        )
        self._generation = generation
        self.made_ms = made_ms
        self._slot = slot
        self._rest = rest

    def _write(self, slot, limit, rest):
        try:
            statefile.write(self._slots[slot], limit.to_bytes(_LIMIT_BYTES, "big") + rest)
        except OSError as error:
            self.flash_errors += 1
            self._say(1, "%s: %r" % (self._slots[slot], error))
            return False
        return True

    def _say(self, level, text):
        if self._log is not None:
            self._log(level, "link: " + text)
