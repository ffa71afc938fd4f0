"""An update without a terminal around it: the parts it looks at, flash that can lose power, and a gateway
that answers by hand. For MicroPython."""

import hashlib

import vfs

from firmware import release_check, update_fetch, update_row
from firmware import update as subject
from firmware.p256 import public_key
from firmware.signer import Signer, key_id
from protocol import cbor, coap, suit, update
from protocol.coap import Message
from tests.firmware.ramflash import RamFlash

BLOCK = 4096
ROOM = "/state"
VENDOR = bytes(range(16))
CLASS = bytes(range(16, 32))
BOARD = {"name": "SIM", "vendor": VENDOR, "class": CLASS}
PRIVATE = bytes(range(1, 33))
PUBLIC = public_key(int.from_bytes(PRIVATE, "big"))
IMAGE = bytes(((n * n >> 3) + n) & 255 for n in range(9 * 1024 + 77))
OLD, NEW = 0x000100, 0x000200
LATER, DONE, NOT_SUPPORTED, REFUSED = 0, 1, 2, 3  # answers to the notice


def sha256(data):
    return hashlib.sha256(data).digest()


def manifest(image=IMAGE, private=PRIVATE, version=NEW, **parts):
    values = {"vendor": VENDOR, "board_class": CLASS, "digest": sha256(image), "size": len(image)}
    values["uri"] = "/u/" + update.image_name("SIM", version)
    values.update(parts)
    public = public_key(int.from_bytes(private, "big"))
    signer = Signer(private, public, lambda n: bytes(n), 1, b"uid")
    return suit.envelope(suit.Release(version, **values), key_id(public), sha256, signer.sign)


class Slots:
    """What firmware/slots.py does, for one slot in memory; `trouble` is raised by the next write."""

    room = 64 * 1024

    def __init__(self, trial=False):
        self.data = bytearray(b"\xff" * self.room)
        self.begun = False
        self.finished = None
        self.staged = 0
        self.trial = trial
        self.desk = 0
        self.running = 1
        self.confirmed = self.given_up = False
        self.trouble = None
        self.writes = []
        self.pieces = 0  # read for a digest

    @property
    def other(self):
        return None if self.trial else 1 - self.running

    def image(self, number):
        assert number == self.other
        if self.finished is None:
            return None
        return _Any(size=self.finished[0], version=self.finished[1], sha256=self.finished[2])

    def begin(self):
        self._free()
        self.finished = None
        self.begun = True

    def _free(self):
        if self.trial:
            raise ValueError("slot: an image on trial runs; confirm it first")

    def write(self, offset, data):
        self._free()
        if self.trouble is not None:
            trouble, self.trouble = self.trouble, None
            raise trouble
        assert offset // BLOCK == (offset + len(data) - 1) // BLOCK, "across two blocks of flash"
        if offset % BLOCK == 0:
            self.data[offset : offset + BLOCK] = b"\xff" * BLOCK
        for at in range(len(data)):
            self.data[offset + at] &= data[at]
        self.writes.append(offset)

    def _reading(self, size, digest):
        """As many pieces as there are blocks."""
        for _ in range(0, size, BLOCK):
            self.pieces += 1
            yield
        return sha256(bytes(self.data[:size])) == digest

    def finishing(self, size, version, digest, board):
        if not (yield from self._reading(size, digest)):
            return False
        self.finished = (size, version, digest, board)
        return True

    def staging(self):
        self._free()
        if self.finished is None or not (yield from self._reading(self.finished[0], self.finished[2])):
            return False
        self.staged += 1
        return True

    def confirm(self):
        self.trial = False
        self.confirmed = True

    def give_up(self):
        self.given_up = True


class Reset(Exception):
    """The chip starts anew."""


class _Any:
    def __init__(self, **fields):
        for name in fields:
            setattr(self, name, fields[name])


class Link:
    """Requests as they are asked; `bench.answer` answers the newest."""

    def __init__(self):
        self.asked = []
        self.cancelled = []
        self.none = False  # nothing can be protected now

    def ask(self, owner, subject, code, path, payload, lane, options=()):
        if self.none:
            return None
        attempt = _Any(owner=owner, code=code, path=path, payload=payload, options=options, lane=lane)
        self.asked.append(attempt)
        return attempt

    def cancel(self, attempt):
        self.cancelled.append(attempt)


