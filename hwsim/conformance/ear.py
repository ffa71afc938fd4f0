"""Reads one terminal's datagrams with headquarters' own keys: what is asked, what is answered, and what a
stranger could have seen of it."""

import copy
from dataclasses import dataclass, field

from hwsim.conformance.office import kind_name
from hwsim.openssl import Ccm
from protocol import cbor, coap, cose, oscore, report
from protocol.errors import ProtocolError

_FRAMES = 6
_EDHOC = "/.well-known/edhoc"


@dataclass
class Datagram:
    """`name` is what it is about in a word or two; `reports` the frames inside; `piv` and `kid` OSCORE's;
    `first` is False for bytes that were on the air before."""

    up: bool
    data: bytes
    name: str
    message: object = None
    inner: object = None
    kid: bytes | None = None
    piv: bytes | None = None
    reports: list = field(default_factory=list)
    frames: list = field(default_factory=list)
    first: bool = True


class Ear:
    """`context_of(oscore_id)` gives (gateway's id, secret, salt) or None."""

    def __init__(self, context_of):
        self._context_of = context_of
        self._contexts = {}  # oscore id -> (gateway's side, terminal's side)
        self._read = {}  # bytes -> Datagram
        self._asked = {}  # token -> (name, Binding or None, oscore id)

    def hear(self, up, data):
        known = self._read.get((up, data))
        if known is not None:
            again = copy.copy(known)
            again.first = False
            return again
        try:
            message = coap.decode(data)
        except ProtocolError:
            return Datagram(up, data, "noise")
        got = Datagram(up, data, "", message)
        (self._up if up else self._down)(got)
        self._read[up, data] = got
        return got

    def _sides(self, kid):
        if kid not in self._contexts:
            found = self._context_of(kid)
            if found is None:
                return None
            ours, secret, salt = found
            self._contexts[kid] = (
                oscore.Context(secret, salt, ours, kid, Ccm(), window=_Open()),
                oscore.Context(secret, salt, kid, ours, Ccm(), window=_Open()),
            )
        return self._contexts[kid]

    def _up(self, got):
        message = got.message
        if not message.is_request():
            got.name = "reset" if message.type == coap.RST else "ack"
            return
        if message.option(coap.OSCORE) is None:
            path = _path(message)
            edhoc = path == _EDHOC
            got.name = (
                ("EDHOC 1" if message.payload[:1] == b"\xf5" else "EDHOC 3") if edhoc else "unprotected"
            )
            self._asked[message.token] = (got.name, None, None)
            return
        got.name = "sealed"
        try:
            got.kid, _, got.piv = oscore.peek(message)
            sides = self._sides(got.kid)
            if sides is None:
                return
            got.inner, binding = sides[0].unprotect_request(message)
        except ProtocolError:
            return
        got.name = self._request(got)
        self._asked[message.token] = (got.name, binding, got.kid)

    def _request(self, got):
        path = _path(got.inner)
        if path == "/f":
            try:
                for item in cbor.decode_sequence(got.inner.payload, _FRAMES):
                    frame = cbor.encode(item)
                    got.reports.append(report.decode(cose.sign1_parse(frame).payload))
                    got.frames.append(frame)
            except ProtocolError:
                return "frames?"
            return "+".join(kind_name(fields) for fields in got.reports)
        if path == "/c":
            return "observe" if got.inner.code == coap.GET else "answer"
        return path or "?"

    def _down(self, got):
        message = got.message
        name, binding, kid = self._asked.get(message.token, ("?", None, None))
        shown = coap.code_text(message.code)
        if message.code == coap.EMPTY:
            got.name = "reset" if message.type == coap.RST else "ack"
        elif binding is None or message.option(coap.OSCORE) is None:
            step = {"EDHOC 1": "EDHOC 2", "EDHOC 3": "EDHOC 4"}.get(name)
            got.name = step if step and message.code == coap.CHANGED else f"{shown} unprotected"
        else:
            got.name = f"{shown}?"
            one = copy.copy(binding)
            one.observe = False
            try:
                got.inner = self._sides(kid)[1].unprotect_response(message, one)
            except ProtocolError:
                return
            got.kid = kid
            got.name = coap.code_text(got.inner.code)
            if name == "observe":
                got.name = "commands" if got.inner.payload not in (b"", b"\x80") else "no commands"


class _Open(oscore.ReplayWindow):
    """We listen; whether something is a repeat is not for us to judge."""

    def seen(self, _sequence):
        return False

    def mark(self, _sequence):
        pass


def _path(message):
    try:
        return message.path()
    except ProtocolError:
        return None
