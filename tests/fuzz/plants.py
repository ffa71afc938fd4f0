"""Bugs to plant, one for each kind of finding: a fuzzer that finds nothing must be able to find something."""

from tests.fuzz import bugs

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


Plant("cbor_depth", "cbor_decode", "no limit of depth", "protocol.cbor:_Reader", "item", bugs.without_depth)
Plant("cbor_hang", "cbor_decode", "a loop that does not end", "protocol.cbor:_Reader", "item", bugs.endless)
Plant(
    "cbor_loose",
    "cbor_decode",
    "heads that are not the shortest",
    "protocol.cbor:_Reader",
    "argument",
    bugs.not_shortest,
)
Plant(
    "nmea_value_error",
    "nmea_sentence",
    "ValueError out of a time",
    "protocol.nmea",
    "time_of_day",
    bugs.value_error,
)
Plant(
    "nmea_rounding",
    "nmea_fields_exact",
    "a number cut off, not rounded",
    "protocol.nmea_fields",
    "number",
    bugs.rounds_down,
)
Plant("coap_keeps", "coap_datagram", "every datagram stays in memory", "protocol.coap", "decode", bugs.keeps)
Plant(
    "oscore_window",
    "oscore_datagram",
    "the window moves before the tag is checked",
    "protocol.oscore:Context",
    "_open",
    bugs.marks_early,
)
Plant(
    "client_silenced",
    "exchange_client",
    "anybody's Reset ends a panic",
    "protocol.exchange:Client",
    "_reset",
    bugs.silenced,
)
Plant(
    "server_remembers",
    "responder_server",
    "a stranger gets a place in the cache",
    "protocol.responder:Server",
    "receive",
    bugs.remembers,
)
Plant("at_unlimited", "at_stream", "the line's buffer grows", "protocol.at:Reader", "_keep", bugs.unlimited)
Plant("edhoc_mac", "edhoc_plaintext_2", "MAC_2 is not looked at", "protocol.edhoc", "_same", bugs.always)
Plant(
    "link_believes",
    "link_datagrams",
    "answers count unauthenticated",
    "firmware.session:Session",
    "unprotect",
    bugs.believes,
)
Plant(
    "slot_order",
    "flash_contexts",
    "a damaged slot hides a sound one",
    "firmware.session:Session",
    "_enter",
    bugs.generation_first,
)
Plant("modem_lines", "modem_answers", "a torn answer raises", "firmware.simcom", "meaning", bugs.unguarded)
Plant(
    "quectel_lines",
    "modem_answers",
    "a torn one of Quectel's raises",
    "firmware.quectel",
    "meaning",
    bugs.unguarded,
)
Plant(
    "answer_length",
    "gateway_datagram",
    "an answer longer than its request",
    "gateway.edhoc:Edhoc",
    "_put",
    bugs.any_length,
)
Plant(
    "signatures",
    "gateway_frames",
    "every signature is good",
    "gateway.verifier",
    "_check",
    bugs.every_signature,
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
    bugs.unbounded,
)
Plant(
    "settings_type",
    "settings_values",
    "text where a number belongs",
    "firmware.config",
    "_number",
    bugs.booleans,
)
Plant("report_range", "report_decode", "no ranges", "protocol.report", "_check_integer", bugs.no_range)
Plant(
    "coap_marker",
    "coap_datagram",
    "a payload marker with nothing after",
    "protocol.coap",
    "decode_options",
    bugs.any_marker,
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
    bugs.in_memory,
)
Plant(
    "suit_shape",
    "suit_manifest",
    "any manifest with a version",
    "protocol.suit:Envelope",
    "peek",
    bugs.any_shape,
)
