"""Bugs to plant, one for each kind of finding: a fuzzer that finds nothing must be able to find something."""

PLANTS = {}


class Plant:
    """`plant()` puts the bug into the module under test; `unplant()` takes it out again."""

    def __init__(self, name, target, what, owner, attribute, make):
        self.name, self.target, self.what = name, target, what
        self._owner, self._attribute, self._make = owner, attribute, make
        self._right = None
        PLANTS[name] = self

    def _object(self):
        module, _, inside = self._owner.partition(":")
        found = __import__(module, None, None, ("x",))
        return getattr(found, inside) if inside else found

    def plant(self):
        owner = self._object()
        self._right = owner.__dict__[self._attribute]
        setattr(owner, self._attribute, self._make(self._right))

    def unplant(self):
        setattr(self._object(), self._attribute, self._right)


def _endless(right):
    def item(self, depth):
        if depth > 0 and self.data[self.at : self.at + 2] == b"\x81\x81":
            while self.size:
                pass
        return right(self, depth)

    return item


def _without_depth(right):
    return lambda self, depth: right(self, 0)


def _not_shortest(right):
    return lambda self, info, shortest: right(self, info, False)


def _value_error(right):
    def time_of_day(field):
        int(field.partition(b".")[0] or 0)
        return right(field)

    return time_of_day


def _rounds_down(right):
    return lambda field, places: (
        int(field.partition(b".")[0] + (field.partition(b".")[2] + b"00")[:places])
        if b"." in field and right(field, places) is not None and field.partition(b".")[0]
        else right(field, places)
    )


def _keeps(right):
    kept = []

    def decode(data):
        kept.append(bytes(data) * 400)
        return right(data)

    return decode


def _marks_early(right):
    def open_(self, outer, nonce, binding):
        self.window.mark(4711)
        return right(self, outer, nonce, binding)

    return open_


def _silenced(right):
    def reset(self, message_id):
        handle = self._by_message_id(message_id)
        if handle is not None:
            self.cancel(handle)
        return right(self, message_id)

    return reset


def _remembers(right):
    def receive(self, data, source, now_ms):
        got = right(self, data, source, now_ms)
        if type(got).__name__ == "Request":
            self._remember(got, None)
        return got

    return receive


def _unlimited(right):
    def keep(self, n):
        if not self._skip and self._used + n > len(self._line):
            self._line.extend(bytes(self._used + n - len(self._line)))
        return right(self, n)

    return keep


def _always(right):
    return lambda *arguments: True


def _believes(right):
    return lambda self, outer, binding: right(self, outer, binding) or outer


def _generation_first(right):
    def enter(self, slot, limit, rest):
        self._generation = rest[1]
        return right(self, slot, limit, rest)

    return enter


def _unguarded(right):
    return lambda parse, line: parse(line) if line else None


def _any_length(right):
    def put(self, request, size, message):
        return right(self, request, 1 << 20, message)

    return put


def _every_signature(right):
    return lambda batch: [[True for _ in claims] for claims in batch]


def _unbounded(right):
    def degrees(body, name, limit):
        value = body.get(name)
        return None if value is None else int(value * 10_000_000)

    return degrees


def _booleans(right):
    return lambda value, low, high: right(value + 0, low, high) if isinstance(value, (bool, int)) else None


def _no_range(right):
    return lambda value, name, lowest, highest, wrong: None


def _any_marker(right):
    def decode_options(data, at=0):
        return right(data[:-1] if data[-1:] == b"\xff" else data, at)

    return decode_options


def _in_memory(right):
    return lambda flash, block, at, data: True


