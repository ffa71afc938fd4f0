"""GW: the gateway's half of the promises, with the real gateway, a broker and an operations centre."""

import json

from hwsim.conformance import signs
from hwsim.conformance.case import case
from hwsim.conformance.signs import down, lamp, panic, pin, published, sound, stored, up
from hwsim.openssl import Ccm
from protocol import cbor, coap, oscore, report


@case("GW-01", "delivery.gateway", "resources.f", against="GW-02", house=True)
def durable(s):
    """When the 2.04 leaves, the frame is on disk: the server loses power at that very moment, and has it after."""
    s.working()
    for key in ("available", "busy", "on_scene"):
        s.press(key)
        frame = s.expect(stored("status"), 2)
        s.expect(down("2.04"), 1, frame.at_us)
        s.gateway_killed(power=True)
        s.check(signs.name_of(frame.report) in s.rows(), "the frame is on the disk that is left")
        s.wait(1)
        s.gateway_starts()
        s.wait(3)


@case("GW-02", "delivery.gateway", "delivery.once", against="GW-01", house=True)
def killed_before(s):
    """Killed at any step before the answer: no 2.04 for what is lost, the terminal repeats, it is stored once.

    Ten alarms, the gateway killed at another of its steps in each."""
    s.working()
    for step in range(1, 20, 2):
        s.gateway.kill_at(step)
        held = s.hold_panic()
        s.kernel.run_until(lambda: not s.gateway.running, 2)
        if s.gateway.running:
            s.gateway.kill()
        s.wait(1)
        s.gateway_starts()
        s.expect(lamp("red", "received", "acknowledged"), 6, held)
        s.clear(signs.panic_id(s.find(up("panic"), held)[-1].datagram.reports[0]))
        s.wait(3)
    rows = s.rows()
    s.equal(len(rows), len(set(rows)), "rows on disk, one for each name")
    kinds = [row["kind"] for row in s.gateway.journal()]
    s.equal(kinds.count(report.KIND_PANIC), 10, "alarms on disk")


@case("GW-03", "delivery.once", "northbound", against="GW-02", house=True)
def repeats(s):
    """A frame that comes ten times is stored once and published once; the answer is 2.04 each time."""
    s.working()
    s.answers_lost()
    s.press("available")
    s.wait(6)
    s.answers_lost(False)
    s.wait(2)
    s.check(len(s.find(up("status"))) >= 9, "it came at least nine times")
    rows = s.rows()
    s.equal(len(rows), len(set(rows)), "rows on disk, one for each name")
    s.count(published("status"), 1)


@case("GW-04", "resources.errors", "delivery.gateway", against="GW-01", house=True)
def disk_full(s):
    """With a full disk no 2.04 is given and the lamp says "sending"; once there is room, it arrives."""
    s.working()
    s.disk(full=True)
    held = s.hold_panic()
    s.wait(8)
    s.never(down("2.04"), since=held)
    s.expect(down("5.03"), 8, held)
    s.never(lamp("red", "received"), since=held)
    s.disk(full=False)
    s.expect(lamp("red", "received"), 8)
    s.count(panic(), 1)


@case("GW-05", "delivery.gateway", against="GW-04", house=True)
def fsync_error(s):
    """What could not be made durable is not answered with 2.04."""
    s.working()
    s.disk(fsync_error="lost")
    held = s.press("busy")
    s.wait(5)
    s.never(down("2.04"), since=held)
    s.disk(fsync_error=False)
    s.expect(stored("status"), 10)
    rows = s.rows()
    s.equal(len(rows), len(set(rows)), "rows on disk, one for each name")


@case("GW-06", "delivery.gateway", "panic.stages", against="GW-07", house=True)
def broker_away(s):
    """Without a broker an alarm is stored and shown as received; it is published when the broker is back."""
    s.working()
    s.broker_killed()
    held = s.hold_panic()
    s.expect(lamp("red", "received"), 2, held)
    s.wait(8)
    s.never(published("panic"), since=held)
    s.broker_starts()
    s.expect(published("panic", "stored", lambda p: p["stage"] == "stored"), 15)


@case("GW-07", "panic.stages", against="PANIC-13", house=True)
def only_a_person(s):
    """The broker's confirmation is no acknowledgement: only the operations centre's command lights the lamp steadily."""
    s.working()
    held = s.hold_panic()
    id = s.alarm(3, held)
    s.expect(published("panic"), 2, held)
    s.never(lamp("red", "acknowledged"), 20, held)
    s.acknowledge(id)
    s.expect(lamp("red", "acknowledged"), 2)
    s.expect(sound("acknowledged"), 2)
    s.expect(published("panic", "shown", lambda p: p["stage"] == "shown"), 3)


@case("GW-08", "delivery.gateway", against="GW-09", house=True)
def reminded(s):
    """An alarm that nobody acknowledged is published again about every 30 s, marked as a reminder."""
    s.working()
    s.hold_panic()
    s.wait(70)
    s.count(published("panic", "as a reminder", lambda p: p.get("reminder")), 2)


