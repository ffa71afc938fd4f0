"""GW: whom the gateway lets in, what it tells others, and what may go wrong around it."""

import json

from hwsim.conformance import signs
from hwsim.conformance.case import case
from hwsim.conformance.signs import down, lamp, pin, published, sound, stored, up
from hwsim.openssl import Ccm
from protocol import cbor, coap, oscore, report


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
    seen = s.find(published_any(), since=0)
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
    """A gateway whose clock is two years ahead misleads nobody: reports keep the receiver's time, stages
    are reached."""
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
    """When the gateway's disk is lost, the same terminals enrolled anew find back, and an alarm is received
    within 15 s."""
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
