"""`flash.py release`: what it makes is read by others' libraries, and by MicroPython as the program it is."""

import hashlib
import json
import stat
import subprocess
import sys

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from flashing import image
from tests.conftest import ROOT, micropython


def run(*arguments, code=0):
    command = [sys.executable, "flash.py", "release", *map(str, arguments), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("release")
    key = folder / "keys" / "release.pem"
    public = run("--make-key", "--key", key)
    answer = run("--board", "SIM", "--key", key, "--output", folder / "out", "--version", "0.2.0")
    return folder, key, public, answer


def test_the_key_is_its_owners_alone(made):
    folder, key, public, _ = made
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    numbers = load_pem_private_key(key.read_bytes(), None).public_key().public_numbers()
    assert public["release_key"] == f"{numbers.x:064x}{numbers.y:064x}"
    assert key.with_name("release.pem.pub").read_text() == public["release_key"] + "\n"
    assert public["public"] == f"{key}.pub"
    assert public["kid"] == hashlib.sha256(bytes.fromhex(public["release_key"])).hexdigest()[:16]
    error = run("--make-key", "--key", key, code=1)["error"]
    assert error["reason"] == "exists"


def test_the_manifest_is_what_others_read(made):
    """Nothing of this project's own: cbor2, hashlib and cryptography, by the draft's 6.2 and 8.3."""
    folder, key, public, answer = made
    data = (folder / "out" / "SIM-0.2.0.suit").read_bytes()
    whole = (folder / "out" / "SIM-0.2.0.romfs").read_bytes()
    envelope = cbor2.loads(data)
    digest, block = cbor2.loads(envelope.value[2])
    assert cbor2.loads(digest) == [-16, hashlib.sha256(cbor2.dumps(envelope.value[3])).digest()]
    protected, _, _, signature = cbor2.loads(block).value
    assert cbor2.loads(protected) == {1: -7, 4: bytes.fromhex(public["kid"])}
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    verifier = load_pem_private_key(key.read_bytes(), None).public_key()
    signed = cbor2.dumps(["Signature1", protected, b"", digest])
    verifier.verify(encode_dss_signature(r, s), signed, ec.ECDSA(SHA256()))
    manifest = cbor2.loads(envelope.value[3])
    parameters = cbor2.loads(cbor2.loads(manifest[3])[4])[1]
    assert manifest[2] == 0x000200
    assert parameters[1] == image.VENDOR.bytes and parameters[2] == image.class_of("SIM")
    assert cbor2.loads(parameters[3]) == [-16, hashlib.sha256(whole).digest()]
    assert parameters[14] == len(whole) == answer["bytes"]
    assert cbor2.loads(manifest[20])[1] == {21: "/u/SIM-0.2.0.romfs"}


def test_the_image_calls_itself_what_its_manifest_says(made, tmp_path):
    folder, _, _, _ = made
    script = tmp_path / "read.py"
    script.write_text(
        "import vfs, sys\n"
        f"vfs.mount(vfs.VfsRom(open({str(folder / 'out' / 'SIM-0.2.0.romfs')!r}, 'rb').read()), '/rom')\n"
        "sys.path[:] = ['/rom', '.frozen']\n"
        "import board, protocol.suit\n"
        "b = board.BOARD\n"
        "print(b['name'], b['class'].hex(), [x for x in open('/rom/about.txt')])\n"
    )
    answer = subprocess.run([micropython(), str(script)], capture_output=True, text=True, check=True)
    assert f"SIM {image.class_of('SIM').hex()}" in answer.stdout and "version 0.2.0" in answer.stdout


def test_without_a_version_it_is_the_programs_own(made, tmp_path):
    _, key, _, _ = made
    own = image.version_of(image.modules(image.ROOMS))
    assert run("--board", "SIM", "--key", key, "--output", tmp_path)["version"] == own
    assert (tmp_path / f"SIM-{own}.suit").exists()


def test_every_board_is_a_class_of_its_own():
    classes = {image.class_of(name) for name in [*image.board_names(), "SIM2"]}
    assert len(classes) == len(image.board_names()) + 1


def test_what_is_wrong_is_said(made, tmp_path):
    _, key, _, _ = made
    for arguments, code, word in (
        (("--board", "SIM", "--key", tmp_path / "none", "--output", tmp_path), 1, "no release key"),
        (("--board", "NONE", "--key", key, "--output", tmp_path), 1, "no board"),
        (("--board", "SIM", "--key", key), 2, "--output"),
        (("--board", "SIM", "--key", key, "--output", tmp_path, "--version", "2"), 2, "of the form 1.2.3"),
        (("--board", "SIM", "--key", __file__, "--output", tmp_path), 1, "not an unsealed private key"),
        (("--make-key", "--board", "SIM", "--key", tmp_path / "k"), 2, "nothing else"),
    ):
        assert word in run(*arguments, code=code)["error"]["what"], arguments
    assert not list(tmp_path.iterdir())
