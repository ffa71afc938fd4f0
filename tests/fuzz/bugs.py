"""The bugs of plants.py: each takes what is right and returns what stands in its place."""


def endless(right):
    def item(self, depth):
        if depth > 0 and self.data[self.at : self.at + 2] == b"\x81\x81":
            while self.size:
                pass
        return right(self, depth)

    return item


def without_depth(right):
    return lambda self, depth: right(self, 0)


def not_shortest(right):
    return lambda self, info, shortest: right(self, info, False)


def value_error(right):
    def time_of_day(field):
        int(field.partition(b".")[0] or 0)
        return right(field)

    return time_of_day


def rounds_down(right):
    return lambda field, places: (
        int(field.partition(b".")[0] + (field.partition(b".")[2] + b"00")[:places])
        if b"." in field and right(field, places) is not None and field.partition(b".")[0]
        else right(field, places)
    )


def keeps(right):
    kept = []

    def decode(data):
        kept.append(bytes(data) * 400)
        return right(data)

    return decode


def marks_early(right):
    def open_(self, outer, nonce, binding):
        self.window.mark(4711)
        return right(self, outer, nonce, binding)

    return open_


def silenced(right):
    def reset(self, message_id):
        handle = self._by_message_id(message_id)
        if handle is not None:
            self.cancel(handle)
        return right(self, message_id)

    return reset


def remembers(right):
    def receive(self, data, source, now_ms):
        got = right(self, data, source, now_ms)
        if type(got).__name__ == "Request":
            self._remember(got, None)
        return got

    return receive


def unlimited(right):
    def keep(self, n):
        if not self._skip and self._used + n > len(self._line):
            self._line.extend(bytes(self._used + n - len(self._line)))
        return right(self, n)

    return keep


def always(right):
    return lambda *arguments: True


def believes(right):
    return lambda self, outer, binding: right(self, outer, binding) or outer


def generation_first(right):
    def enter(self, slot, limit, rest):
        self._generation = rest[1]
        return right(self, slot, limit, rest)

    return enter


def unguarded(right):
    return lambda parse, line: parse(line) if line else None


def any_length(right):
    def put(self, request, size, message):
        return right(self, request, 1 << 20, message)

    return put


def every_signature(right):
    return lambda batch: [[True for _ in claims] for claims in batch]


def unbounded(right):
    def degrees(body, name, limit):
        value = body.get(name)
        return None if value is None else int(value * 10_000_000)

    return degrees


def booleans(right):
    return lambda value, low, high: right(value + 0, low, high) if isinstance(value, (bool, int)) else None


def no_range(right):
    return lambda value, name, lowest, highest, wrong: None


def any_marker(right):
    def decode_options(data, at=0):
        return right(data[:-1] if data[-1:] == b"\xff" else data, at)

    return decode_options


def in_memory(right):
    return lambda flash, block, at, data: True


def any_shape(right):
    def peek(self):
        # Only what is looked at by itself is right: the rest is not compared.
        from protocol import cbor, suit

        whole = cbor.decode(self._manifest)
        if isinstance(whole, dict) and type(whole.get(2)) is int and 0 < whole[2] < 1 << 24:
            return suit.Release(whole[2], bytes(16), bytes(16), bytes(32), 1, "x")
        return right(self)

    return peek