@case("GW-09", "delivery.gateway", against="GW-08", house=True)
def no_reminder(s):
    """One that was acknowledged is not."""
    s.working()
    s.acknowledge(s.alarm(3, s.hold_panic()))
    s.wait(70)
    s.count(published("panic", "as a reminder", lambda p: p.get("reminder")), 0)


@case("GW-10", "delivery.gateway", "panic.stages", against="GW-09", house=True)
def open_over_kill(s):
    """An alarm stays open through a kill of the gateway: reminded of again, acknowledged, shown, cleared."""
    s.working()
    id = s.alarm(3, s.hold_panic())
    s.wait(2)
    s.gateway_killed(power=True)
    s.wait(3)
    s.gateway_starts()
    s.expect(published("panic", "as a reminder", lambda p: p.get("reminder")), 35)
    s.acknowledge(id)
    s.expect(lamp("red", "acknowledged"), 15)
    s.clear(id)
    s.expect(lamp("red", "off"), 15)


@case("GW-11", "resources.errors", against="GW-12", house=True, units=2)
def revoked(s):
    """From a revoked terminal nothing is taken from the next second on; the other one goes on."""
    s.working()
    s.say("the first terminal is revoked")
    s.gateway.revoke(s.car.kid)
    s.wait(1)
    since = s.kernel.now_us
    s.press("available")
    s.press("available", car=s.cars[1])
    s.wait(5)
    names = {seen.car for seen in s.find(stored("status"), since)}
    s.equal(names, {s.cars[1].name}, "who could store a status")
    s.never(lamp("red"), since=since)


@case("GW-12", "resources.errors", "delivery.durable", against="GW-11", house=True)
def suspended(s):
    """A suspended terminal is told 4.03, keeps its frames, and brings them when the suspension is lifted."""
    s.working()
    s.say("the terminal is suspended")
    s.gateway.suspend(s.car.kid)
    s.wait(1)
    s.press("busy")
    s.expect(down("4.03"), 2)
    s.wait(5)
    s.equal(s.reports("status"), [], "status reports")
    s.say("the suspension is lifted")
    s.gateway.suspend(s.car.kid, False)
    s.expect(stored("status"), 40)


@case("GW-13", "resources.strangers", against="GW-14", house=True)
def strangers(s):
    """Whoever cannot prove himself gets no answer larger than his request, whatever he sends."""
    s.working()
    genuine = next(u.datagram.data for u in s.find(up(), since=0) if u.datagram.kid)
    rng = s.kernel.rng("stranger")
    sent = [genuine[:n] for n in range(4, len(genuine), 5)]
    sent += [bytes([byte ^ 4 if n == 12 else byte for n, byte in enumerate(genuine)])]
    sent += [
        coap.Message(coap.CON, coap.GET, n, b"\x01", [(coap.URI_PATH, path)], b"").encode()
        for n, path in enumerate((b"c", b"f", b".well-known", b"u"))
    ]
    sent += [b"\x40\x00\x12\x34", *(b"\x44" + rng.randbytes(rng.randint(3, 90)) for _ in range(60))]
    answers = 0
    for data in sent:
        stranger = s.stranger()
        stranger.send(data)
        s.kernel.run_for(0.2)
        answers += len(stranger.got)
        if any(len(got) > len(data) for got in stranger.got) or len(stranger.got) > 1:
            s.check(False, f"{data.hex()} is answered by {[got.hex() for got in stranger.got]}")
    s.check(answers > 5, f"{len(sent)} requests, {answers} answers, none larger than its request")
    s.never(signs.Sign("gateway.trouble", "trouble in the gateway"), since=0)


@case("GW-14", "resources.strangers", against="GW-13", house=True)
def flood(s):
    """In a flood of three hundred strangers' handshakes a second the terminal is served as before."""
    s.working()
    stranger = s.stranger()
    rng = s.kernel.rng("stranger")
    head = [(coap.URI_PATH, b".well-known"), (coap.URI_PATH, b"edhoc")]
    for number in range(900):
        hello = b"\xf5\x03\x02\x58\x20" + rng.randbytes(32) + b"\x01"
        message = coap.Message(coap.CON, coap.POST, number, bytes([number & 255]), head, hello)
        s.kernel.after(number * 3333, stranger.send, message.encode())
    s.wait(1)
    s.press("available")
    s.expect(stored("status"), 2)
    held = s.hold_panic()
    s.expect(lamp("red", "received"), 2, held)


