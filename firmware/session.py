"""The terminal's OSCORE context: from the link keys of provisioning, with its Partial IVs reserved on flash.

RFC 8613 B.1.1: a sender sequence number is never used twice. 64 are reserved on flash before the first of
them is used, and a start goes on where the reservation ended: losing power skips numbers but repeats none.
The gateway's answers need no window kept on flash: each is bound to a request of this boot by its nonce.
"""

import os

from firmware import statefile
from protocol.compat import const
from protocol.errors import ProtocolError
from protocol.oscore import Context

PATH = "/oscore"

RESERVE = const(64)
# With fewer left, only urgent messages are protected until flash has taken the next reservation: a pressed
# panic key neither waits for flash nor depends on it.
LOW = const(16)
# Without a readable file the numbers go on at boot << 22. Every boot stays below the next one's start (four
# million messages), so that this too repeats none as long as the boot counter does not.
_BOOT_SHIFT = const(22)
_MOST_BOOTS = const(1 << 17)


class Session:
    """`link` holds "secret", "salt", "sender_id" and "recipient_id" as bytes; `aead` see protocol.oscore.

    `trouble` is what a person has to mend, in words, or None."""

    def __init__(self, link, aead, boot, path=PATH, log=None):
        self._path = path
        self._log = log
        self.trouble = None
        self.flash_errors = 0
        self.unauthentic = 0
        start = self._stored(boot)
        self._context = Context(
            link["secret"],
            link["salt"],
            link["sender_id"],
            link["recipient_id"],
            aead,
            sequence=start or 0,
            limit=start or 0,
        )

    def protect(self, message, urgent):
        """(outer message, binding), or None while there is no number that may be used."""
        if self.left() < (1 if urgent else LOW) and not self.prepare():
            return None
        return self._context.protect_request(message)

    def unprotect(self, outer, binding):
        """The message inside, or None when it is not the gateway's answer to this request."""
        try:
            return self._context.unprotect_response(outer, binding)
        except ProtocolError as error:
            self.unauthentic += 1
            self._say(2, "not authentic: %s" % error)
            return None

    def left(self):
        """Numbers that may be used without touching flash."""
        return self._context.limit - self._context.sequence

    def prepare(self):
        """Reserve the next numbers when few are left; True when there are enough. For quiet moments."""
        if self.trouble is not None:
            return False
        if self.left() >= LOW:
            return True
        limit = self._context.limit + RESERVE
        try:
            statefile.write(self._path, limit.to_bytes(5, "big"))
        except OSError as error:
            self.flash_errors += 1
            self._say(1, "%s: %r" % (self._path, error))
            return False
        self._context.limit = limit
        return True

    def _stored(self, boot):
        data = statefile.read(self._path)
        if data is not None and len(data) == 5:
            return int.from_bytes(data, "big")
        try:
            os.stat(self._path)
            self._say(1, self._path + " is damaged; counting goes on from the boot counter")
        except OSError:
            self._say(2, self._path + ": first use of these link keys")
        if boot >= _MOST_BOOTS:
            self.trouble = "%s and the boot counter are both lost. Enroll and provision again." % self._path
            self._say(1, self.trouble)
            return None
        return boot << _BOOT_SHIFT

    def _say(self, level, text):
        if self._log is not None:
            self._log(level, "link: " + text)