Plant("cbor_depth", "cbor_decode", "no limit of depth", "protocol.cbor:_Reader", "item", _without_depth)
Plant("cbor_hang", "cbor_decode", "a loop that does not end", "protocol.cbor:_Reader", "item", _endless)
Plant(
    "cbor_loose",
    "cbor_decode",
    "heads that are not the shortest",
    "protocol.cbor:_Reader",
    "argument",
    _not_shortest,
)
Plant(
    "nmea_value_error",
    "nmea_sentence",
    "ValueError out of a time",
    "protocol.nmea",
    "time_of_day",
    _value_error,
)
Plant(
    "nmea_rounding",
    "nmea_fields_exact",
    "a number cut off, not rounded",
    "protocol.nmea_fields",
    "number",
    _rounds_down,
)
Plant("coap_keeps", "coap_datagram", "every datagram stays in memory", "protocol.coap", "decode", _keeps)
Plant(
    "oscore_window",
    "oscore_datagram",
    "the window moves before the tag is checked",
    "protocol.oscore:Context",
    "_open",
    _marks_early,
)
Plant(
    "client_silenced",
    "exchange_client",
    "anybody's Reset ends a panic",
    "protocol.exchange:Client",
    "_reset",
    _silenced,
)
Plant(
    "server_remembers",
    "responder_server",
    "a stranger gets a place in the cache",
    "protocol.responder:Server",
    "receive",
    _remembers,
)
Plant("at_unlimited", "at_stream", "the line's buffer grows", "protocol.at:Reader", "_keep", _unlimited)
Plant("edhoc_mac", "edhoc_plaintext_2", "MAC_2 is not looked at", "protocol.edhoc", "_same", _always)
Plant(
    "link_believes",
    "link_datagrams",
    "answers count unauthenticated",
    "firmware.session:Session",
    "unprotect",
    _believes,
)
Plant(
    "slot_order",
    "flash_contexts",
    "a damaged slot hides a sound one",
    "firmware.session:Session",
    "_enter",
    _generation_first,
)
Plant("modem_lines", "modem_answers", "a torn answer raises", "firmware.simcom", "meaning", _unguarded)
Plant(
    "quectel_lines",
    "modem_answers",
    "a torn one of Quectel's raises",
    "firmware.quectel",
    "meaning",
    _unguarded,
)
Plant(
    "answer_length",
    "gateway_datagram",
    "an answer longer than its request",
    "gateway.edhoc:Edhoc",
    "_put",
    _any_length,
)
Plant(
    "signatures",
    "gateway_frames",
    "every signature is good",
    "gateway.verifier",
    "_check",
    _every_signature,
)
Plant(
    "short_way_range",
    "ordinary_report",
    "a place off the earth is taken on the short way",
    "gateway.ordinary",
    "_within",
    lambda right: lambda *fix: True,
)
Plant(
    "request_range",
    "gateway_request",
    "a place off the earth, NaN",
    "gateway.requests",
    "_degrees",
    _unbounded,
)
Plant(
    "settings_type", "settings_values", "text where a number belongs", "firmware.config", "_number", _booleans
)
Plant("report_range", "report_decode", "no ranges", "protocol.report", "_check_integer", _no_range)
Plant(
    "coap_marker",
    "coap_datagram",
    "a payload marker with nothing after",
    "protocol.coap",
    "decode_options",
    _any_marker,
)
Plant(
    "long_echo",
    "handshake_answers",
    "anybody's Echo is sent back",
    "firmware.handshake",
    "_ECHO_MOST",
    lambda right: 4096,
)
Plant(
    "not_on_flash",
    "flash_journal",
    "frames stay in memory",
    "firmware.segment",
    "program",
    _in_memory,
)


def _any_shape(right):
    def peek(self):
        # Only what is looked at by itself is right: the rest is not compared.
        from protocol import cbor, suit

        whole = cbor.decode(self._manifest)
        if isinstance(whole, dict) and type(whole.get(2)) is int and 0 < whole[2] < 1 << 24:
            return suit.Release(whole[2], bytes(16), bytes(16), bytes(32), 1, "x")
        return right(self)

    return peek


Plant(
    "suit_shape", "suit_manifest", "any manifest with a version", "protocol.suit:Envelope", "peek", _any_shape
)
