"""A littlefs in memory whose power can be cut at any program or erase, and which can wear out while mounted.

After the cut nothing reaches the flash any more, and the operation under the knife is torn in the middle.
What ran on is forgotten by `power_on`, which mounts what is left.
"""

import vfs


class CutFlash:
    BLOCK = 4096

    def __init__(self, mount, blocks):
        self._mount = mount
        self._data = bytearray(b"\xff" * (self.BLOCK * blocks))
        self._mounted = False
        self.operations = 0
        self.cut_at = None
        self.dead = False
        self.worn_out = False
        self.unreadable = False
        vfs.VfsLfs2.mkfs(self)
        self.power_on()

    def power_on(self):
        self.power_off()
        self.dead = False
        self.cut_at = None
        vfs.mount(vfs.VfsLfs2(self), self._mount)
        self._mounted = True

    def power_off(self):
        if self._mounted:
            # What littlefs would still write at this point, a cut would not let it.
            self.dead = True
            vfs.umount(self._mount)
            self._mounted = False

    def _through(self, size):
        """How many bytes of an operation reach the cells."""
        if self.dead:
            return 0
        self.operations += 1
        if self.cut_at is not None and self.operations >= self.cut_at:
            self.dead = True
            return size // 2
        return size

    def readblocks(self, block, buffer, offset=0):
        if self.unreadable:
            return -5
        at = block * self.BLOCK + offset
        buffer[:] = memoryview(self._data)[at : at + len(buffer)]
        return 0

    def writeblocks(self, block, buffer, offset=0):
        if self.worn_out:
            return -5
        size = self._through(len(buffer))
        at = block * self.BLOCK + offset
        self._data[at : at + size] = memoryview(buffer)[:size]
        return 0

    def ioctl(self, op, arg):
        if op == 4:
            return len(self._data) // self.BLOCK
        if op == 5:
            return self.BLOCK
        if op == 6:
            if self.worn_out:
                return -5
            size = self._through(self.BLOCK)
            at = arg * self.BLOCK
            self._data[at : at + size] = b"\xff" * size
        return 0
