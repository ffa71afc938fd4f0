"""`./flash.py label`."""

import argparse
import json
from pathlib import Path

NAME = "label"
HELP = "draw the label of a unit, with its QR code"
DESCRIPTION = (
    "A label 62 mm wide: unit, call sign and terminal id to read, and a QR code with the terminal's id, the "
    "fingerprint of its public key, and its unit. The file's ending says what it is: svg, png (600 dpi) or "
    "pdf."
)
EXAMPLE = "./flash.py label --unit vr-101 --output vr-101.pdf"


def arguments(parser: argparse.ArgumentParser) -> None:
    from flashing.desk import options as desk

    parser.add_argument("--unit", required=True, metavar="UNIT", help="a unit that was provisioned here")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="default: label.svg in the unit's records"
    )
    desk.record_options(parser)


def run(options: argparse.Namespace) -> int:
    from flashing.desk import label, records

    known = records.provisioned(options.records, options.unit)
    public = bytes.fromhex(known["public_key"])
    path = options.output or records.folder(options.records, known["unit"]) / "label.svg"
    label.make(path, bytes.fromhex(known["kid"]), public, known["unit"], known["call_sign"])
    if options.json:
        print(json.dumps({"label": str(path), "unit": known["unit"], "kid": known["kid"]}))
    else:
        print(
            f"{path}: {known['unit']}, terminal {known['kid']}. Print it {label.WIDTH_MM} mm wide, unscaled."
        )
    return 0
