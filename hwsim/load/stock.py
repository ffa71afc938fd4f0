"""All datagrams of a run, made before it begins: which car says what and when, in memory."""

import random
import time

from hwsim import workers
from hwsim.load.sealed import HEALTH, PANIC, POSITION, STATUS, Sealer

_HEALTH_SHARE = 0.02


class Stock:
    """Datagram i of car `i % cars` is due `i / rate` seconds after the beginning. `first[i]` is the number
    (seq) of its first frame, `count[i]` how many it has. On each of the `wires` that the cars share no
    message id comes twice; `message_id` is the first, `ids` how many were used. Tokens count from `token`."""

    def __init__(self, cars, rate, seconds, urgent=0.02, batch=1, seed=1, wires=1, message_id=0, token=0):
        self.cars = cars
        self.rate = rate
        self.total = max(1, round(rate * seconds))
        self.batch = batch
        self.message_id = message_id
        self.token = token
        self._each = -(-len(cars) // wires)
        self._wires = wires
        self.ids = -(-self.total // len(cars)) * self._each
        self.boot = int(time.time())  # later than that of any earlier run with these keys
        self.kinds = self._kinds(random.Random(f"load {seed}"), urgent)
        self.count = [1 if kind != POSITION else batch for kind in self.kinds]
        self.frames = sum(self.count)
        self.first = []
        self.owner = [[] for _ in cars]  # of each car: the datagram that brings its frame 0, 1, 2...
        for index, count in enumerate(self.count):
            mine = self.owner[index % len(cars)]
            self.first.append(len(mine))
            mine.extend([index] * count)
        self.sequences = [car.context.sequence for car in cars]
        rows = ((car.listening, place) for place, car in enumerate(cars))
        self.listening = {int.from_bytes(token, "big"): place for token, place in rows if token}
        self.data = []
        self.cpu_s = 0.0

    def _kinds(self, rng, urgent):
        """Of the urgent ones every second is a panic, the others are statuses."""
        kinds = []
        panic = False
        for _ in range(self.total):
            if rng.random() < urgent:
                panic = not panic
                kinds.append(PANIC if panic else STATUS)
            else:
                kinds.append(HEALTH if rng.random() < _HEALTH_SHARE else POSITION)
        return kinds

    def name(self, index):
        return self.cars[index % len(self.cars)].number, index

    def index(self, token):
        """Whose answer that is; None for one to a datagram of an earlier run on the same wires."""
        index = int.from_bytes(token, "big") - self.token & 0xFFFFFFFF
        return index if index < self.total else None

    def sequence(self, index):
        """The Partial IV of datagram `index`."""
        return self.sequences[index % len(self.cars)] + index // len(self.cars)

    def make(self, jobs=1):
        """Sign and seal. In `jobs` processes."""
        step = -(-len(self.cars) // jobs)
        parts = [range(at, min(at + step, len(self.cars))) for at in range(0, len(self.cars), step)]
        orders = [self._order(part) for part in parts]
        if len(orders) == 1:
            results = [_make(orders[0])]
        else:
            with workers.pool(len(orders)) as pool:
                results = list(pool.map(_make, orders))
        self.data = [b""] * self.total
        for part, (made, cpu_s) in zip(parts, results, strict=True):
            self.cpu_s += cpu_s
            for place, datagrams in zip(part, made, strict=True):
                self.data[place :: len(self.cars)] = datagrams

    def _order(self, part):
        now_ms, step = round(time.time() * 1000), len(self.cars)
        rows = []
        for place in part:
            car = self.cars[place]
            own = car.context
            material = (own.sender_key, own.common_iv, own.sender_id, own.sequence)
            rows.append((place, car.number, car.scalar, car.kid, material, self.kinds[place::step]))
        return (
            rows,
            step,
            self.boot,
            self.rate,
            self.batch,
            now_ms,
            (self.message_id, self._each, self._wires, self.token),
        )


def _make(order):
    rows, step, boot, rate, batch, now_ms, (first, each, wires, first_token) = order
    began = time.process_time()
    out = []
    for place, number, scalar, kid, material, kinds in rows:
        sealer = Sealer(number, scalar, kid, boot, material)
        datagrams = []
        for turn, kind in enumerate(kinds):
            index = place + turn * step
            time_ms = now_ms + index * 1000 // max(1, round(rate))
            frames = b"".join(sealer.frame(kind, time_ms) for _ in range(batch if kind == POSITION else 1))
            message_id = first + turn * each + place // wires & 0xFFFF
            token = (first_token + index & 0xFFFFFFFF).to_bytes(4, "big")
            datagrams.append(sealer.datagram(frames, message_id, token))
        out.append(datagrams)
    return out, time.process_time() - began
