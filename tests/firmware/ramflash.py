"""NOR flash in memory for tests under MicroPython: programming clears bits, power fails at any operation."""

_PAGE = 256
_rooms = []  # given back by terminals that are over: after some tests no heap has a megabyte in one piece


class PowerLost(BaseException):
    """Power failed: nothing the program does from here on counts."""


class RamFlash:
    """`cut_at` is the number of the operation (a program of one page, or an erase) that power fails in; half
    of that operation is done. `operations`, `programs`, `erases` count."""

    def __init__(self, blocks, data=None, block=4096):
        self.block = block
        self.blocks = blocks
        self._blank = b"\xff" * block
        self.data = data if data is not None else self._new(blocks * block)
        self.cut_at = None
        self.off = False
        self.worn_out = False  # takes nothing more, and says so
        self.unreadable = ()  # blocks
        self.stuck = ()  # blocks in which nothing changes any more, and nobody says so
        self.wear = [0] * blocks  # erases
        self.programs = self.erases = 0

    def _new(self, size):
        for room in _rooms:
            if len(room) == size:
                _rooms.remove(room)
                for at in range(0, size, self.block):
                    room[at : at + self.block] = self._blank
                return room
        return bytearray(b"\xff" * size)

    def give_back(self):
        """Nobody reads it any more."""
        _rooms.append(self.data)
        self.data = None

    @property
    def operations(self):
        return self.programs + self.erases

    def _half(self):
        """True when power fails in the operation that begins now."""
        if self.off:
            raise PowerLost()
        return self.cut_at is not None and self.operations >= self.cut_at

    def readblocks(self, block, buffer, offset=0):
        if self.off:
            raise PowerLost()
        if block in self.unreadable:
            return -5
        at = block * self.block + offset
        buffer[:] = memoryview(self.data)[at : at + len(buffer)]
        return 0

    def writeblocks(self, block, data, offset=None):
        assert offset is not None, "littlefs says where"
        if self.worn_out:
            return -5
        base = block * self.block + offset
        at = 0
        while at < len(data):
            n = min(len(data) - at, _PAGE - (base + at) % _PAGE)
            cut = self._half()
            self.programs += 1
            if cut:
                n //= 2
            if block in self.stuck:
                at += n
                continue
            had = int.from_bytes(self.data[base + at : base + at + n], "big")
            now = had & int.from_bytes(data[at : at + n], "big")
            self.data[base + at : base + at + n] = now.to_bytes(n, "big")
            if cut:
                self.off = True
                raise PowerLost()
            at += n
        return 0

    def ioctl(self, request, argument):
        if request == 4:
            return self.blocks
        if request == 5:
            return self.block
        if request == 6 and self.worn_out:
            return -5
        if request == 6:
            cut = self._half()
            self.erases += 1
            at = argument * self.block
            self.wear[argument] += 1
            n = self.block // 2 if cut else self.block
            if argument in self.stuck:
                return 0
            self.data[at : at + n] = memoryview(self._blank)[:n]
            if cut:
                self.off = True
                raise PowerLost()
        return 0
