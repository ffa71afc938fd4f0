"""The AT interpreter: bytes in, command lines out, one answer after another.

V.250 as these modems speak it: echo on after a start, a line ends with carriage return, what stands before
`AT` is ignored, several commands share a line with `;`, and the rest of a line is dropped after an error.
While a command is at work the bytes that come are kept and looked at afterwards.
"""

import re

_LINE_LIMIT = 559
_QUEUE_LIMIT = 4096
_BASIC = re.compile(r"(&[FWV]|[A-Z])(\d*)")
_EXTENDED = re.compile(r"([+*^][A-Z0-9]+)(=\?|=|\?)?(.*)", re.DOTALL)
CME = {
    3: "operation not allowed",
    4: "operation not supported",
    10: "SIM not inserted",
    11: "SIM PIN required",
    12: "SIM PUK required",
    13: "SIM failure",
    14: "SIM busy",
    16: "incorrect password",
    30: "no network service",
    50: "incorrect parameters",
    100: "unknown",
}


class Engine:
    """`execute(name, form, arguments, reply)` runs one command and ends it through `reply`."""

    def __init__(self, modem, execute):
        self._modem = modem
        self._kernel = modem.kernel
        self._execute = execute
        self.reset()

    def reset(self):
        """As after power on: nothing of the past is answered any more."""
        profile = self._modem.profile
        self.echo = profile.echo
        self.verbose = True
        self.cmee = profile.cmee
        self._line = bytearray()
        self._overlong = False
        self._queue = bytearray()
        self._todo = []
        self._reply = None
        self._raw = None

    @property
    def busy(self):
        return self._reply is not None

    def feed(self, data):
        """Bytes from the terminal, any number of them."""
        at, end = 0, len(data)
        while at < end:
            if self._raw is not None:
                at = self._feed_raw(data, at)
            elif self.busy:
                room = _QUEUE_LIMIT - len(self._queue)
                self._queue += data[at : at + room]
                return
            else:
                at = self._feed_line(data, at)

    def urc(self, text):
        """An unsolicited line, now, wherever the conversation stands."""
        if self.verbose:
            self._modem.write(b"\r\n" + text.encode() + b"\r\n")
        else:
            self._modem.write(text.encode() + b"\r\n")

    def _feed_raw(self, data, at):
        """Take what belongs to the raw bytes; where the rest begins."""
        want, got, then = self._raw
        end = at + want - len(got)
        got += data[at:end]
        if len(got) == want:
            self._raw = None
            then(bytes(got))
        return min(end, len(data))

    def _feed_line(self, data, at):
        """Take a line, or as much of it as is there; where the rest begins."""
        end = data.find(b"\r", at)
        piece = data[at:] if end < 0 else data[at:end]
        line = self._line
        if len(line) + len(piece) <= _LINE_LIMIT and b"\x08" not in piece and b"\n" not in piece:
            line += piece
        else:
            self._edit(line, piece)
        if end < 0:
            return len(data)
        text, overlong = bytes(line), self._overlong
        self._line, self._overlong = bytearray(), False
        self._take(text, overlong)
        return end + 1

    def _edit(self, line, piece):
        for byte in piece:
            if byte == 0x08 and line:
                line.pop()
            elif byte == 0x0A and not line:
                continue
            elif len(line) >= _LINE_LIMIT:
                self._overlong = True
            else:
                line.append(byte)

    def _take(self, raw, overlong):
        text = raw.decode("latin-1")
        start = text.upper().find("AT")
        if start < 0:
            if self.echo and text:
                self._modem.write(raw + b"\r")
            return
        reply = self._reply = Reply(self)
        delay_us = self._modem.draw_us("echo_delay_s")
        if self.echo:
            self._kernel.after(delay_us, self._echo, reply, raw + b"\r")
        self._todo = [None] if overlong else split_line(text[start + 2 :])
        self._kernel.after(delay_us + self._modem.draw_us("answer_s"), self._step, reply)

    def _echo(self, reply, raw):
        if reply is self._reply:
            self._modem.write(raw)

    def _step(self, reply):
        if reply is not self._reply:
            return  # a restart came between
        if not self._todo:
            self.finish(reply, "OK")
            return
        command = self._todo.pop(0)
        if command is None:
            self.finish(reply, "ERROR")
            return
        self._execute(*command, reply)

    # What a Reply does.

    def line(self, reply, text):
        if reply is self._reply:
            self._modem.write(
                b"\r\n" + text.encode("latin-1") + b"\r\n" if self.verbose else text.encode() + b"\r\n"
            )

    def raw(self, reply, data):
        if reply is self._reply:
            self._modem.write(data)

    def finish(self, reply, final):
        """End one command: the next of the line, or the result code."""
        if reply is not self._reply:
            return
        if final == "OK" and self._todo:
            self._kernel.after(self._modem.draw_us("final_gap_s"), self._step, reply)
            return
        self._todo = []
        self._kernel.after(self._modem.draw_us("final_gap_s"), self._final, reply, final)

    def _final(self, reply, final):
        if reply is not self._reply:
            return
        if self.verbose:
            self._modem.write(b"\r\n" + final.encode() + b"\r\n")
        else:
            self._modem.write({"OK": b"0\r", "ERROR": b"4\r"}.get(final, final.encode() + b"\r"))
        self._reply = None
        if reply.then is not None:
            reply.then()
        kept, self._queue = bytes(self._queue), bytearray()
        if kept:
            self.feed(kept)

    def prompt(self, reply, count, then):
        """Ask for `count` raw bytes. What came before the prompt was sent is lost, as on the real thing."""
        self._kernel.after(self._modem.draw_us("prompt_s"), self._prompt, reply, count, then)

    def _prompt(self, reply, count, then):
        if reply is not self._reply:
            return
        self._queue = bytearray()
        if not self._modem.chance("prompt_missing"):
            self._modem.write(self._modem.profile.prompt)
        self._raw = (count, bytearray(), then)


