"""The label: what another program's eyes read of it, printed 62 mm wide."""

import hashlib
import io
import json
import os
import shutil
import subprocess

import pytest
import zxingcpp
from cryptography.hazmat.primitives.asymmetric import ec
from PIL import Image

import flash as tool
from flashing.desk import label, record, records
from flashing.desk.technician import Technician

PUBLIC = bytes(range(64))
KID = hashlib.sha256(PUBLIC).digest()[:8]
PLACE = "sremska-mitrovica/ps-sremska-mitrovica/sm-101"


def seen(image):
    return [code.text for code in zxingcpp.read_barcodes(image.convert("L"))]


def make(tmp_path, kind):
    return label.make(tmp_path / f"label.{kind}", KID, PUBLIC, PLACE, "Sremska Mitrovica 101 Đ")


def test_the_code_says_id_key_and_unit(tmp_path):
    image = Image.open(make(tmp_path, "png"))
    assert abs(image.width / image.info["dpi"][0] * 25.4 - 62) < 0.1
    (said,) = seen(image)
    assert label.read(said) == (KID.hex(), hashlib.sha256(PUBLIC).hexdigest(), PLACE)
    with pytest.raises(ValueError, match="no label"):
        label.read("https://example.org")


def test_it_is_read_from_a_label_printer_of_203_dpi_scratched_and_turned(tmp_path):
    image = Image.open(make(tmp_path, "png")).convert("L")
    small = image.resize((image.width * 203 // 600, image.height * 203 // 600))
    assert len(seen(small)) == 1
    small.paste(255, (60, 60, 90, 75))  # a scratch
    assert len(seen(small.rotate(33, expand=True, fillcolor=255))) == 1
    small.paste(255, (20, 20, 200, 120))  # half of it: that is too much
    assert seen(small) == []


def test_svg_and_pdf_are_the_same_label(tmp_path):
    svg, pdf = make(tmp_path, "svg"), make(tmp_path, "pdf")
    text = svg.read_text()
    assert 'width="62mm"' in text
    assert "Đ" in text
    assert pdf.read_bytes().startswith(b"%PDF-")
    converter = shutil.which("rsvg-convert")
    if converter is None:
        pytest.skip("no rsvg-convert here: the SVG was not drawn")
    drawn = subprocess.run([converter, "-w", "1465", str(svg)], capture_output=True, check=True).stdout
    assert seen(Image.open(io.BytesIO(drawn))) == [label.text(KID, PUBLIC, PLACE)]


def test_the_command_takes_it_from_the_records(tmp_path, capsys):
    folder = tmp_path / "records"
    words = ["label", "--unit", "sm-101", "--records", str(folder), "--json"]
    assert tool.main(words) == 1
    assert json.loads(capsys.readouterr().out)["error"]["reason"] == "no-record"
    known = {"unit": PLACE, "kid": KID.hex(), "public_key": PUBLIC.hex(), "call_sign": "SM 101"}
    records.put(folder, PLACE, records.PROVISION, known)
    assert tool.main(words) == 0
    made = json.loads(capsys.readouterr().out)["label"]
    assert os.path.exists(made)
    assert tool.main([*words, "--output", str(tmp_path / "label.doc")]) == 2


def test_a_test_record_is_one_page_and_cannot_be_changed():
    signer = Technician(ec.generate_private_key(ec.SECP256R1()))
    steps = [{"name": "gnss", "result": "failed", "text": "<no fix>", "do": "a & b", "values": {}}]
    found = {
        "unit": PLACE,
        "kid": KID.hex(),
        "public_key": PUBLIC.hex(),
        "board": "SIM",
        "chip": "01",
        "version": "0.1.0",
        "began": "2027-01-01T00:00:00Z",
        "ended": "2027-01-01T00:03:00Z",
        "passed": False,
        "steps": steps,
    }
    document = json.loads(json.dumps(record.signed(found, signer)))
    assert record.check(document, signer.public)
    page = record.page(document)
    assert "&lt;no fix&gt;" in page
    assert "not passed" in page
    assert signer.kid.hex() in page
    document["record"]["steps"][0]["result"] = "good"
    assert not record.check(document, signer.public)
