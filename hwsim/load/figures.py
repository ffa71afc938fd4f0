"""What a run has shown: times in quantiles, frames counted one by one."""

import math
from collections import Counter

from cryptography.exceptions import InvalidTag

from hwsim.load.sealed import NAMES, Opener
from protocol import coap

SHARES = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999))
_UNTIMED = -1.0


def quantiles(values):
    """{"n", "p50", ..., "max"} in milliseconds of a list of seconds; infinite ones (never) become None. The
    least value that this share does not exceed, so no quantile is ever better than what was measured."""
    out = {"n": len(values)}
    if values:
        values = sorted(values)
        for name, share in SHARES:
            out[name] = _ms(values[max(0, math.ceil(share * len(values)) - 1)])
        out["max"] = _ms(values[-1])
    return out


def _ms(seconds):
    return None if math.isinf(seconds) else round(seconds * 1000, 3)


class Figures:
    """Of one flight. `warm_s`: what was due earlier counts for nothing but losses."""

    def __init__(self, stock, flight, ear, warm_s):
        self.stock = stock
        self.flight = flight
        self.warm = min(stock.total - 1, int(warm_s * stock.rate))
        self.ear = ear
        self.told_to_wait = Counter()
        self.codes, self.good, self.forged = self._open()
        self.arrived, self.doubled, self.foreign = self._hear() if ear is not None else (None, 0, 0)

    def _open(self):
        """Every answer opened: (codes inside, datagrams with a true 2.04, answers that nobody sealed)."""
        stock = self.stock
        openers = {}
        codes, good, forged = Counter(), set(), 0
        for index, data in self.flight.answers:
            place = index % len(stock.cars)
            message = coap.decode(data)
            option = message.option(coap.OSCORE)
            if option is None:
                codes[coap.code_text(message.code) + " unprotected"] += 1
                if message.code == coap.SERVICE_UNAVAILABLE:
                    self.told_to_wait[NAMES[stock.kinds[index]]] += 1
                continue
            if place not in openers:
                openers[place] = Opener(stock.cars[place].context)
            try:
                code = openers[place].code(stock.sequence(index), option, message.payload)
            except InvalidTag:
                forged += 1
                continue
            codes[coap.code_text(code)] += 1
            if code == coap.CHANGED:
                good.add(index)
        return codes, good, forged

    def _hear(self):
        """When the last frame of each datagram came; how many frames came again; how many were others."""
        stock = self.stock
        place_of = {car.kid: place for place, car in enumerate(stock.cars)}
        arrived = [_UNTIMED] * stock.total
        left = list(stock.count)
        seen = set()
        doubled = foreign = 0
        for at_s, kid, boot, seq in self.ear.names():
            place = place_of.get(kid)
            if place is None or boot != stock.boot:
                foreign += 1
            elif (place, seq) in seen:
                doubled += 1
            else:
                seen.add((place, seq))
                index = stock.owner[place][seq]
                left[index] -= 1
                if not left[index]:
                    arrived[index] = at_s
        return arrived, doubled, foreign

    @property
    def lost(self):
        """Datagrams that were answered 2.04 and whose frames did not all come to the subscriber."""
        if self.arrived is None:
            return None
        return sum(1 for index in self.good if self.arrived[index] == _UNTIMED)

    def times(self, when):
        """{kind: quantiles} from the moment a datagram was due."""
        stock, rows = self.stock, {}
        for index in range(self.warm, stock.total):
            at_s = when[index]
            took = math.inf if at_s == _UNTIMED else at_s - index / stock.rate
            rows.setdefault(stock.kinds[index], []).append(took)
        everything = [took for row in rows.values() for took in row]
        out = {"all": quantiles(everything)}
        for kind in sorted(rows):
            out[NAMES[kind]] = quantiles(rows[kind])
        return out

    def rate(self):
        """Frames answered 2.04 for each second in which frames were due, the warm-up left out."""
        stock = self.stock
        begun, end = self.warm / stock.rate, stock.total / stock.rate
        when = self.flight.answered
        frames = sum(stock.count[i] for i in self.good if begun <= when[i] < end)
        return frames / (end - begun)

    def document(self):
        stock, flight = self.stock, self.flight
        answered = self.times([at if i in self.good else _UNTIMED for i, at in enumerate(flight.answered)])
        return {
            "terminals": len(stock.cars),
            "rate": stock.rate,
            "seconds": stock.total / stock.rate,
            "batch": stock.batch,
            "datagrams": stock.total,
            "frames": stock.frames,
            "answered": len(self.good),
            "unanswered": stock.total - len(self.good),
            "frames_per_s": round(self.rate(), 1),
            "answer_ms": answered,
            "arrival_ms": None if self.arrived is None else self.times(self.arrived),
            "lost": self.lost,
            "doubled": self.doubled,
            "foreign": self.foreign,
            "codes": dict(sorted(self.codes.items())),
            "told_to_wait": dict(self.told_to_wait),
            "not_authentic": self.forged,
            "repeats": flight.repeats,
            "apart": flight.apart,
            "notifications": flight.notifications,
            "forged": self._flood(),
            "generator": self._generator(),
        }

    def _flood(self):
        flood = self.flight.flood
        if flood is None:
            return None
        return {
            "rate": flood.rate,
            "sent": flood.sent,
            "sent_bytes": flood.sent_bytes,
            "answers": flood.answers,
            "answered_bytes": flood.answered_bytes,
        }

    def _generator(self):
        stock, flight = self.stock, self.flight
        sent = stock.total + flight.repeats + (flight.flood.sent if flight.flood else 0)
        return {
            "cpu_s": round(flight.cpu_s, 3),
            "cpu_us_per_datagram": round(flight.cpu_s / sent * 1e6, 1),
            "cpu_share": round(flight.cpu_s / flight.lasted_s, 3),
            "late_ms": quantiles(flight.lag),
            "blocked": flight.blocked,
            "dropped": flight.dropped,
            "prepared_us_per_datagram": round(stock.cpu_s / stock.total * 1e6, 1),
        }