@case("GW-15", "northbound", "frame.signature", against="GW-13", house=True)
def names(s):
    """Every message on the broker carries the frame's name, and `frame` the terminal's very bytes."""
    s.working()
    s.press("available")
    s.tap("event", 2)
    s.hold_panic()
    s.wait(20)
    signed = {u.datagram.frames[n] for u in s.find(up(), since=0) for n in range(len(u.datagram.frames))}
    seen = [p for p in s.find(published_any(), since=0)]
    frames = [p.payload for p in seen if p.label == "frame"]
    s.check(
        len(frames) >= 5 and set(frames) <= signed, f"{len(frames)} frames, byte for byte as they were signed"
    )
    features = [
        json.loads(p.payload)
        for p in seen
        if p.label in ("position", "status", "panic", "event", "health", "track")
    ]
    missing = [f for f in features if not {"kid", "boot", "seq"} <= set(f["properties"])]
    s.equal(missing, [], "messages without a name")
    s.check(len(features) >= 5, f"{len(features)} messages with a name")


@case("GW-16", "panic.drill", against="GW-07", house=True, settings={"drill": True})
def drill(s):
    """A drill is marked as a drill in every message that speaks of it, from the key to the end."""
    s.working()
    id = s.alarm(3, s.hold_panic())
    s.wait(3)
    s.acknowledge(id)
    s.wait(5)
    s.clear(id)
    s.wait(3)
    told = [json.loads(p.payload)["properties"] for p in s.find(published("panic"))]
    s.check(len(told) >= 3 and all(p["drill"] is True for p in told), f"{len(told)} messages, all marked")


@case("GW-17", "clock", "panic.stages", against="CLOCK-03", house=True)
def wrong_clock(s):
    """A gateway whose clock is two years ahead misleads nobody: reports keep the receiver's time, stages are reached."""
    s.gateway.clock_offset_ms = 730 * 86_400_000
    s.working()
    s.wait(5)
    held = s.hold_panic()
    id = s.alarm(3, held)
    told = s.reports("panic")[0]
    true_ms = s.gateway.epoch_ms + held // 1000
    s.check(
        abs(told[report.TIME] - true_ms) < 2000,
        f"time of the alarm is off by {told[report.TIME] - true_ms} ms",
    )
    s.acknowledge(id)
    s.expect(lamp("red", "acknowledged"), 3)


@case("GW-18", "edhoc", "delivery.durable", against="GW-10", house=True)
def store_lost(s):
    """When the gateway's disk is lost, the same terminals enrolled anew find back, and an alarm is received within 15 s."""
    s.working()
    s.wait(5)
    s.say("the gateway's store is lost; the same terminals are enrolled again")
    s.gateway.lose_store()
    s.gateway_starts()
    held = s.hold_panic()
    s.expect(lamp("red", "received"), 15, held)


@case("GW-19", "resources.errors", against="GW-01", house=True)
def nonsense(s):
    """Nonsense from a terminal that has keys is told 4.00 or 4.13, and nothing of it is stored.

    Somebody who has stolen the keys of the link, but not the key that signs."""
    s.working()
    before = s.rows()
    newest = [u.datagram for u in s.find(up(), since=0) if u.datagram.kid][-1]
    ours, secret, salt = s.rig.context_of(newest.kid)
    thief = oscore.Context(secret, salt, newest.kid, ours, Ccm(), sequence=5000)
    frame = next(f for u in s.find(up(), since=0) for f in u.datagram.frames)
    forged = bytearray(frame)
    forged[-1] ^= 1
    bodies = {
        "no CBOR": b"\xff\xff",
        "no frame": cbor.encode({1: 2}),
        "a signature that is wrong": bytes(forged),
        "an empty body": b"",
        "seven frames": frame * 7,
    }
    for number, (what, body) in enumerate(bodies.items()):
        request = coap.Message(coap.CON, coap.POST, number, bytes([number]), [(coap.URI_PATH, b"f")], body)
        outer, binding = thief.protect_request(request)
        stranger = s.stranger()
        stranger.send(outer.encode())
        s.kernel.run_for(1)
        s.check(len(stranger.got) == 1, f"{what}: one answer")
        inner = thief.unprotect_response(coap.decode(stranger.got[0]), binding)
        s.check(
            inner.code in (coap.BAD_REQUEST, coap.TOO_LARGE, coap.FORBIDDEN),
            f"{what}: {coap.code_text(inner.code)}",
        )
    new = set(s.rows()) - set(before)
    s.check(all(seq < 50 for _, seq in new), "nothing of it is stored")


@case("GW-20", "panic.stages", "panic.covert", against="LAMP-12", house=True, settings={"covert": True})
def covert(s):
    """A covert alarm goes the whole way, and nothing at the car betrays it but one short vibration."""
    s.working()
    held = s.hold_panic()
    id = s.alarm(3, held)
    s.wait(3)
    s.acknowledge(id)
    s.expect(sound("acknowledged, covert", "vibrator"), 3)
    s.expect(published("panic", "shown", lambda p: p["stage"] == "shown"), 3)
    s.never(pin("red"), since=s.began_us)
    s.never(pin("buzzer"), since=s.began_us)


def published_any():
    return signs.Sign("published", "the broker gets a message")
