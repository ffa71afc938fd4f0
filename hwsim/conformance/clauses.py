"""The clauses that cases are held to, by short names. Each is a sentence that stands alone: the title of the rule's
home and what it says. "Wire protocol" is Patrola's own, version 1; its sections are named.
"""

_W = "Wire protocol, "

CLAUSES = {
    # name: (where it stands, what it says)
    "frame.report": (
        _W + "Frame",
        "A report is a map with small integer keys; absent means unknown. Kind: 1 position, 2 status, 3 panic, 4 health, 5 event, 6 task, 7 track.",
    ),
    "frame.name": (
        _W + "Frame",
        "boot is one higher at every start, kept in flash before the first frame is sent; seq counts from 0 in each boot; (kid, boot, seq) names a frame for ever.",
    ),
    "frame.time": (
        _W + "Frame",
        "time is milliseconds since 1970-01-01 UTC, absent while the clock is not set.",
    ),
    "frame.fix": (
        _W + "Frame",
        "fix is [lat, lon, alt, speed, course, hdop, sats, age] in 1e-7 deg, 1e-7 deg, dm, cm/s, 0.01 deg, 0.1, count, s; null where unknown.",
    ),
    "frame.signature": (
        _W + "Frame",
        "A frame is COSE_Sign1 with ES256 (RFC 9052, 9053): every consumer can check with a public key alone which terminal said this.",
    ),
    "frame.panic": (_W + "Frame", "A panic frame is sent at once even with no fix and no time."),
    "frame.health": (
        _W + "Frame",
        "health tells supply, queue, cause of reset, antenna, supply lost, stuck keys.",
    ),
    "frame.event": (
        _W + "Frame",
        "event is a code from the force's table and a count: an observation an officer reports with one key.",
    ),
    "frame.task": (
        _W + "Frame",
        "task is a task id and an answer: 1 shown, 2 accepted, 3 declined, 4 on scene, 5 done.",
    ),
    "frame.track": (_W + "Frame", "track is delta-coded fixes gathered while there was no link."),
    "identity": (
        _W + "Identity",
        "kid is the first 8 bytes of SHA-256 over the terminal's public key. The private key never leaves the terminal.",
    ),
    "resources.f": (
        _W + "Resources",
        "POST /f carries one to six frames; 2.04 only when all of them are committed to durable storage.",
    ),
    "resources.c": (
        _W + "Resources",
        "GET /c with Observe is the stream of commands; POST /c answers a command by its id.",
    ),
    "resources.errors": (
        _W + "Resources",
        "4.00 malformed, 4.01 unknown or failed OSCORE, 4.03 revoked or suspended, 4.13 too large, 5.03 with Max-Age when overloaded or storage fails.",
    ),
    "resources.strangers": (
        _W + "Resources",
        "Whoever cannot prove himself gets an answer no larger than his request, and no state is kept for him.",
    ),
    "delivery.durable": (
        _W + "Delivery",
        "The terminal stores a frame in flash before it counts as reported, and drops it only on a 2.04.",
    ),
    "delivery.once": (
        _W + "Delivery",
        "At least once on the air, once in effect: a repeat of (kid, boot, seq) is answered 2.04 again and changes nothing.",
    ),
    "delivery.gateway": (
        _W + "Delivery",
        "The gateway stores a frame before it answers; a panic stays open in the gateway until the operations centre acknowledges it, through any crash.",
    ),
    "delivery.urgent": (
        _W + "Delivery",
        "Urgent (panic, then status, event, task): one datagram each, sent at once, even while a bulk exchange is under way, repeated every 500 ms without limit.",
    ),
    "delivery.same": (
        _W + "Delivery",
        "A repeat has the same token and the same bytes. After 20 s without an answer the same frame is protected anew, with a fresh Partial IV.",
    ),
    "delivery.bulk": (
        _W + "Delivery",
        "Bulk (position, track, health): batches, ordinary CoAP back-off (RFC 7252 4.2: ACK_TIMEOUT 2 s, doubled, four times).",
    ),
    "delivery.bounded": (
        _W + "Delivery",
        "Storage is bounded: when full, old positions are thinned first; a status or a panic is never dropped for a position.",
    ),
    "panic.stages": (
        _W + "The panic, in stages",
        "Each stage is a separate, authenticated fact, and lamp and buzzer tell sending, received and acknowledged apart. The terminal NEVER shows a stage that did not happen.",
    ),
    "panic.covert": (
        _W + "The panic, in stages",
        "Covert mode: no light, no sound; one short vibration for the acknowledgement.",
    ),
    "panic.drill": (
        _W + "The panic, in stages",
        "A drill goes the whole way and is marked as a drill at every step.",
    ),
    "panic.latency": (
        _W + "The panic, in stages",
        "From the end of the hold to the first datagram: 300 ms; within 1 s after a link returns.",
    ),
    "northbound": (
        _W + "Northbound",
        "Every message on the broker carries the frame's name (kid, boot, seq), so a consumer can drop a repeat.",
    ),
    "officer.panic": (
        "officer.md, PANIC",
        "Hold PANIC for a little over half a second. A short tap does nothing. Press again and it is another alarm. If power is cut, the alarm goes on when power is back.",
    ),
    "officer.red": (
        "officer.md, the red lamp",
        "Fast: under way. Slow, two beeps: arrived at headquarters. Steady, one long tone: a person has seen it. Off: closed, or none. With two alarms open, the lamp shows the one that is less far.",
    ),
    "officer.green": (
        "officer.md, the green lamp",
        "Steady: link and position. On with a short gap: link only. Short flashes: position only. Two short flashes: neither.",
    ),
    "officer.fault": (
        "officer.md, the lamps",
        "Red and green blink in turn: a mistake in the settings. Keys and alarms still work as far as they can.",
    ),
    "officer.keys": (
        "officer.md, the other keys",
        "One press, one beep, one report. A key that is jammed is reported by itself, and the others go on working.",
    ),
    "officer.event": (
        "officer.md, EVENT",
        "Tap once for each; it is sent when you stop tapping for 2 seconds.",
    ),
    "officer.task": (
        "officer.md, the other keys",
        "Three short beeps: a task or message has come. ACCEPT is yes to the newest task; arriving is told by itself; AVAILABLE ends a task at whose scene you were.",
    ),
    "settings": (
        "configuration.md",
        "A key with a mistake keeps its default; the terminal says so, and patrols and raises alarms all the same.",
    ),
    "settings.officer": (
        "configuration.md, Officer",
        "panic_hold_ms, panic_position_s, stuck_s, event_gap_ms, arrival_m, drill, covert.",
    ),
    "settings.patrol": (
        "configuration.md, Patrol",
        "When a position is worth sending: by time, distance and turn while moving, seldom while parked.",
    ),
    "settings.link": (
        "configuration.md, Link",
        "keepalive_s: how often the link is kept open when there is nothing to say. pin: the SIM's.",
    ),
    "coap.con": (
        "RFC 7252 4.2",
        "A confirmable message is sent again with growing pauses until it is acknowledged or given up; a Reset ends only what it names.",
    ),
    "coap.format": (
        "RFC 7252 3 and 4.3",
        "A message that cannot be read is rejected or ignored; it changes nothing.",
    ),
    "coap.max-age": ("RFC 7252 5.9.3.4", "5.03 may carry Max-Age: the seconds after which to try again."),
    "coap.observe": (
        "RFC 7641 3.4 and 4.2",
        "Notifications carry an order; an older one changes nothing. The server may forget an observer, which registers again.",
    ),
    "oscore.replay": ("RFC 8613 7.4", "A message whose Partial IV was seen before is not taken again."),
    "oscore.piv": (
        "RFC 8613 7.2.1 and B.1.1",
        "A sender sequence number is never used twice with one key, whatever happens to power.",
    ),
    "oscore.verify": ("RFC 8613 8.2 and 8.4", "What does not decrypt and verify is not processed."),
    "oscore.bound": (
        "RFC 8613 8.3 and 8.4",
        "A response is bound to its request: it proves nothing for another one.",
    ),
    "edhoc": (
        "RFC 9528, method 3, suite 2",
        "Keys of the link come from EDHOC with the gateway's static key; message_4 confirms them.",
    ),
    "edhoc.errors": (
        "RFC 9528 6 and 9.7",
        "An unauthenticated error ends nothing that a genuine peer may still finish.",
    ),
    "edhoc.retire": (
        _W + "Link keys",
        "The old context serves until the new one has been used, and 300 s longer.",
    ),
    "edhoc.privacy": (_W + "Link keys", "Nothing on the air names the terminal in clear."),
    "nmea": (
        "NMEA 0183",
        "$ talker sentence , fields * checksum CR LF; the checksum is the exclusive or of what stands between $ and *.",
    ),
    "nmea.void": ("NMEA 0183, RMC and GGA", "Status V or quality 0 means: no valid position."),
    "clock": (
        "Wire protocol, Frame; NMEA 0183, ZDA and RMC",
        "Time comes from the receiver, else from the gateway's authenticated answers, else from the network. A jump is not believed at its first telling.",
    ),
    "modem": (
        "3GPP TS 27.007 and the maker's AT manual",
        "A modem may be slow, silent, garbled or start again by itself; the terminal brings it back by ever stronger means.",
    ),
    "modem.pin": (
        "3GPP TS 27.007 8.3",
        "A wrong PIN costs one of three tries: the same wrong one is never sent twice.",
    ),
    "flash.wear": (
        _W + "Delivery",
        "Flash is worn by the page and the block: no bit is set without an erase, and writing a record costs few operations.",
    ),
    "power": (
        "officer.md, PANIC; technician.md",
        "Power may go at any moment: the next start succeeds and knows all that was acknowledged.",
    ),
}
