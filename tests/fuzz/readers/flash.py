"""What a terminal finds on its flash at a start: bytes of worn cells, another version, a foreign hand."""

import hashlib

from firmware import bootcount, identity, journal, segment, session, simpin, statefile
from firmware.duty import Duty
from firmware.panic import Panics
from protocol.cbor import encode
from protocol.coap import POST, Message
from protocol.errors import ProtocolError
from tests.firmware.ramflash import RamFlash
from tests.fuzz.readers.cbor import draw
from tests.fuzz.readers.memory_flash import Flash
from tests.fuzz.readers.source import Source
from tests.protocol.pair import AEAD

TOKENS = (
    b"\xa2\x00\x58\x20", b"\x01\x58\x40", b"\x86\x01\x50", b"\x48saltsalt", b"\x44\xca\xfe\x00\x07",
    b"\x41\x01", b"\xf6", b"\xa7\x01\x04\x00\x01\x00\x00\x00\x02\x00\x00\x00", b"\x84\x01\x01\x01\x01",
    b"\x84\x1a\x00\x01\x00\x01\x01\x01\xf6",
)  # fmt: skip


def _whole(data):
    return hashlib.sha256(data).digest()[:8] + data


def flash_contexts(data):
    """Two slots of contexts: a sound one is used whatever lies in the other, and no number comes twice."""
    source = Source(data)
    files = {}
    sound = {}
    for slot in (0, 1):
        kind = source.byte() & 7
        if kind == 0:
            continue
        generation = source.byte()
        limit = source.word()
        record = [
            generation,
            source.take(16),
            source.take(8),
            b"\xca\xfe\x00" + bytes((slot,)),
            b"\x01",
            None,
        ]
        if kind == 1:
            content = source.short()
        elif kind == 2:
            content = _whole(source.short())
        else:
            if kind == 3:
                record[source.byte() % 6] = draw(source, 5)
            elif kind == 4:
                record = draw(source, 4)
            elif generation:
                sound[generation] = sound.get(generation, ()) + (limit,)
            content = _whole(limit.to_bytes(5, "big") + encode(record))
        files[session.SLOTS[slot]] = content
    with Flash(files, statefile, session):
        one = session.Session(AEAD)
        if sound:
            assert one._context is not None, "a sound slot is not used"
            assert one._generation >= max(sound) and one.left() == 0
        if one._context is None:
            return b"none"
        first = one._context.sequence
        if sound and len(files) == sum([len(limits) for limits in sound.values()]):
            assert first in sound[one._generation]
        numbers = []
        for _ in range(3):
            try:
                got = one.protect(Message(0, POST, payload=b"x"), True)
            except ProtocolError:
                break  # beyond 2^40: the last number was used
            if got is not None:
                numbers.append(int.from_bytes(got[1].piv, "big"))
        assert numbers == [first + n for n in range(len(numbers))]
        again = session.Session(AEAD)
        assert again._generation == one._generation
        assert not numbers or again._context.sequence > numbers[-1], "a number would come twice"
        one.adopt(b"s" * 16, b"t" * 8, b"newid", b"\x01", 5)
        assert one.protect(Message(0, POST, payload=b"x"), True)[1].kid == b"newid"
        assert session.Session(AEAD)._context.sender_id == b"newid", (
            "the new context is not the one of the next start"
        )
    return b"%d %d" % (first, len(numbers))


def flash_small(data):
    """/identity, /boot, the PIN's record: read as what they are, or taken for damaged."""
    source = Source(data)
    kind = source.byte()
    content = source.rest()
    if kind & 1:
        content = _whole(content)
    files = {"/identity": content, "/boot": content, "/pin": content}
    with Flash(files, statefile, bootcount, identity, simpin):
        pair = identity.read()
        assert pair is None or (len(pair[0]) == 32 and len(pair[1]) == 64)
        boot, trouble = bootcount.next_boot(lambda n: b"\x5a" * n)
        assert 0 < boot < 1 << 31 and len(files["/boot"]) == 12
        assert bootcount.next_boot(lambda n: b"\xa5" * n)[0] != boot, "a boot number came twice"
        guard = simpin.PinGuard(simpin.FileStore("/pin"))
        said = guard.may_send(b"card", "1234", 3)
        guard.sending(b"card", "1234", 3)
        guard.refused(b"card", "1234", 2)
        assert guard.may_send(b"card", "1234", 3) is not None
        assert len(files["/pin"]) <= 8 + 5 * 34 + len(content)
    return b"%d %d %d" % (boot, pair is not None, said is None)


def _record(source, number, seq):
    frame = source.take(1 + (source.byte() & 63)) or b"f"
    return frame, segment.record(source.byte() & 7, frame, number, seq)


