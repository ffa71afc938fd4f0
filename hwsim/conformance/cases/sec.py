"""SEC: what somebody on the way can do who has no keys. Nothing he says is believed, and nothing he sees
names anybody."""

from hwsim.conformance import signs
from hwsim.conformance.case import case
from hwsim.conformance.signs import answered, lamp, panic, sound, stored, up
from hwsim.shake import kid_of
from protocol import cbor, coap, cose
from protocol.errors import ProtocolError


def silenced(s):
    """The alarm is raised, and nothing of what headquarters says comes through. The newest request."""
    s.answers_lost()
    s.hold_panic()
    s.expect(panic(), 2)
    s.wait(1)
    return s.find(up("panic"))[-1].datagram.message


def not_believed(s, what):
    """Six seconds later the alarm is still being sent, and the lamp says so."""
    since = s.kernel.now_us
    s.say(what)
    s.wait(6)
    s.check(len(s.find(up("panic"), since)) >= 8, "the alarm is still sent, every 500 ms")
    s.never(lamp("red", "received", "acknowledged"), since=s.began_us)
    s.never(sound("received"), since=s.began_us)
    s.answers_lost(False)
    s.expect(lamp("red", "received"), 2)


@case("SEC-01", "oscore.verify", "panic.stages", against="PANIC-01")
def unprotected_answer(s):
    """A 2.04 without protection proves nothing: the alarm goes on."""
    s.working()
    request = silenced(s)
    forged = coap.Message(coap.ACK, coap.CHANGED, request.message_id, request.token, [], b"")
    s.forge(forged.encode())
    not_believed(s, "somebody answers 2.04, unprotected")


@case("SEC-02", "oscore.verify", against="PANIC-01")
def wrong_key(s):
    """Nor does one that is sealed with another key."""
    s.working()
    request = silenced(s)
    sealed = coap.Message(
        coap.ACK, coap.CHANGED, request.message_id, request.token, [(coap.OSCORE, b"")], bytes(range(24))
    )
    s.forge(sealed.encode())
    not_believed(s, "somebody answers with a ciphertext of his own")


@case("SEC-03", "oscore.verify", against="PANIC-01")
def flipped_bit(s):
    """Nor does headquarters' own answer with one bit turned over."""
    s.working()
    s.middle.down = lambda data: [data[:-1] + bytes([data[-1] ^ 1])]
    s.hold_panic()
    s.expect(panic(), 2)
    not_believed(s, "every answer has one bit turned over on the way")


@case("SEC-04", "oscore.bound", against="PANIC-01")
def older_answer(s):
    """Nor does a genuine answer to an earlier request, put behind the token of the alarm."""
    s.working()
    s.press("available")
    s.expect(stored("status"), 2)
    s.wait(1)
    old = next(coap.decode(d) for d in reversed(s.middle.heard_down) if coap.decode(d).code == coap.CHANGED)
    request = silenced(s)
    s.forge(
        coap.Message(coap.ACK, old.code, request.message_id, request.token, old.options, old.payload).encode()
    )
    not_believed(s, "somebody answers with what headquarters said to a status before")


@case("SEC-05", "coap.con", "delivery.urgent", against="PANIC-09")
def reset(s):
    """A forged Reset does not stop an alarm."""
    s.working()
    request = silenced(s)
    s.forge(coap.Message(coap.RST, coap.EMPTY, request.message_id, b"", [], b"").encode())
    not_believed(s, "somebody resets the alarm's message")


@case("SEC-06", "coap.con", "delivery.urgent", against="PANIC-09")
def empty_ack(s):
    """A forged empty acknowledgement does not stop it either."""
    s.working()
    request = silenced(s)
    for _ in range(3):
        s.forge(coap.Message(coap.ACK, coap.EMPTY, request.message_id, b"", [], b"").encode())
    not_believed(s, "somebody acknowledges the alarm's message, empty")


@case("SEC-07", "resources.errors", "oscore.verify", against="KEYS-05")
def forged_unknown(s):
    """A forged 4.01 may cost a handshake, but the old keys go on serving and nothing is lost."""
    s.working()
    request = silenced(s)
    for number in range(20):
        forged = coap.Message(coap.ACK, coap.UNAUTHORIZED, request.message_id, request.token, [], b"")
        s.kernel.after(number * 200_000, s.middle.forge, forged.encode())
    s.wait(8)
    s.answers_lost(False)
    s.expect(lamp("red", "received"), 3)
    s.press("available")
    s.expect(stored("status"), 3)
    s.count(panic(), 1)


@case("SEC-08", "oscore.verify", "resources.c", against="TASK-11")
def forged_command(s):
    """A command that headquarters did not seal is not done: no sound, no answer."""
    s.working()
    source, token = s.desk.observer(s.kid)
    rows = cbor.encode([{0: 99, 1: 2, 2: s.desk.utc_ms(), 3: {1: "drive away"}}])
    for options in ([(coap.OBSERVE, b"\x05")], [(coap.OBSERVE, b"\x05"), (coap.OSCORE, b"\x01\x99")]):
        s.forge(coap.Message(coap.CON, coap.CONTENT, 77, token, options, rows).encode())
        s.wait(2)
    s.never(sound(), since=s.began_us)
    s.never(answered(99), since=s.began_us)


