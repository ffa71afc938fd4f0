"""The witness on the air: opens every datagram of one terminal with the keys of its link, and writes down
frames, receipts, commands, nonces, and whatever went unprotected."""

import hashlib

import cbor2

from hwsim.checks import datagram, signed
from hwsim.checks.recording import ACCEPTED, STORED, Fact, Receipt
from hwsim.checks.shield import Keys, Mark

_HANDSHAKE = "/.well-known/edhoc"
_FIRST_MESSAGE = 0xF5  # RFC 9528 A.2.1: `true` stands before message_1
_PANIC_RECEIPT = 3
_REQUESTS = 512  # remembered; an answer later than that is not understood
_AGAIN = 64  # datagrams that may come once more, byte for byte


class Request:
    def __init__(self, keys, kid, piv, path, names, size):
        self.keys = keys
        self.kid = kid
        self.piv = piv
        self.path = path
        self.names = names
        self.size = size


class Ear:
    """`context_of(oscore id) -> (gateway's id, secret, salt) or None`; `missing(names)` says which of them
    are not committed now; `frame(at_us, car, data) -> Frame or None` takes a frame into the books."""

    def __init__(self, recording, car, context_of, missing, frame):
        self.unread = 0  # datagrams with OSCORE that no known keys open: damaged on the wire, or a stranger's
        self._recording = recording
        self._car = car
        self._context_of = context_of
        self._missing = missing
        self._frame = frame
        self._keys = {}  # oscore id -> list of Keys, newest first
        self._requests = {}  # token -> list of Request, newest last
        self._plain = {}  # token -> size of the largest unprotected request
        self._again = {}
        self._facts = set()

    def hear(self, at_us, direction, data, arrived):
        if data in self._again and (self._again[data] or not arrived):
            return  # the same bytes once more: nothing new, and no nonce more
        self._again.pop(data, None)
        self._again[data] = arrived
        if len(self._again) > _AGAIN:
            del self._again[next(iter(self._again))]
        message = datagram.read(data)
        if message is None:
            return
        if direction == "up":
            if message.is_request:
                self._up(at_us, message, len(data))
        elif message.is_response:
            self._down(at_us, message, len(data), arrived)

    # --- from the terminal

    def _up(self, at_us, message, size):
        option = message.option(datagram.OSCORE)
        if option is None:
            self._handshake(at_us, message, size)
            return
        try:
            mark = Mark(option)
        except IndexError:
            self.unread += 1
            return
        opened = self._open_request(mark, message)
        if opened is None:
            self.unread += 1
            return
        keys, plain, nonce = opened
        self._used(at_us, "terminal", keys, nonce, plain, mark)
        self._car.sealed += 1
        code, (options, payload) = plain[0], datagram.read_options(plain, 1)
        inner = datagram.Datagram(0, code, 0, b"", options, payload)
        names = ()
        if inner.path == "/f" and code == datagram.POST:
            names = tuple(self._frames(at_us, payload))
        row = self._requests.setdefault(message.token, [])
        if not any(known.piv == mark.piv and known.keys is keys for known in row):
            row.append(Request(keys, mark.kid, mark.piv, inner.path, names, size))
            del row[:-3]
        if len(self._requests) > _REQUESTS:
            del self._requests[next(iter(self._requests))]

    def _open_request(self, mark, message):
        """(keys, plaintext, nonce) of the context that opens it, or None."""
        if mark.kid is None or mark.piv is None:
            return None
        known = self._keys.setdefault(mark.kid, [])
        for keys in known:
            opened = self._try(keys, mark, message)
            if opened is not None:
                return opened
        keys = self._newest(mark.kid, known)
        return None if keys is None else self._try(keys, mark, message)

    @staticmethod
    def _try(keys, mark, message):
        nonce = keys.nonce(mark.kid, mark.piv)
        plain = keys.open(keys.terminal_id, nonce, mark.kid, mark.piv, message.payload)
        return (keys, plain, nonce) if plain else None

    def _newest(self, oscore_id, known):
        """Keys of that id which were not known yet: an id may come again with others."""
        found = self._context_of(oscore_id)
        if found is None or not found[1]:
            return None
        gateway_id, secret, salt = (bytes(part) for part in found)
        if any(keys.made_of == (secret, salt) for keys in known):
            return None
        known.insert(0, Keys(secret, salt, bytes(oscore_id), gateway_id))
        return known[0]

    def _frames(self, at_us, payload):
        try:
            items = signed.split(payload)
        except ValueError:
            return
        for item in items:
            frame = self._frame(at_us, self._car, item)
            if frame is not None:
                self._car.frames.setdefault(frame.name, (at_us, frame))
                yield frame.name

    def _handshake(self, at_us, message, size):
        self._plain[message.token] = max(size, self._plain.get(message.token, 0))
        if message.path != _HANDSHAKE:
            self._car.naked.append((at_us, f"a request to {message.path}, {size} bytes"))
            return
        if message.payload[:1] == bytes([_FIRST_MESSAGE]):
            try:
                parts = [cbor2.loads(item) for item in signed.split(message.payload[1:])]
            except (ValueError, cbor2.CBORError):
                return
            share = next((part for part in parts if isinstance(part, bytes) and len(part) == 32), None)
            if share is not None:
                self._car.handshakes.append((at_us, len(self._car.lives), share))

    # --- from headquarters

    def _down(self, at_us, message, size, arrived):
        option = message.option(datagram.OSCORE)
        if option is None:
            self._unprotected(at_us, message, size)
            return
        try:
            mark = Mark(option)
        except IndexError:
            return
        for request in reversed(self._requests.get(message.token, ())):
            keys = request.keys
            if mark.piv is None:
                nonce = keys.nonce(request.kid, request.piv)
            else:
                nonce = keys.nonce(keys.gateway_id, mark.piv)
            plain = keys.open(keys.gateway_id, nonce, request.kid, request.piv, message.payload)
            if plain:
                self._used(at_us, "headquarters", keys, nonce, plain + request.kid + request.piv, mark)
                self._answer(at_us, request, plain, arrived)
                return
        self.unread += 1

    def _answer(self, at_us, request, plain, arrived):
        code, (_, payload) = plain[0], datagram.read_options(plain, 1)
        if code == datagram.CHANGED and request.names:
            missing = tuple(self._missing(request.names))
            self._car.receipts.append(Receipt(at_us, request.names, missing, arrived))
            for name in request.names:
                known = self._car.frames.get(name)
                if known is not None and known[1].raises:
                    self._fact(Fact(at_us, known[1].panic[0], STORED, arrived))
        elif code == datagram.CONTENT and request.path == "/c":
            self._commands(at_us, payload, arrived)

    def _commands(self, at_us, payload, arrived):
        try:
            rows = cbor2.loads(payload)
        except cbor2.CBORError:
            return
        for row in rows if isinstance(rows, list | tuple) else ():
            if row.get(1) == _PANIC_RECEIPT and row[3].get(1, 0) >= ACCEPTED:
                self._fact(Fact(at_us, row[3][0], row[3][1], arrived))

    def _fact(self, fact):
        """The first time counts; lists of commands are told again and again."""
        name = (fact.panic, fact.stage, fact.arrived)
        if name not in self._facts:
            self._facts.add(name)
            self._car.facts.append(fact)

    def _unprotected(self, at_us, message, size):
        asked = self._plain.get(message.token)
        if asked is None:
            asked = max((request.size for request in self._requests.get(message.token, ())), default=None)
        if asked is not None and size > asked:
            self._recording.amplified.append((at_us, self._car.name, asked, size))

    def _used(self, at_us, who, keys, nonce, plain, mark):
        digest = hashlib.sha256(plain).digest()[:12]
        number = int.from_bytes(mark.piv, "big") if mark.piv is not None else "of the request"
        side = keys.terminal_id if who == "terminal" else keys.gateway_id
        what = f"{who}'s Partial IV {number} (OSCORE id {keys.terminal_id.hex()})"
        key = hashlib.sha256(keys.identity + bytes([len(side)]) + side + nonce).digest()[:16]
        self._recording.nonces.used(at_us, self._car.name, what, key, digest)
