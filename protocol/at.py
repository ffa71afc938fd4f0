"""A modem's byte stream, sans-IO: bytes in at any split, events out.

    reader.feed(chunk, 0, n)
    while True:
        kind = reader.next_event()
        if kind == 0:
            break

Form of a stream: ITU-T V.250 5.7 and 3GPP TS 27.007 9.2; counted data as in the TCP/IP application notes of
SIMCom (+IPD, +CIPRXGET: 2) and Quectel (+QIRD). What a field means stands in `at_fields`.
"""

from protocol.compat import const
from protocol.errors import Misuse

# Events
LINE = const(1)  # an answer or a URC: .line. Which of the two only the caller can know
FINAL = const(2)  # a command's end: .result, .detail, .line
PROMPT = const(3)  # the modem waits for raw bytes
DATA = const(4)  # counted raw bytes, after the LINE that announced them: .data

# .result of FINAL
OK = const(0)
ERROR = const(1)
CME_ERROR = const(2)
CMS_ERROR = const(3)
IP_ERROR = const(4)
SEND_OK = const(5)
SEND_FAIL = const(6)

# The longest lines a terminal meets are +CGNSSINFO, +CPSI and the echo of CIPSEND: all under 160.
MAX_LINE = const(256)
# What one receive command or +IPD brings at most (SIMCom and Quectel manuals: 1500).
MAX_RAW = const(1500)
# A count above this is noise, not a header: no IP datagram is longer.
_MAX_COUNT = const(65535)

_WHOLE = {b"OK": OK, b"ERROR": ERROR, b"SEND OK": SEND_OK, b"SEND FAIL": SEND_FAIL}
_BEGINNING = ((b"+CME ERROR", CME_ERROR), (b"+CMS ERROR", CMS_ERROR), (b"+IP ERROR", IP_ERROR))

_CR = const(13)
_SPACE = const(32)
_PROMPT_BYTE = const(0x3E)


def raw_length(line: bytes) -> int:
    """How many raw bytes follow this line; 0 for a line that announces none."""
    if line.startswith(b"+IPD"):
        digits = line[4:]
    elif line.startswith(b"+CIPRXGET: 2,"):
        # mode, socket, bytes that follow, bytes still waiting. Mode 3 brings hex text, 4 only counts.
        fields = line[13:].split(b",")
        digits = fields[1] if len(fields) == 3 else b""
    elif line.startswith(b"+QIRD: "):
        # "len" or "len,ip,port" bring data; "total,read,unread" answers a query.
        fields = line[7:].split(b",")
        digits = fields[0] if len(fields) == 1 or fields[1].startswith(b'"') else b""
    else:
        return 0
    if not 1 <= len(digits) <= 5 or not digits.isdigit():
        return 0
    count = int(digits)
    return count if count <= _MAX_COUNT else 0