def flash_segment(data):
    """A block of the journal with records that are sound, damaged, or anything: what is sound comes out."""
    source = Source(data)
    parts, frames = [segment.head(source.byte() & 3, 1, 1)], []
    for seq in range(source.byte() & 7):
        kind = source.byte() & 3
        if kind == 3:
            parts.append(source.short())
            frames = None  # what nobody wrote may hide what comes behind it
            continue
        frame, piece = _record(source, 7, seq)
        if kind == 2:
            piece[source.byte() % len(piece)] ^= 1 + source.byte() % 255
        elif frames is not None:
            frames.append(frame)
        parts.append(bytes(piece))
    flash = RamFlash(1)
    content = b"".join(parts)[: segment.SIZE]
    flash.data[: len(content)] = content
    assert segment.head_of(flash, 0) is not None
    walk = segment.Walk(flash, 0)
    got, places, waiting = [], [], 0
    while walk.step():
        assert not places or walk.at > places[-1], "the walk goes back"
        places.append(walk.at)
        waiting += not walk.done
        frame = walk.frame()
        if frame is not None:
            got.append(frame)
    if frames is not None and len(content) < segment.SIZE:
        assert [frame for frame in frames if frame not in got] == [], (frames, got)
    quick = segment.count(flash.data)
    assert walk.damaged or quick == waiting, (quick, waiting)
    for place in places:
        assert segment.program(flash, 0, place + segment.MARK, b"\x00")
    assert not segment.count(flash.data) or walk.damaged
    return b"%d " % walk.damaged + b",".join(got)


def flash_journal(data):
    """A journal on any flash: sound records come out, what is appended stays, what is done goes."""
    source = Source(data)
    flash = RamFlash(_BLOCKS)
    there = []
    for number in range(1, 1 + (source.byte() & 3)):
        kind = source.byte()
        lane = source.byte() % 3
        content, names = _records(source, number)
        content = segment.head(lane, number, number) + content
        if not kind & 3:
            content = source.take(source.byte())
        elif kind & 4:
            content = content[: source.word()] + source.short()
        else:
            there += [(lane < 2, one) for one in names]
        at = source.byte() % 3 * 3 + number - 1  # three segments never meet
        flash.data[at * segment.SIZE : at * segment.SIZE + len(content)] = content
    one = journal.Journal(flash, 4 * segment.SIZE, 2 * segment.SIZE)
    for urgent, name in there:
        assert name in _peeked(one, urgent), "a sound record is lost"
    kept = []
    for seq in range(source.byte() & 7):
        urgent = bool(source.byte() & 1)
        while source.byte() & 1 and one.prepare():
            pass
        frame = b"new" + bytes((seq,)) + source.short()
        try:
            one.append(urgent, frame, 9, seq)
        except OSError:
            continue  # no room
        if urgent and source.byte() & 1:
            (key,) = [k for k, f in one.peek(True, 99) if k[:2] == (9, seq)]
            one.done([key])
        elif urgent:
            kept.append((9, seq))
    again = journal.Journal(flash, 4 * segment.SIZE, 2 * segment.SIZE)
    now = _peeked(again, True)
    assert [name for name in now if name[0] == 9] == kept, (now, kept)
    return b"%d %d %d" % (one._blocks.damaged, len(there), len(kept))


_BLOCKS = 11  # four urgent, two bulk, four ahead, one spare


def _records(source, number):
    """(bytes of a segment, names of its records); each (boot, seq) is given once."""
    parts, names = [], []
    for seq in range(source.byte() & 7):
        parts.append(bytes(_record(source, number, seq)[1]))
        names.append((number, seq))
    return b"".join(parts), names


def _peeked(one, urgent):
    return [key[:2] for key, _ in one.peek(urgent, 99)]


def flash_rows(data):
    """The open alarms and tasks that an earlier boot kept: rows that make no sense are left out."""
    source = Source(data)
    rows = draw(source, 2)
    stored = []
    panics = Panics(7, stored.append)
    panics.load(rows)
    assert len(panics.open) <= 8 + 4 and len(panics.closed) <= 8 + 4
    panics.waiting()
    panics.press()
    panics.least()
    encode(stored)
    duty = Duty(100, stored.append)
    duty.load(rows)
    duty.arrival(_Fix())
    for event in ("accept", "on_scene", "available"):
        duty.key(event)
    duty.shown(5, 1, 2)
    encode(stored)
    return b"%d %d" % (len(panics.open), len(duty.open))


class _Fix:
    valid = True
    speed_cm_s = 0
    lat_e7 = 450000000
    lon_e7 = 190000000
