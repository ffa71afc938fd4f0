"""A flash of one file name to bytes, put under firmware modules while a target runs. Both Pythons."""

import errno
import io


class _File(io.BytesIO):
    """Written bytes go to the flash when the file is closed."""

    flash = None
    path = ""

    def close(self):
        if self.flash is not None:
            self.flash.files[self.path] = self.getvalue()
            self.flash = None
        super().close()

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.close()


class Flash:
    """`with Flash({"/boot": b"..."}, statefile, session): ...` - their `open` and `os` are ours."""

    def __init__(self, files, *modules):
        self.files = files
        self._modules = modules
        self._before = []

    def __enter__(self):
        for module in self._modules:
            self._before.append(getattr(module, "os", None))
            module.open = self.open
            module.os = self
        return self

    def __exit__(self, *what):
        for module, before in zip(self._modules, self._before):  # noqa: B905  (MicroPython has no strict)
            del module.open
            module.os = before

    def open(self, path, mode="r"):
        if "w" in mode or "a" in mode:
            file = _File()
            if "a" in mode:
                file.write(self.files.get(path, b""))
            file.flash, file.path = self, path
            return file
        if path not in self.files:
            raise OSError(errno.ENOENT, path)
        return _File(self.files[path])

    def stat(self, path):
        if path not in self.files:
            raise OSError(errno.ENOENT, path)
        return (0, 0, 0, 0, 0, 0, len(self.files[path]), 0, 0, 0)

    def mkdir(self, path):
        raise OSError(errno.EEXIST, path)

    def ilistdir(self, path):
        return [
            (p[len(path) + 1 :], 0x8000, 0, len(self.files[p]))
            for p in sorted(self.files)
            if p.startswith(path)
        ]

    def rename(self, old, new):
        self.files[new] = self.files.pop(old)

    def remove(self, path):
        if path not in self.files:
            raise OSError(errno.ENOENT, path)
        del self.files[path]
