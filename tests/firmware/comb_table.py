"""Makes firmware/p256_table.py from its docstring. `python -m tests.firmware.comb_table` writes it anew."""

from firmware.p256_table import BLOCKS, COLUMNS, TEETH
from tests.firmware import curve

PATH = "firmware/p256_table.py"
ODD_MULTIPLES = 384
_ROW = 24  # bytes in a line


def data():
    entries = []
    for block in range(BLOCKS):
        teeth = [curve.times(1 << (COLUMNS * BLOCKS * t + COLUMNS * block), curve.G) for t in range(TEETH)]
        for i in range(1 << (TEETH - 1)):
            point = teeth[TEETH - 1]
            for t in range(TEETH - 1):
                point = curve.add(point, teeth[t] if i >> t & 1 else curve.negative(teeth[t]))
            entries.append(curve.raw(point))
    point, double = curve.G, curve.times(2, curve.G)
    for _ in range(ODD_MULTIPLES):
        x, y = point
        entries.append(curve.raw((x, 2 * y % curve.P)))
        point = curve.add(point, double)
    return b"".join(entries)


def source(text, table):
    """The file's text with `table` in place of the one that is there."""
    lines = []
    for at in range(0, len(table), _ROW):
        lines.append('    b"%s"\n' % "".join(["\\x%02x" % byte for byte in table[at : at + _ROW]]))
    begin = text.index("TABLE = (\n") + len("TABLE = (\n")
    return text[:begin] + "".join(lines) + text[text.index(")\n# fmt: on", begin) :]


if __name__ == "__main__":
    with open(PATH) as file:
        before = file.read()
    with open(PATH, "w") as file:
        file.write(source(before, data()))