class Reply:
    """One command line's answer. After the result code, or a restart, it says nothing any more."""

    def __init__(self, engine):
        self._engine = engine
        self.then = None

    def line(self, text):
        self._engine.line(self, text)

    def raw(self, data):
        self._engine.raw(self, data)

    def ok(self, then=None):
        """OK; `then()` runs when it has been written (for URCs that follow it)."""
        if then is not None:
            self.then = then
        self._engine.finish(self, "OK")

    def error(self):
        self._engine.finish(self, "ERROR")

    def final(self, text, then=None):
        """A maker's own result code, as SEND OK."""
        self.then = then or self.then
        self._engine.finish(self, text)

    def cme(self, code):
        cmee = self._engine.cmee
        text = {0: "ERROR", 1: f"+CME ERROR: {code}"}.get(cmee, f"+CME ERROR: {CME[code]}")
        self._engine.finish(self, text)

    def prompt(self, count, then):
        self._engine.prompt(self, count, then)


def split_line(text):
    """The commands of one line after `AT`, as (name, form, arguments); None stands for one nobody
    understands.

    form is "" (execute), "?" (read), "=?" (test) or "=" (write); arguments is a list of texts without their
    quotes, None where nothing stands between two commas.
    """
    commands = []
    for part in split_outside_quotes(text, ";"):
        part = part.strip()
        while part and part[0] not in "+*^":
            match = _BASIC.match(part.upper())
            if match is None:
                commands.append(None)
                return commands
            commands.append((match.group(1), "", [match.group(2) or "0"]))
            part = part[match.end() :].lstrip()
        if not part:
            continue
        head = re.match(r"[+*^][A-Za-z0-9]*", part).group(0)
        match = _EXTENDED.fullmatch(head.upper() + part[len(head) :])
        form = match.group(2) or "" if match else ""
        if match is None or (form != "=" and match.group(3)):
            commands.append(None)
            return commands
        commands.append((match.group(1), form, split_arguments(match.group(3)) if form == "=" else []))
    return commands


def split_arguments(text):
    arguments = []
    for item in split_outside_quotes(text, ","):
        item = item.strip()
        if len(item) >= 2 and item[0] == item[-1] == '"':
            arguments.append(item[1:-1])
        else:
            arguments.append(item or None)
    return arguments


def split_outside_quotes(text, mark):
    parts, quoted, start = [], False, 0
    for index, letter in enumerate(text):
        if letter == '"':
            quoted = not quoted
        elif letter == mark and not quoted:
            parts.append(text[start:index])
            start = index + 1
    parts.append(text[start:])
    return parts
