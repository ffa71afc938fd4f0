"""What is stuck on a terminal: unit and id to read, and a QR code with id, key and unit for whoever has a
phone.

62 mm wide, as a roll of the usual label printers is. PNG and PDF are drawn at 600 dots to the inch; their
font has ASCII letters only, so others lose their marks there. The SVG keeps them.
"""

import hashlib
import io
import unicodedata
from html import escape
from pathlib import Path

import segno
from PIL import Image, ImageDraw, ImageFont

from flashing.desk.records import write
from flashing.errors import Usage

WIDTH_MM, HEIGHT_MM = 62, 29
_DPI = 600
_QR_MM = 25
_EDGE_MM = 2
FORMATS = ("svg", "png", "pdf")


def text(kid: bytes, public: bytes, place: str) -> str:
    """What the QR code says. A URN, so that nobody's phone takes it for a page."""
    return f"urn:patrola:{kid.hex()}:{hashlib.sha256(public).hexdigest()}:{place}"


def read(said: str) -> tuple[str, str, str]:
    """(terminal id, fingerprint, unit) of such a text. Raises ValueError."""
    parts = said.split(":")
    if len(parts) != 5 or parts[:2] != ["urn", "patrola"]:
        raise ValueError("no label of a terminal")
    return parts[2], parts[3], parts[4]


def make(path: Path, kid: bytes, public: bytes, place: str, call_sign: str) -> Path:
    """Draw it in the format of the file's ending. Raises Usage, FlashError."""
    kind = path.suffix.lower().lstrip(".")
    if kind not in FORMATS:
        raise Usage(f"--output {path}: no format of a label", f"let it end in .{', .'.join(FORMATS)}")
    # Error correction Q: a quarter of it may be scratched off, or lie under somebody's thumb.
    code = segno.make(text(kid, public, place), error="q", micro=False, boost_error=False)
    lines = _lines(kid, public, place, call_sign)
    if kind == "svg":
        return write(path, _svg(code, lines).encode())
    out = io.BytesIO()
    image = _image(code, lines)
    if kind == "png":
        image.save(out, "PNG", dpi=(_DPI, _DPI), optimize=True)
    else:
        image.save(out, "PDF", resolution=_DPI)
    return write(path, out.getvalue())


def _lines(kid: bytes, public: bytes, place: str, call_sign: str) -> list[tuple[str, float, bool]]:
    """(text, height in mm, bold) from top to bottom."""
    directorate, station, unit = place.split("/")
    digits = hashlib.sha256(public).hexdigest()
    rows = [(unit, 4.6, True), (call_sign, 2.6, False), (station, 2.4, False), (directorate, 2.4, False)]
    rows += [(" ".join(kid.hex()[at : at + 4] for at in range(0, 16, 4)), 2.6, True)]
    # The id is how the fingerprint begins; this is how it goes on.
    rows += [(digits[16:40], 1.7, False), (digits[40:], 1.7, False)]
    return [row for row in rows if row[0] != unit or row[2]]


def _svg(code: segno.QRCode, lines: list[tuple[str, float, bool]]) -> str:
    side = code.symbol_size(border=0)[0]
    module = _QR_MM / side
    cells = "".join(
        f"M{x} {y}h1v1h-1z" for y, row in enumerate(code.matrix) for x, dark in enumerate(row) if dark
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH_MM}mm" height="{HEIGHT_MM}mm" '
        f'viewBox="0 0 {WIDTH_MM} {HEIGHT_MM}"><rect width="100%" height="100%" fill="#fff"/>',
        f'<path transform="translate({_EDGE_MM} {_EDGE_MM}) scale({module:.5f})" d="{cells}"/>',
    ]
    left, y, room = _QR_MM + 3 * _EDGE_MM, float(_EDGE_MM), WIDTH_MM - _QR_MM - 4 * _EDGE_MM
    for words, height, bold in lines:
        y += height
        weight = ' font-weight="bold"' if bold else ""
        # Whoever draws it has another font: what may be too long is held to the room there is.
        wide = (
            f' textLength="{room}" lengthAdjust="spacingAndGlyphs"'
            if len(words) * height * 0.6 > room
            else ""
        )
        parts.append(
            f'<text x="{left}" y="{y:.2f}" font-size="{height}" font-family="sans-serif"{weight}{wide}>'
            f"{escape(words)}</text>"
        )
        y += height * 0.35
    return "\n".join([*parts, "</svg>", ""])


def _image(code: segno.QRCode, lines: list[tuple[str, float, bool]]) -> Image.Image:
    def dots(mm: float) -> int:
        return round(mm * _DPI / 25.4)

    image = Image.new("1", (dots(WIDTH_MM), dots(HEIGHT_MM)), 1)
    side = code.symbol_size(border=0)[0]
    module = dots(_QR_MM) // side
    draw = ImageDraw.Draw(image)
    edge = dots(_EDGE_MM)
    for y, row in enumerate(code.matrix):
        for x, dark in enumerate(row):
            if dark:
                at = (edge + x * module, edge + y * module)
                draw.rectangle((at, (at[0] + module - 1, at[1] + module - 1)), fill=0)
    left, top = dots(_QR_MM + 3 * _EDGE_MM), float(edge)
    room = image.width - left - edge
    for words, height, bold in lines:
        plain, size = ascii_only(words), float(dots(height))
        while True:
            font = ImageFont.load_default(size)
            stroke = dots(height / 60) if bold else 0
            if draw.textlength(plain, font) + 2 * stroke <= room or size < 8:
                break
            size *= 0.95
        draw.text((left, top), plain, fill=0, font=font, stroke_width=stroke)
        top += dots(height) * 1.35
    return image


def ascii_only(words: str) -> str:
    """Letters without their marks: the font knows no others."""
    words = words.replace("đ", "dj").replace("Đ", "Dj")
    plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode()
    return plain or "?"