class Bench:
    """One terminal over its starts. `boot(runs)` is the next."""

    def __init__(self, key=PUBLIC, served=None):
        flash = RamFlash(16)
        vfs.VfsLfs2.mkfs(flash)
        vfs.mount(vfs.VfsLfs2(flash), ROOM)
        update_row.FILE = ROOM + "/update"
        subject.forget = update_fetch.forget = lambda *names: None
        values = {"release_key": key.hex()}
        release_check.load = lambda: (values, [])
        self.served = served or {}
        self.serve(NEW)
        self.slots = Slots()
        self.said = []
        self.lines = []
        self.boot(OLD)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        vfs.umount(ROOM)
        return False

    def serve(self, version, image=IMAGE, **parts):
        self.served[update.manifest_name("SIM", version)] = manifest(image, version=version, **parts)
        self.served[update.image_name("SIM", version)] = image

    def boot(self, runs, trial=False):
        self.now = 1000
        self.panics = _Any(open=[])
        self.urgent = 0
        self.bulk = 0
        self.link = Link()
        self.is_linked = True
        self.dead = 0
        self.waits = False  # what can wait: an alarm is about to come, or its lamp has just changed
        self.pressed = False  # a key that has not said yet what it means
        self.slots.trial = trial

        def reset():
            raise Reset

        def bearer_changed():
            pass

        self.app = _Any(
            clock=_Any(uptime_ms=lambda: self.now),
            uplink=_Any(link=self.link, bearer_changed=bearer_changed, urgent=_Any(jobs=[])),
            modem=_Any(panic_active=False),
            panics=self.panics,
            journal=_Any(count=lambda urgent: self.urgent if urgent else self.bulk),
            builder=_Any(status=None, seq=1, held=[]),
            beat=_Any(quiet=False),
            keys=_Any(busy=lambda: self.pressed),
            supervisor=_Any(restarts=lambda: self.dead),
            trace=_Any(keep=lambda fails: self.lines.append("kept %d" % fails)),
            hal=_Any(reset=reset),
            used=_Any(set=lambda: None),
            waits=lambda: self.waits,
            queue=lambda: self.urgent + self.bulk,
            linked=lambda: self.is_linked,
            random16=lambda: 0,
            log=lambda level, text: self.lines.append(text),
            safe=0,
        )
        return self.reload(runs)

    def reload(self, runs):
        """After an alarm: the rest of the program has run on."""
        self.update = subject.Update(self.app, self.slots, BOARD, runs)
        return self

    @property
    def row(self):
        return row(self) if update_row.kept() else None

    @property
    def state(self):
        row = self.row
        return None if row is None else row[0]

    @property
    def reason(self):
        return self.row[5]

    def order(self, version=NEW):
        return self.update.asked({0: version})

    def wait(self, ms):
        self.now += ms

    def answer(self, code=None, payload=b"", options=()):
        """The newest request is answered: as the gateway does, or with this."""
        attempt = self.link.asked[-1]
        if code is None:
            code, payload, options = self.gateway(attempt)
        message = Message(coap.ACK, code, options=list(options), payload=payload)
        attempt.owner.answered(attempt, message)

    def gateway(self, attempt):
        """What a gateway says."""
        if attempt.code == coap.POST:
            self.said.append(update.decode_progress(attempt.payload))
            return coap.CHANGED, b"", ()
        (number, name), (option, block) = attempt.options
        assert number == coap.URI_PATH and option == update.BLOCK2
        data = self.served.get(name.decode())
        if data is None:
            return coap.NOT_FOUND, b"", ()
        at, _, szx = update.read_block(block)
        size = 16 << szx
        part = data[at * size : (at + 1) * size]
        more = (at + 1) * size < len(data)
        return coap.CONTENT, part, ((update.BLOCK2, update.block_option(at, more, szx)),)

    def run(self, until=None, steps=400):
        """Steps, with a gateway that answers each request; True when `until()` came true, or all is over."""
        for _ in range(steps):
            if until is not None and until():
                return True
            asked = len(self.link.asked)
            wait_ms = self.update.step()
            if wait_ms is None:
                return until is None or bool(until())
            if len(self.link.asked) > asked:
                self.answer()
            else:
                self.now += wait_ms
        return False


def row(bench):
    return cbor.decode(open(update_row.FILE, "rb").read()[8:])


def said(bench):
    return [state for _, state, _ in bench.said]


def ready(bench):
    assert bench.order() == DONE
    assert bench.run(lambda: bench.state == update.READY)
    return bench


def refused(bench, word, written=False):
    """It is told, and forgotten; flash holds what it held."""
    assert bench.run(), bench.lines
    assert said(bench)[-1] == update.REFUSED and word in bench.said[-1][2], bench.said
    assert bench.state is None and not bench.slots.staged
    assert bool(bench.slots.writes) == written