@case("SEC-09", "oscore.replay", "coap.observe", against="TASK-11")
def replayed_command(s):
    """A genuine command that is sent again by somebody is not done again."""
    s.working()
    s.wait(1)
    before = len(s.middle.heard_down)
    s.expect(answered(s.message(), 1), 2)
    s.wait(2)
    old = [d for d in s.middle.heard_down[before:] if coap.decode(d).code == coap.CONTENT]
    s.check(bool(old), "the command was heard on the way")
    since = s.kernel.now_us
    for number in range(10):
        s.kernel.after(number * 300_000, s.middle.forge, old[number % len(old)])
    s.never(sound(), 8, since)
    s.count(answered(1), 1)


@case("SEC-10", "coap.format", against="PANIC-01")
def noise(s):
    """Two hundred datagrams of noise disturb neither keys nor alarms."""
    s.working()
    rng = s.kernel.rng("noise")
    for number in range(200):
        s.kernel.after(number * 30_000, s.middle.forge, rng.randbytes(rng.randint(0, 200)))
    s.wait(2)
    s.press("available")
    s.expect(stored("status"), 2)
    s.expect(panic(), 2, s.hold_panic())
    s.never(signs.trouble(), 5, since=0)


@case("SEC-11", "edhoc.privacy", against="SEC-12", linked=False)
def anonymous(s):
    """From the first datagram on nothing in clear names the terminal or says where it is.

    Neither its id, nor its public key, nor a frame; from EDHOC on to the alarm."""
    s.working()
    s.press("available")
    s.hold_panic()
    s.wait(5)
    public = s.desk.terminals[s.kid][0]
    told = [public[:8], public[32:40], s.kid, s.kid[:7], b"sm-21", cose_head(s)]
    for seen in s.find(up(), since=0):
        s_data = seen.datagram.data
        if any(word in s_data for word in told):
            s.check(False, f"nothing in clear: {seen.text}")
    s.check(len(s.find(up(), since=0)) > 5, "no datagram names the terminal")


@case("SEC-12", "frame.signature", "identity", against="SEC-11")
def signed(s):
    """Whoever has the terminal's public key can check each frame alone; its kid is the hash of that key."""
    s.working()
    s.press("available")
    s.hold_panic()
    s.wait(20)
    public, verify = s.desk.terminals[s.kid]
    s.equal(kid_of(public), s.kid, "kid")
    frames = [seen.frame for seen in s.find(stored(), since=0)]
    s.check(len(frames) >= 4, f"{len(frames)} frames")
    for frame in frames:
        s.check(cose.sign1_verify(frame, verify).kid == s.kid, "signature and kid of a frame are right")
    broken = bytearray(frames[0])
    broken[-70] ^= 1
    try:
        cose.sign1_verify(bytes(broken), verify)
    except ProtocolError:
        return
    s.check(False, "a frame with one bit turned over is refused")


@case("SEC-13", "oscore.piv", against="SEC-14")
def numbers(s):
    """No number of a security context is used twice, through ten cuts of power at odd moments."""
    s.working()
    for number in range(10):
        s.press("available" if number % 2 else "busy")
        s.cut_power(0.5, after_s=0.05 + number * 0.061)
        s.wait(9)
    _used_once(s)


@case("SEC-14", "oscore.piv", "delivery.same", against="SEC-13")
def repeats_are_the_same(s):
    """A number comes again only in the very same bytes: a repeat, not another message."""
    s.working()
    s.asleep()
    s.press("busy")
    s.hold_panic()
    s.wait(30)
    again = s.find(up(first=False))
    s.check(len(again) > 20, f"{len(again)} repeats")
    _used_once(s)


@case("SEC-15", "frame.signature", against="SEC-13")
def signatures(s):
    """No two signatures share their nonce, through five starts."""
    s.working()
    for number in range(5):
        s.press("available")
        s.wait(1)
        s.cut_power(0.5, after_s=0.3 + number * 0.07)
        s.wait(9)
    rs = [seen.frame[-64:-32] for seen in s.find(stored(), since=0)]
    s.check(len(rs) >= 10, f"{len(rs)} signatures")
    s.equal(len(set(rs)), len(rs), "different r")


@case("SEC-16", "frame.name", against="SEC-13")
def names(s):
    """boot is one higher at each start, seq counts from 0: no name is used twice for two frames."""
    s.working()
    for number in range(4):
        s.press("available")
        s.cut_power(0.5, after_s=0.4 + number * 0.13)
        s.wait(9)
    frames = {}
    for seen in s.find(up(), since=0):
        for fields, frame in zip(seen.datagram.reports, seen.datagram.frames, strict=True):
            s_name = signs.name_of(fields)
            if frames.setdefault(s_name, frame) != frame:
                s.check(False, f"one name, one frame: {s_name}")
    boots = sorted({boot for boot, _ in frames})
    s.check(boots == list(range(boots[0], boots[0] + len(boots))) and len(boots) >= 4, f"boots {boots}")
    s.check(all((boot, 0) in frames for boot in boots), "each begins with seq 0")


def cose_head(s):
    """The beginning of each of this terminal's frames."""
    return s.find(stored(), since=0)[0].frame[:14]


def _used_once(s):
    used = {}
    for seen in s.find(up(), since=0):
        if seen.datagram.piv is not None:
            name = (seen.datagram.kid, int.from_bytes(seen.datagram.piv, "big"))
            message = seen.datagram.message
            body = (message.payload, [value for number, value in message.options if number == coap.OSCORE])
            if used.setdefault(name, body) != body:
                s.check(False, f"Partial IV {name[1]} under one ciphertext only")
    s.check(len(used) >= 5, f"{len(used)} numbers, each under one ciphertext only")
