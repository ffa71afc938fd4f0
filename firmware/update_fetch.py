"""How an update is fetched: its manifest, then its image, block by block into the slot that does not run."""

from firmware.renewer import forget
from protocol import coap, update
from protocol.compat import const
from protocol.errors import Malformed, ProtocolError, Unauthentic

_KEEP = const(16384)  # so many bytes are fetched again after a reset, at most
_MOST_ERRORS = const(5)


class Fetch:
    """`of`: the Update, with row, `go()`, `refuse()`. `link`: its UpdateLink. `app`, `slots`, `board`: see
    update.py."""

    def __init__(self, of, link, app, slots, board):
        self._of = of
        self._link = link
        self._app = app
        self._slots = slots
        self._board = board
        self._szx = update.SZX_MOST
        self.errors = 0

    def resume(self):
        """From what is surely on flash."""
        row = self._of.row
        row.offset -= row.offset % _KEEP

    def ask_manifest(self):
        name = update.manifest_name(self._board["name"], self._of.row.version)
        self._link.get(name, 0, self._szx, self.manifest)

    def ask_block(self):
        row = self._of.row
        name = update.image_name(self._board["name"], row.version)
        self._link.get(name, row.offset >> self._szx + 4, self._szx, self.block)

    def look(self):
        """At the image as it lies in flash: only if it is the one of the manifest the slot holds it. See
        `Slots.finishing`."""
        row = self._of.row
        return self._slots.finishing(row.size, row.version, row.digest, self._board["name"])

    def trouble(self, why):
        """Once more; and not for ever."""
        self._app.log(1, "update: %s" % why)
        self.errors += 1
        if self.errors >= _MOST_ERRORS:
            self._of.refuse("%s" % why)
            return
        self.resume()
        self._link.pause()

    # --- answers

    def manifest(self, message):
        """Nothing is fetched, and nothing erased, before the release key has spoken for it."""
        if self._link.later(message):
            return
        if message.code != coap.CONTENT:
            self._of.refuse("the gateway has none of this version for %s" % self._board["name"])
            return
        from firmware.release_check import verified

        row = self._of.row
        try:
            said = verified(message.payload, self._board, row.version, self._slots.room)
            self._slots.begin()
            row.size = said.size
            row.digest = said.digest
            row.offset = 0
            self._of.go(update.FETCHING)
        except Unauthentic:
            self._of.refuse("not signed by the release key")
        except ProtocolError as error:
            self._of.refuse(str(error))
        except OSError as error:
            self.trouble(error)
        forget("firmware.release_check", "firmware.config", "firmware.p256_point", "protocol.suit")

    def block(self, message):
        if self._link.later(message):
            return None
        if message.code != coap.CONTENT:
            self._of.refuse("withdrawn")
            return None
        row = self._of.row
        data = message.payload
        offset = row.offset
        end = offset + len(data)
        try:
            number, more, szx = update.read_block(message.option(update.BLOCK2) or b"")
        except Malformed:
            szx = 7
        if szx > self._szx or number << szx + 4 != offset or (more and len(data) != 16 << szx):
            return self.trouble("block: not what was asked for")
        if not data or end > row.size or more != (end < row.size):
            return self.trouble("block: not as long as the image")
        self._szx = szx
        try:
            self._slots.write(offset, data)
            row.offset = end
            if end % _KEEP == 0 or end == row.size:
                row.keep()
                self.errors = 0  # not for each block: those before the one in trouble come again, too
        except OSError as error:
            self.trouble(error)
