"""Releases for the bench: images that the technician's own tool makes, tiny ones that go wrong on purpose,
and manifests signed for any of them, rightly or not."""

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from hwsim.openssl import signer
from protocol import suit, update

_ROOT = Path(__file__).resolve().parent.parent
# A program that is none: what it does in place of `firmware.main.main`.
CRASHES = "def main(slot):\n    print('it crashes')\n    raise ValueError('no good')\n"
HANGS = (
    "import machine\ndef main(slot):\n    print('it hangs')\n    while True:\n        machine.lightsleep()\n"
)


def own_key(number=0x5EED):
    """The bench's release key, the same in every run; another number, somebody else's."""
    return ec.derive_private_key(number, ec.SECP256R1())


def public_of(key):
    """X || Y."""
    numbers = key.public_key().public_numbers()
    return numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


def make(folder, version, board="SIM"):
    """Image and manifest by `flash.py release`; the image's bytes."""
    folder = Path(folder)
    image = folder / update.image_name(board, update.version_number(version))
    if not image.is_file():
        key = folder / "release.pem"
        text = own_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        key.write_bytes(text)
        words = ["--board", board, "--key", str(key), "--output", str(folder), "--version", version, "--json"]
        command = [sys.executable, "flash.py", "release", *words]
        made = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
        if made.returncode:
            raise RuntimeError(f"flash.py release: {made.stderr.strip() or made.stdout.strip()}")
        assert json.loads(made.stdout)["image"] == str(image)
    return image.read_bytes()


def manifest_of(folder, version, board="SIM"):
    """The manifest that `make` left there."""
    return (Path(folder) / update.manifest_name(board, update.version_number(version))).read_bytes()


def program(text):
    """A ROMFS image with that as its `firmware/main.py`."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        (tree / "firmware").mkdir(parents=True)
        (tree / "firmware" / "__init__.py").write_text("")
        (tree / "firmware" / "main.py").write_text(text)
        output = Path(folder) / "image"
        command = [
            sys.executable,
            "-m",
            "mpremote",
            "romfs",
            "--no-mpy",
            "-o",
            str(output),
            "build",
            str(tree),
        ]
        subprocess.run(command, capture_output=True, text=True, check=True)
        return output.read_bytes()


def signed(image, version, like, key=None, board="SIM", **parts):
    """A manifest for `image`, of the vendor and board class of the manifest `like`; `parts` differ."""
    model = suit.Envelope(like).peek()
    number = update.version_number(version)
    values = {
        "vendor": model.vendor,
        "board_class": model.board_class,
        "digest": _sha256(image),
        "size": len(image),
        "uri": "/u/" + update.image_name(board, number),
    }
    key = own_key() if key is None else key
    release = suit.Release(number, **(values | parts))
    return suit.envelope(release, _sha256(public_of(key))[:8], _sha256, signer(key))


def _sha256(data):
    return hashlib.sha256(data).digest()