class Reader:
    """Cuts a modem's bytes into events. Holds one line and one raw block, never more.

    Counters: `overlong` lines, `oversize` raw blocks (both dropped whole), `noise` lines with bytes no modem
    prints, `echoes`.
    """

    def __init__(self, raw_limit: int = MAX_RAW, line_limit: int = MAX_LINE) -> None:
        self._line = bytearray(line_limit)
        self._used = 0
        self._skip = False  # an over-long line is dropped up to its newline
        self._raw = bytearray(raw_limit)
        self._raw_used = 0
        self._raw_left = 0
        self._raw_drop = False
        self._chunk: bytes | bytearray = b""
        self._at = 0
        self._end = 0
        self._prompt = False
        self._command = b""
        self._error_follows = False
        self.line = b""
        self.detail = b""
        self.data = b""
        self.result = OK
        self.overlong = 0
        self.oversize = 0
        self.noise = 0
        self.echoes = 0

    @property
    def raw_pending(self) -> bool:
        """Counted bytes are still to come: after a silence the caller should `abandon` them."""
        return self._raw_left > 0

    def begin(self, command: bytes, prompt: bool = False) -> None:
        """A command (without its CR) is about to be written; `prompt`: it will ask for raw bytes."""
        self._command = command
        self._prompt = prompt
        self._error_follows = False

    def abandon(self) -> None:
        """Give up what is half received; text resumes after the next newline, never in mid-line."""
        self._raw_left = 0
        self._raw_used = 0
        self._used = 0
        self._skip = True
        self._prompt = False

    def feed(self, chunk: bytes | bytearray, start: int = 0, end: int | None = None) -> None:
        """Hand over chunk[start:end]; it must stay unchanged until `next_event` has given 0."""
        if self._at < self._end:
            raise Misuse("at: fed while %d bytes of the last chunk were left" % (self._end - self._at))
        self._chunk = chunk
        self._at = start
        self._end = len(chunk) if end is None else end

    def next_event(self) -> int:
        """LINE, FINAL, PROMPT or DATA; 0 when the chunk is used up."""
        while self._at < self._end:
            kind = self._take_raw() if self._raw_left else self._take_text()
            if kind:
                return kind
        return 0

    def _take_raw(self) -> int:
        n = min(self._raw_left, self._end - self._at)
        if not self._raw_drop:
            self._raw[self._raw_used : self._raw_used + n] = memoryview(self._chunk)[self._at : self._at + n]
        self._raw_used += n
        self._raw_left -= n
        self._at += n
        if self._raw_left:
            return 0
        used = self._raw_used
        self._raw_used = 0
        if self._raw_drop:
            self.oversize += 1
            return 0
        self.data = bytes(memoryview(self._raw)[:used])
        kind: int = DATA
        return kind

    def _take_text(self) -> int:
        chunk = self._chunk
        if not self._used and not self._skip:
            # A line starts at its first printing byte: so "\r\r\n", "> " and a modem's NULs need no rule.
            while self._at < self._end and chunk[self._at] in (_CR, _SPACE, 0):
                self._at += 1
            if self._at == self._end:
                return 0
            if self._prompt and chunk[self._at] == _PROMPT_BYTE:
                self._at += 1
                self._prompt = False
                kind: int = PROMPT
                return kind
        stop = chunk.find(b"\n", self._at, self._end)
        whole = stop >= 0
        if not whole:
            stop = self._end
        self._keep(stop - self._at)
        self._at = stop + 1 if whole else stop
        return self._line_done() if whole else 0

    def _keep(self, n: int) -> None:
        if self._skip:
            return
        if self._used + n > len(self._line):
            self.overlong += 1
            self._skip = True
            self._used = 0
            return
        self._line[self._used : self._used + n] = memoryview(self._chunk)[self._at : self._at + n]
        self._used += n

    def _line_done(self) -> int:
        used = self._used
        self._used = 0
        if self._skip:
            self._skip = False
            return 0
        line = bytes(memoryview(self._line)[:used]).rstrip()
        if not line:
            return 0
        for byte in line:
            if not 32 <= byte <= 126:
                self.noise += 1
                return 0
        return self._sort(line)

    def _sort(self, line: bytes) -> int:
        # Nothing a modem says of itself begins with AT: so these are echoes, late ones and torn ones too.
        if line == self._command or line[:2] in (b"AT", b"at"):
            self.echoes += 1
            return 0
        self.line = line
        if line in _WHOLE:
            self.result = _WHOLE[line]
            self.detail = b""
            if self.result == ERROR and self._error_follows:
                self._error_follows = False
                return 0
            return self._final()
        for beginning, result in _BEGINNING:
            if line.startswith(beginning):
                self.result = result
                break
        else:
            return self._told(line)
        self.detail = line[len(beginning) :].lstrip(b": ")
        # SIMCom prints ERROR after +IP ERROR: one command, one end.
        self._error_follows = self.result == IP_ERROR
        return self._final()

    def _told(self, line: bytes) -> int:
        count = raw_length(line)
        if count:
            self._raw_left = count
            self._raw_used = 0
            self._raw_drop = count > len(self._raw)
        kind: int = LINE
        return kind

    def _final(self) -> int:
        if self.result != OK:
            # OK follows the bytes, never instead of the prompt: this one would be an older command's.
            self._prompt = False
        kind: int = FINAL
        return kind