def broken(document):
    """Promises that were not kept, as sentences."""
    found = []
    if document["lost"]:
        found.append(f"{document['lost']} datagrams were answered 2.04, and not all of their frames arrived")
    if document["not_authentic"]:
        found.append(f"{document['not_authentic']} answers were sealed by nobody")
    flood = document["forged"]
    if flood and flood["answered_bytes"] > flood["sent_bytes"]:
        found.append(f"strangers got {flood['answered_bytes']} bytes for {flood['sent_bytes']}")
    return found


def lines(document):
    """For people."""
    d = document
    yield (
        f"{d['terminals']} terminals, {d['rate']:g} datagrams/s for {d['seconds']:g} s: {d['datagrams']} "
        f"datagrams with {d['frames']} frames; answered 2.04: {d['answered']}, {d['frames_per_s']:g} frames/s"
    )
    for name, title in (("answer_ms", "answer"), ("arrival_ms", "arrival at the subscriber")):
        for kind, row in (d[name] or {}).items():
            told = "  ".join(
                f"{key} {'never' if row[key] is None else f'{row[key]:.1f}'}" for key in row if key != "n"
            )
            yield f"{title}, {kind} ({row['n']}): {told} ms"
    lost = "not listened for" if d["lost"] is None else d["lost"]
    yield f"lost {lost}, came again {d['doubled']}, repeated by the cars {d['repeats']}, answers {d['codes']}"
    if d["forged"]:
        f = d["forged"]
        yield (
            f"forged: {f['sent']} ({f['sent_bytes']} bytes), answered {f['answers']} "
            f"({f['answered_bytes']} bytes)"
        )
    g = d["generator"]
    yield (
        f"the generator itself: {g['cpu_us_per_datagram']:g} us of a processor a datagram "
        f"({g['cpu_share']:.0%} of one core), late by p99 {g['late_ms']['p99']:g} ms; "
        f"made ahead in {g['prepared_us_per_datagram']:g} us each"
    )
